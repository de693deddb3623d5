class PackageError(Exception):
    """A function app of which no package can be built: what is wrong and what to do."""
