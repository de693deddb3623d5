"""Every member of every type that API Management admits to expressions: an expression that uses it, and what .NET answers."""
