"""What cannot be changed in place: what the provider replaces, and what Azure refuses.

Sources: `forceNewMap` in azure-native's provider/pkg/gen/replacement.go and `x-ms-mutability` in Azure's specifications;
"Changing this forces a new resource" in azuread's and random's documentation.
"""

from collections.abc import Callable, Mapping
from typing import Any

from secure_mcp_local.recording import arguments, models

_RANDOM_TEXT = (
    "keepers length lower minLower minNumeric minSpecial minUpper number numeric overrideSpecial special upper"
)

REPLACED: Mapping[str, frozenset[str]] = {
    type: frozenset(properties.split())
    for type, properties in {
        "azure-native:applicationinsights:Component": "location",
        "azure-native:authorization:RoleAssignment": "principalId",
        "azure-native:cosmosdb:SqlResourceSqlRoleAssignment": "principalId scope",
        "azure-native:keyvault:Vault": "location",
        "azure-native:managedidentity:UserAssignedIdentity": "location",
        "azure-native:network:PrivateEndpoint": "location subnet",
        "azure-native:network:VirtualNetwork": "location",
        "azure-native:operationalinsights:Workspace": "location",
        "azure-native:privatedns:PrivateZone": "location",
        "azure-native:resources:ResourceGroup": "location",
        "azure-native:storage:StorageAccount": "isHnsEnabled location",
        "azure-native:web:AppServicePlan": "location",
        "azure-native:web:WebApp": "kind location",
        "azuread:index/application:Application": "templateId",
        "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential": (
            "applicationId displayName"
        ),
        "azuread:index/applicationPreAuthorized:ApplicationPreAuthorized": "applicationId authorizedClientId",
        "azuread:index/applicationRedirectUris:ApplicationRedirectUris": "applicationId type",
        "azuread:index/appRoleAssignment:AppRoleAssignment": "appRoleId principalObjectId resourceObjectId",
        "azuread:index/servicePrincipal:ServicePrincipal": "clientId",
        "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant": (
            "resourceServicePrincipalObjectId servicePrincipalObjectId userObjectId"
        ),
        "random:index/randomBytes:RandomBytes": "keepers length",
        "random:index/randomPassword:RandomPassword": _RANDOM_TEXT,
        "random:index/randomString:RandomString": _RANDOM_TEXT,
    }.items()
}
"""Beyond what the ARM id is made of."""

_LOCATION = "a resource stays where it was made"


def _tier(sku: Any) -> str:
    """Tiers of API Management between which a service can move.

    https://learn.microsoft.com/azure/api-management/upgrade-and-scale
    """
    name = str(sku.get("name")) if isinstance(sku, Mapping) else str(sku)
    if name == "Consumption":
        return name
    return "v2" if name.endswith("V2") else "classic"


def _whole(value: Any) -> Any:
    return value


def _partition_key(resource: Any) -> Any:
    return resource.get("partitionKey") if isinstance(resource, Mapping) else resource


IMMUTABLE: Mapping[str, Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "azure-native:apimanagement:ApiManagementService": {
        "location": (_whole, _LOCATION),
        "sku": (_tier, "a service cannot move between the classic tiers, the v2 tiers and Consumption"),
    },
    "azure-native:cosmosdb:DatabaseAccount": {
        "location": (_whole, _LOCATION),
    },
    "azure-native:cosmosdb:SqlResourceSqlContainer": {
        "resource": (_partition_key, "the partition key of a container is chosen once"),
    },
}
"""For a property: what of it cannot change, and why."""


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the properties that differ."""
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def fixed(type: str) -> frozenset[str]:
    """What the id of a resource is made of; of a type that is not modelled, as far as the SDK shows it."""
    if models.modelled(type):
        return models.id_properties(type)
    own = arguments.own_name(type)
    return frozenset({"resourceGroupName", *arguments.parent_names(type), *([own] if own else [])})


def replaced(type: str, properties: list[str]) -> list[str]:
    """Those of the changed properties that need another resource in place of this one."""
    never = REPLACED.get(type, frozenset()) | fixed(type)
    return [name for name in properties if name in never]


def refusal(type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Why Azure would refuse to change a resource in place, or none."""
    for name, (part, reason) in IMMUTABLE.get(type, {}).items():
        before, after = part(old.get(name)), part(new.get(name))
        if before != after:
            return (
                f"{name} cannot change from {before!r} to {after!r}: {reason}; "
                f"go back, or replace the resource with: pulumi up --replace URN"
            )
    return None
