"""The policies, one module for each family."""
