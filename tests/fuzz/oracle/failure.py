"""What goes wrong with the oracle itself."""


class OracleError(Exception):
    """It cannot be installed, or it gives no answer. Says what to do."""
