class PublishingError(Exception):
    """The code did not get to the app, or does not run there: what happened and what to do."""
