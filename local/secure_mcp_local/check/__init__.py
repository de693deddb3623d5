"""Checks of a stack: its resources, its policy documents and the templates that they come from."""
