"""Roles that are assigned and not yet in force.

Azure answers that a role is assigned before every service has heard of it, which takes minutes. Who uses it at once is refused,
and the deployment fails that would succeed when run again.
https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
"""

import asyncio
import os
import re
from collections.abc import Sequence

import pulumi

from ..interruption import unless_interrupted

WAIT = "SECURE_MCP_ROLE_WAIT"
"""Environment variable: seconds to wait after an assignment, and between two tries."""
_SECONDS = 120.0
_TRIES = 8

# What Key Vault says to an identity without the role, as API Management hands it on.
_REFUSED = re.compile(r"\bForbidden|AccessDenied|does not have secrets get permission|\b403\b", re.IGNORECASE)


def in_force(name: str, roles: Sequence[pulumi.CustomResource], opts: pulumi.ResourceOptions) -> pulumi.Stash:
    """Something that exists when roles are in force: what uses them waits for it.

    It waits once, after its roles were assigned or have changed. What it waits for can begin long before it is needed, so that
    nobody notices.

    Args:
        name: Pulumi name; no other in the program has it.
        roles: The assignments.
        opts: Options, with the parent.
    """

    async def wait(_: pulumi.ResourceHookArgs) -> None:
        await unless_interrupted(asyncio.sleep(_seconds()))

    # Before, and not after: what fails afterwards counts as done.
    hook = pulumi.ResourceHook(f"{name}-wait", wait)
    binding = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
    return pulumi.Stash(
        name,
        input=pulumi.Output.all(*(role.id for role in roles)),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=binding)),
    )


def patient(name: str) -> pulumi.ResourceHookBinding:
    """Hooks of a resource that Azure refuses for as long as a role is not in force: it is tried again, for a quarter of an hour.

    Args:
        name: Pulumi name of the resource.
    """

    async def again(args: pulumi.ErrorHookArgs) -> bool:
        if len(args.errors) >= _TRIES or not is_late_role(args.errors[0]):
            return False
        pulumi.log.info(f"{args.name}: a role is not in force yet; trying again in {_seconds():.0f} seconds")
        await unless_interrupted(asyncio.sleep(_seconds()))
        return True

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name}-again", again)])


def is_late_role(error: str) -> bool:
    """Whether an error is what a service says to an identity whose role it has not heard of."""
    return _REFUSED.search(error) is not None


def _seconds() -> float:
    return float(os.environ.get(WAIT, _SECONDS))
