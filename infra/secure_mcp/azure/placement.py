"""Where the resources of a component go, and how their names end."""

from typing import TypedDict

import pulumi


class Placement(TypedDict):
    """The components that the provider offers declare these keys again: the schema takes descriptions from a class itself only."""

    resource_group_name: pulumi.Input[str]
    """Resource group that everything goes to."""
    location: str
    """Azure region, such as westeurope."""
    suffix: pulumi.Input[str]
    """Ending of names, letters and digits: some must be unique in all of Azure."""
