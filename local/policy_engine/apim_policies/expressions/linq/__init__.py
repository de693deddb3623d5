"""LINQ: what binds its operators, and what they do."""
