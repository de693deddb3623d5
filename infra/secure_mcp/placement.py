"""Where the resources of a component go, and how their names end."""

from typing import TypedDict

import pulumi


class Placement(TypedDict):
    resource_group_name: pulumi.Input[str]
    location: str
    suffix: pulumi.Input[str]
    """Ending of names, letters and digits: some must be unique in all of Azure."""
