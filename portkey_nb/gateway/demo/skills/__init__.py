"""What the simulated models can answer, one subject to a room."""
