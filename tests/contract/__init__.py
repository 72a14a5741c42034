"""The gateway as it really answers: recorded, and live with simulated providers behind it."""
