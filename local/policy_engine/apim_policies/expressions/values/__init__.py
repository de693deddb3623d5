"""What expressions hold: the values of .NET and how they behave."""
