"""What Azure asks of a resource before it creates, changes or deletes it: this is what holds a program to the right order."""

import re
from functools import cache

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.wire import bare
from secure_mcp_local.rules.documents import REFERENCES
from secure_mcp_local.rules.references import missing_parent, parents
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import refused
from secure_mcp_local.stand_ins.deployed import resource_of
from secure_mcp_local.stand_ins.store import Deployed, Store

_APIM = "azure-native:apimanagement:"
_POLICIES = {_APIM + kind for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "PolicyFragment")}
_LOCK = "azure-native:authorization:ManagementLockByScope"

_GLOBAL = {
    "azure-native:apimanagement:ApiManagementService": "serviceName",
    "azure-native:cosmosdb:DatabaseAccount": "accountName",
    "azure-native:keyvault:Vault": "vaultName",
    "azure-native:storage:StorageAccount": "accountName",
    "azure-native:web:WebApp": "name",
}
"""Types whose names are host names, so that no two in the world have the same."""

_NAMED_VALUE = re.compile(r"\{\{([\w.-]+)\}\}")
_FRAGMENT = re.compile(r'<include-fragment\s+fragment-id="([^"]+)"')


class NotFound(LocalCloudError):
    """Something that is needed is not deployed."""


def for_creation(resource: Deployed, store: Store) -> None:
    """Whether Azure would create a resource now.

    Raises:
        LocalCloudError: it would not: a parent is missing, the name is taken, a policy names what is not there.
    """
    for parent in parents(resource.id):
        if store.get(parent) is None:
            raise NotFound(missing_parent(resource.type, parent))
    if (name := _GLOBAL.get(resource.type)) is not None:
        for other in store:
            if other.type == resource.type and other.inputs[name] == resource.inputs[name] and other.id != resource.id:
                raise LocalCloudError(f"the name {resource.inputs[name]!r} is taken by {other.id}")
    _refuse("create", resource, store)
    for_change(resource, store, "")


def for_change(resource: Deployed, store: Store, operation: str = "update") -> None:
    """Whether Azure would save a resource as it is to be.

    Raises:
        LocalCloudError: it would not: a policy names what is not there.
    """
    if operation:
        _refuse(operation, resource, store)


def for_deletion(id: str, store: Store) -> None:
    """Whether Azure would delete what has an id.

    Raises:
        LocalCloudError: it would not: it is locked, or policies use it.
    """
    resources = list(store)
    for lock in (r for r in resources if r.type == _LOCK and r.id.lower() != id.lower()):
        scope, own = f"{bare(lock.inputs['scope'])}/".lower(), f"{id}/".lower()
        if scope.startswith(own) or own.startswith(scope):
            raise LocalCloudError(f"it cannot be deleted: the lock {lock.id} forbids it; delete the lock first")
    resource = store.get(id)
    if resource is not None:
        _refuse("delete", resource, store)
    if resource is None or resource.type not in {_APIM + "NamedValue", _APIM + "PolicyFragment"}:
        return
    pattern = _NAMED_VALUE if resource.type == _APIM + "NamedValue" else _FRAGMENT
    name, service = bare(resource.inputs[_named(resource)]), _service(id)
    for policy in (r for r in resources if r.type in _POLICIES and r.id != id and _service(r.id) == service):
        if name in pattern.findall(_text(policy)):
            raise LocalCloudError(f"it cannot be deleted: the policy {policy.id} uses it")


def _refuse(operation: str, resource: Deployed, store: Store) -> None:
    """
    Raises:
        LocalCloudError: a rule of Azure's is broken.
    """
    wanted = resource_of(resource)

    @cache
    def stack() -> Stack:
        return Stack([*(resource_of(one) for one in store if one.id.lower() != resource.id.lower()), wanted])

    for broken in refused(operation, wanted, stack):
        if broken.rule.name == REFERENCES:
            raise NotFound(broken.explained)
        raise LocalCloudError(broken.explained)


def existing(id: str, store: Store) -> Deployed:
    """The resource with an id.

    Raises:
        NotFound: there is none.
    """
    found = store.get(id)
    if found is None:
        raise NotFound(f"{id} does not exist; if it was deleted outside Pulumi, run: pulumi refresh")
    return found


def _service(id: str) -> str:
    """The part of an id that names the API Management service."""
    return "/".join(id.lower().split("/")[:9])


def _named(resource: Deployed) -> str:
    """The input by which policies name a named value or a fragment."""
    return "displayName" if resource.type == _APIM + "NamedValue" else "id"


def _text(policy: Deployed) -> str:
    return str(bare(policy.inputs.get("value", "")))
