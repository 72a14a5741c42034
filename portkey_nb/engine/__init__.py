"""What is called and remembered: one request whole, its reply, its cost and its row in the log."""
