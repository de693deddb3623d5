"""What the policies of a request run in."""
