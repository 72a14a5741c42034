"""Where people meet the toolkit: the magics, the painting of a running cell and the prompt language."""
