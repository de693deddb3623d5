"""Ports of the local cloud: the first gateway's, then Entra ID's and the trace console's, then those of further gateways."""

ENTRA, CONSOLE = 1, 2
"""After the port of the first gateway."""


def of_gateway(place: int) -> int:
    """How far the port of a gateway is from the first one's.

    Args:
        place: 0 for the first gateway, 1 for the second one, and so on.
    """
    return CONSOLE + place if place else 0
