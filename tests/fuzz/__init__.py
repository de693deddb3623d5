"""Policy expressions against real C#: what it answers (`oracle`), recorded answers checked anew, and random expressions."""
