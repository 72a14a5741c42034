"""The embedded demo gateway: a real HTTP server with simulated models and faults on request."""
