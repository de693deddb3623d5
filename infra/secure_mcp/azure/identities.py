"""Managed identities: what something of Azure is for everything else of Azure."""

import pulumi
from pulumi_azure_native import managedidentity

from .placement import Placement


def user_assigned_identity(
    name: str, kind: str, owner: str, place: Placement, opts: pulumi.ResourceOptions
) -> managedidentity.UserAssignedIdentity:
    """An identity that is there before what uses it, so that its roles are, too.

    Args:
        name: Pulumi name.
        kind: What uses it, short, such as `func`.
        owner: Name of the component that makes it.
        place: Where it goes.
        opts: Options, with the parent.
    """
    return managedidentity.UserAssignedIdentity(
        name,
        resource_name_=pulumi.Output.concat("id-", kind, "-", owner, "-", place.suffix),
        resource_group_name=place.resource_group_name,
        location=place.location,
        opts=opts,
    )
