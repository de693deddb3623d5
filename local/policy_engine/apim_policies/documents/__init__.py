"""Policy documents as they are written."""
