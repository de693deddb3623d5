"""Where the resources of a component go, and how their names end."""

from collections.abc import Mapping, Sequence

import pulumi

from ..options import Options, each, option
from ..options.rules import OBJECT_IDS


class RegionOptions(Options):
    """Where everything goes."""

    location: str
    """Azure region, such as swedencentral."""


class Placement(RegionOptions):
    """Where the resources of a component go, and how their names end."""

    resource_group_name: pulumi.Input[str]
    """Resource group that everything goes to."""
    suffix: pulumi.Input[str]
    """Ending of names, letters and digits: some must be unique in all of Azure."""


class ZoneOptions(Options):
    """What survives the loss of a data centre."""

    zone_redundant: bool = False
    """Whether storage, session store and function app are spread over the region's zones. The region must have zones, and those of
    Flex Consumption. API Management is spread by apimUnits in PremiumV2."""


class RecoveryOptions(Options):
    """What survives a mistake."""

    keep_deleted_days: int = option(default=14, at_least=1, at_most=365)
    """Days that deleted or overwritten data of the function app can be brought back, 1 to 365."""


class LoggedOptions(Options):
    """Where logs go."""

    workspace_id: pulumi.Input[str] | None = None
    """Log Analytics workspace that its logs go to. Without one they are not kept."""


class TagOptions(Options):
    """How things are found in bills and inventories."""

    tags: Mapping[str, str] = option(default={})
    """Tags of everything that can have some, such as owner: platform-team."""


class OwnerOptions(Options):
    """Who owns what is registered in Entra ID."""

    entra_owners: Sequence[str] = option(each(OBJECT_IDS), default=())
    """Object ids of users or service principals that own what is registered in Entra ID."""
