"""Expressions tried outside of a gateway: a sample request, and answers as JSON."""
