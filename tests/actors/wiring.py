"""What tests of the wiring of components look things up with."""

from collections.abc import Callable
from pathlib import Path

from secure_mcp_local.recording import Recording, Resource

Declared = Callable[..., Recording]
ROOT = Path(__file__).parents[2]
APIM = "azure-native:apimanagement:"
COSMOS = "azure-native:cosmosdb:"
LOCK = "azure-native:authorization:ManagementLockByScope"
ROLE = "azure-native:authorization:RoleAssignment"
APPLICATION = "azuread:index/application:Application"
STASH = "pulumi:index:Stash"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""Role definition: Key Vault Secrets User."""
ALICE, BOB = (f"00000000-0000-4000-8000-0000000000{n}" for n in ("a1", "b0"))
"""Object ids."""


def by_urn(recording: Recording) -> dict[str, Resource]:
    return {resource.urn: resource for resource in recording}


def identity_of(recording: Recording, prefix: str) -> Resource:
    return next(
        r
        for r in recording.all("azure-native:managedidentity:UserAssignedIdentity")
        if r.inputs["resourceName"].startswith(prefix)
    )


def before(recording: Recording, resource: Resource) -> set[str]:
    """Everything that exists before a resource is made, components left out."""
    resources = by_urn(recording)
    found: set[str] = set()
    waiting = [resource.urn]
    while waiting:
        new = {d for d in resources[waiting.pop()].dependencies if d in resources} - found
        found |= new
        waiting += new
    return {urn for urn in found if resources[urn].custom}
