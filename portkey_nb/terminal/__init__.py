"""What people type in a terminal, one room for each subject."""
