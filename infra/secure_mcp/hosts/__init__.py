"""What runs a server."""
