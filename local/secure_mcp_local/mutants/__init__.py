"""Mutants: every resource of a stack by every single mistake in it, and whether anything notices."""
