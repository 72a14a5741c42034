"""What goes over the wire: the client, its types and the demo gateway."""
