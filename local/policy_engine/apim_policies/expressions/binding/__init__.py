"""From the syntax tree to Python functions: names, types, members and conversions."""
