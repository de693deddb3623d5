"""What is told of a value when the program runs: its type, its text, its conversions."""
