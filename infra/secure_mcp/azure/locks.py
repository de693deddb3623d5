"""Locks on what cannot be made again: sessions, data, keys."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import authorization


def lock(
    name: str,
    resource: pulumi.CustomResource,
    reason: str,
    contents: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> None:
    """Nobody deletes the resource or anything in it before the lock is taken away.

    Args:
        name: Pulumi name of the lock.
        resource: What is locked.
        reason: Shown to whoever tries.
        contents: What is declared under it. Azure would refuse to delete these too, so `pulumi destroy` has to begin with the lock.
        parent: The component.

    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    authorization.ManagementLockByScope(
        name,
        lock_name="keep",
        level=authorization.LockLevel.CAN_NOT_DELETE,
        scope=resource.id,
        notes=reason,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=contents),
    )
