"""Where the resources of a component go, and how their names end."""

import pulumi

from ..options import Options


class RegionOptions(Options):
    """Where everything goes."""

    location: str
    """Azure region, such as westeurope."""


class Placement(RegionOptions):
    """Where the resources of a component go, and how their names end."""

    resource_group_name: pulumi.Input[str]
    """Resource group that everything goes to."""
    suffix: pulumi.Input[str]
    """Ending of names, letters and digits: some must be unique in all of Azure."""


class LoggedOptions(Options):
    """Where logs go."""

    workspace_id: pulumi.Input[str] | None = None
    """Log Analytics workspace that its logs go to. Without one they are not kept."""
