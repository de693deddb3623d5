"""What the subscription must have and allow: providers, regions, SKUs, names, rights, policies."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from secure_mcp_local.preflight.check import Check, Unknown, Wrong
from secure_mcp_local.preflight.subject import Subject, normal, properties
from secure_mcp_local.recording import Resource
from secure_mcp_local.resource_manager import Refused

_RESOURCES, _API_MANAGEMENT, _WEB, _STORAGE = "2022-09-01", "2024-05-01", "2024-04-01", "2023-05-01"
_KEY_VAULT, _COSMOS, _PERMISSIONS, _POLICY = "2023-07-01", "2024-11-15", "2022-04-01", "2022-03-01"

# Modules of azure-native whose namespace has another name.
_NAMESPACES = {
    "apimanagement": "Microsoft.ApiManagement",
    "web": "Microsoft.Web",
    "app": "Microsoft.App",
    "cosmosdb": "Microsoft.DocumentDB",
    "storage": "Microsoft.Storage",
    "keyvault": "Microsoft.KeyVault",
    "operationalinsights": "Microsoft.OperationalInsights",
    "applicationinsights": "Microsoft.Insights",
    "monitor": "Microsoft.Insights",
    "managedidentity": "Microsoft.ManagedIdentity",
    "network": "Microsoft.Network",
    "privatedns": "Microsoft.Network",
    "consumption": "Microsoft.Consumption",
}
_FLEX = "FlexConsumption"
_FORBIDDEN = {401, 403}
_TYPES = {
    "apimanagement:ApiManagementService": ("Microsoft.ApiManagement/service", _API_MANAGEMENT),
    "web:AppServicePlan": ("Microsoft.Web/serverfarms", _WEB),
    "web:WebApp": ("Microsoft.Web/sites", _WEB),
    "storage:StorageAccount": ("Microsoft.Storage/storageAccounts", _STORAGE),
    "cosmosdb:DatabaseAccount": ("Microsoft.DocumentDB/databaseAccounts", _COSMOS),
    "keyvault:Vault": ("Microsoft.KeyVault/vaults", _KEY_VAULT),
}
"""Resource types that are validated and held against policies, with the API version of the question."""
_NOT_IN_BODY = {"resourceGroupName", "location", "sku", "identity", "kind", "tags", "zones", "properties"}
_NAMES = {"serviceName", "accountName", "vaultName", "name"}


def _providers(subject: Subject) -> str:
    needed = {
        namespace for resource in subject.recording if (namespace := _NAMESPACES.get(_module(resource))) is not None
    }
    if _flex(subject):
        # Nothing calls it, so nothing registers it: the platform behind Flex Consumption's network does.
        needed.add("Microsoft.App")
    states = {str(one.get("namespace")).lower(): str(one.get("registrationState")) for one in subject.providers}
    missing = sorted(name for name in needed if states.get(name.lower()) != "Registered")
    if missing:
        commands = " && ".join(f"az provider register --namespace {name} --wait" for name in missing)
        raise Wrong(f"not registered: {', '.join(missing)}", commands)
    return f"{len(needed)} registered"


def _api_management_sku(subject: Subject) -> str:
    services = subject.all("apimanagement:ApiManagementService") or _none("API Management service")
    offered = {
        (str(one.get("name")).lower(), normal(str(location)))
        for one in subject.azure.pages(f"{subject.scope}/providers/Microsoft.ApiManagement/skus", _API_MANAGEMENT)
        if one.get("resourceType", "service") == "service" and not one.get("restrictions")
        for location in one.get("locations") or []
    }
    for service in services:
        sku, location = str((service.get("sku") or {}).get("name")), str(service.get("location"))
        if (sku.lower(), normal(location)) not in offered:
            others = sorted({region for name, region in offered if name == sku.lower()})
            raise Wrong(
                f"{sku} is not offered in {location} to this subscription",
                f"pulumi config set azure-native:location REGION, one of: {', '.join(others[:12]) or 'none'}",
            )
    return "offered"


def _flex_in_region(subject: Subject) -> str:
    plans = _flex(subject) or _none("Flex Consumption plan")
    regions = {
        normal(str(one.get("name"))): str(properties(one).get("orgDomain", ""))
        for one in subject.azure.pages(f"{subject.scope}/providers/Microsoft.Web/geoRegions", _WEB, sku=_FLEX)
    }
    for plan in plans:
        location = str(plan.get("location"))
        if normal(location) not in regions:
            raise Wrong(
                f"Flex Consumption is not in {location}",
                f"pulumi config set azure-native:location REGION, one of: {', '.join(sorted(regions)[:12])}",
            )
        if plan.get("zoneRedundant") and "FCZONEREDUNDANCY" not in regions[normal(location)]:
            raise Wrong(
                f"{location} has no zones for Flex Consumption", "turn zone redundancy off, or take another region"
            )
    return "there"


def _runtime(subject: Subject) -> str:
    apps = subject.all("web:WebApp") or _none("function app")
    for app in apps:
        runtime = (app.get("functionAppConfig") or {}).get("runtime") or {}
        name, version = str(runtime.get("name")), str(runtime.get("version"))
        location = normal(str(app.get("location")))
        stacks = subject.azure.pages(
            f"/providers/Microsoft.Web/locations/{location}/functionAppStacks",
            _WEB,
            stack=name,
            removeDeprecatedStacks="true",
        )
        known = {
            str(settings.get("runtimeVersion"))
            for stack in stacks
            for major in properties(stack).get("majorVersions") or []
            for minor in major.get("minorVersions") or []
            if (settings := (minor.get("stackSettings") or {}).get("linuxRuntimeSettings"))
            and not settings.get("isDeprecated")
        }
        if not any(one.lower() in {version.lower(), f"{name}|{version}".lower()} for one in known):
            raise Wrong(
                f"{name} {version} is not offered in {location}", f"take one of: {', '.join(sorted(known)) or 'none'}"
            )
    return "offered"


def _cosmos_region(subject: Subject) -> str:
    accounts = subject.all("cosmosdb:DatabaseAccount") or _none("Cosmos DB account")
    for account in accounts:
        for place in account.get("locations") or []:
            location = str(place.get("locationName"))
            try:
                found = subject.azure.get(
                    f"{subject.scope}/providers/Microsoft.DocumentDB/locations/{normal(location)}", _COSMOS
                )
            except Refused as refused:
                if refused.status in _FORBIDDEN:
                    raise
                raise Wrong(f"{location}: {refused}", "take another region") from None
            allowed = properties(found)
            zones = bool(place.get("isZoneRedundant"))
            key = "isSubscriptionRegionAccessAllowedForAz" if zones else "isSubscriptionRegionAccessAllowedForRegular"
            if allowed.get(key) is not True or allowed.get("status", "Online") != "Online":
                raise Wrong(
                    f"{location} is closed to this subscription{' for zones' if zones else ''}",
                    "take another region, or ask for access at https://aka.ms/cosmosdbquota",
                )
    return "open"


def _names(subject: Subject) -> str:
    taken: list[str] = []
    asked = 0
    for type, name, path, version, body, free in _NAME_CHECKS:
        for resource in subject.coming(type):
            value = str(resource.get(name))
            answer = subject.azure.post(f"{subject.scope}/providers/{path}", version, {"name": value, **body})
            asked += 1
            if answer.get(free) is not True:
                taken.append(f"{value}: {answer.get('message') or answer.get('reason') or 'taken'}")
    for account in subject.coming("cosmosdb:DatabaseAccount"):
        value = str(account.get("accountName"))
        asked += 1
        if subject.azure.exists(f"/providers/Microsoft.DocumentDB/databaseAccountNames/{value}", _COSMOS):
            taken.append(f"{value}: taken")
    if taken:
        raise Wrong("; ".join(taken), "choose another name, or another stack: names carry a suffix of the stack's own")
    if not asked:
        raise Unknown("all is deployed that has such a name, and has it")
    return f"{asked} free"


# (type, property, call, API version, what else the body says, what says that it is free)
_NAME_CHECKS: tuple[tuple[str, str, str, str, Mapping[str, Any], str], ...] = (
    (
        "apimanagement:ApiManagementService",
        "serviceName",
        "Microsoft.ApiManagement/checkNameAvailability",
        _API_MANAGEMENT,
        {},
        "nameAvailable",
    ),
    (
        "web:WebApp",
        "name",
        "Microsoft.Web/checknameavailability",
        _WEB,
        {"type": "Microsoft.Web/sites"},
        "nameAvailable",
    ),
    (
        "storage:StorageAccount",
        "accountName",
        "Microsoft.Storage/checkNameAvailability",
        _STORAGE,
        {"type": "Microsoft.Storage/storageAccounts"},
        "nameAvailable",
    ),
    (
        "keyvault:Vault",
        "vaultName",
        "Microsoft.KeyVault/checkNameAvailability",
        _KEY_VAULT,
        {"type": "Microsoft.KeyVault/vaults"},
        "nameAvailable",
    ),
)


def _soft_deleted(subject: Subject) -> str:
    deleted: dict[str, str] = {}
    lists: tuple[tuple[str, str, str, str, str], ...] = (
        (
            "apimanagement:ApiManagementService",
            "serviceName",
            "Microsoft.ApiManagement/deletedservices",
            _API_MANAGEMENT,
            "az apim deletedservice purge --service-name {name} --location {location}",
        ),
        (
            "keyvault:Vault",
            "vaultName",
            "Microsoft.KeyVault/deletedVaults",
            _KEY_VAULT,
            "az keyvault purge --name {name} --location {location}",
        ),
    )
    looked = 0
    for type, property, path, version, command in lists:
        declared = {str(one.get(property)).lower(): one for one in subject.all(type)}
        if not declared:
            continue
        looked += len(declared)
        for one in subject.azure.pages(f"{subject.scope}/providers/{path}", version):
            name = str(one.get("name")).lower()
            if name in declared:
                location = str(one.get("location") or properties(one).get("location"))
                deleted[name] = command.format(name=name, location=normal(location))
    if deleted:
        raise Wrong(f"deleted but kept: {', '.join(deleted)}", " && ".join(deleted.values()))
    if not looked:
        raise Unknown("nothing in the stack is kept after it is deleted")
    return "none"


def _rights(subject: Subject) -> str:
    needed = ["Microsoft.Resources/deployments/write"]
    if subject.all("authorization:RoleAssignment"):
        needed.append("Microsoft.Authorization/roleAssignments/write")
    if subject.all("authorization:ManagementLockByScope"):
        needed.append("Microsoft.Authorization/locks/write")
    granted = list(subject.azure.pages(f"{subject.scope}/providers/Microsoft.Authorization/permissions", _PERMISSIONS))
    missing = [action for action in needed if not any(_grants(one, action) for one in granted)]
    if missing:
        raise Wrong(
            f"whoever is signed in may not: {', '.join(missing)}",
            f"az role assignment create --assignee YOU --role Owner --scope {subject.scope} (or a narrower role with these actions)",
        )
    return f"{len(needed)} actions allowed"


def _grants(permission: Mapping[str, Any], action: str) -> bool:
    allowed = any(matches(str(one), action) for one in permission.get("actions") or [])
    return allowed and not any(matches(str(one), action) for one in permission.get("notActions") or [])


def matches(pattern: str, action: str) -> bool:
    """Whether an action of a role covers another: `*` stands for any text."""
    head, *rest = pattern.lower().split("*")
    action = action.lower()
    if not rest:
        return head == action
    if not action.startswith(head):
        return False
    at = len(head)
    for part in rest[:-1]:
        at = action.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return action.endswith(rest[-1]) and len(action) - len(rest[-1]) >= at


def _policies(subject: Subject) -> str:
    denied: list[str] = []
    for type, body, version in _bodies(subject):
        answer = subject.azure.post(
            f"{subject.scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
            _POLICY,
            {
                "resourceDetails": {"resourceContent": body, "apiVersion": version},
                "pendingFields": [{"field": "name"}, {"field": "location", "values": [body["location"]]}],
            },
        )
        for one in answer.get("fieldRestrictions") or []:
            for restriction in one.get("restrictions") or []:
                values = {normal(str(value)) for value in restriction.get("values") or []}
                if restriction.get("result") == "Deny" and (not values or normal(str(body["location"])) in values):
                    denied.append(f"{type}: {one.get('field')} by {_policy(restriction.get('policy'))}")
        evaluated = (answer.get("contentEvaluationResult") or {}).get("policyEvaluations") or []
        denied += [
            f"{type} by {_policy(one.get('policyInfo'))}"
            for one in evaluated
            if one.get("evaluationResult") == "NonCompliant"
            and str((one.get("effectDetails") or {}).get("policyEffect", "Deny")).lower() == "deny"
        ]
    if denied:
        raise Wrong(
            "; ".join(dict.fromkeys(denied)),
            "az policy assignment show --ids ID shows what it wants; set that, or ask for an exemption",
        )
    return "none denies"


def _policy(info: Mapping[str, Any] | None) -> str:
    return str((info or {}).get("policyAssignmentId", "a policy"))


def _validation(subject: Subject) -> str:
    """ARM's own validation of what it refuses most often, before anything exists."""
    resources = [
        {"apiVersion": version, **{k: v for k, v in body.items() if v is not None}}
        for type, body, version in _bodies(subject)
        if type in {"Microsoft.ApiManagement/service", "Microsoft.Web/serverfarms", "Microsoft.Web/sites"}
    ]
    if not resources:
        _none("API Management service or function app")
    groups = [str(one.get("resourceGroupName")) for one in subject.all("resources:ResourceGroup")]
    template: dict[str, Any] = {
        "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.Resources/resourceGroups",
                "apiVersion": _RESOURCES,
                "name": group,
                "location": next(iter(sorted(subject.locations)), ""),
            }
            for group in groups
        ]
        + [
            {
                "type": "Microsoft.Resources/deployments",
                "apiVersion": _RESOURCES,
                "name": "secure-mcp-preflight",
                "resourceGroup": groups[0] if groups else "secure-mcp-preflight",
                "dependsOn": [f"[resourceId('Microsoft.Resources/resourceGroups', '{group}')]" for group in groups],
                "properties": {
                    "mode": "Incremental",
                    "template": {
                        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                        "contentVersion": "1.0.0.0",
                        "resources": resources,
                    },
                },
            }
        ],
    }
    body = {
        "location": next(iter(sorted(subject.locations)), ""),
        "properties": {"mode": "Incremental", "template": template},
    }
    try:
        subject.azure.post(
            f"{subject.scope}/providers/Microsoft.Resources/deployments/secure-mcp-preflight/validate", _RESOURCES, body
        )
    except Refused as refused:
        if refused.status in _FORBIDDEN:
            raise
        raise Wrong(
            str(refused), "secure-mcp plan --json shows what is sent; secure-mcp check may name the line"
        ) from None
    return f"{len(resources)} resources valid"


def _bodies(subject: Subject) -> Iterable[tuple[str, dict[str, Any], str]]:
    """Resource type, ARM body and API version of each resource that is asked about."""
    for token, (type, version) in _TYPES.items():
        for resource in subject.all(token):
            inputs = resource.inputs
            name = next((str(inputs[key]) for key in _NAMES if key in inputs), resource.name)
            own = {key: value for key, value in inputs.items() if key not in _NOT_IN_BODY | _NAMES}
            yield (
                type,
                {
                    "type": type,
                    "name": name,
                    "location": str(inputs.get("location", "")),
                    **{key: inputs[key] for key in ("sku", "kind", "tags") if key in inputs},
                    "properties": _placed({**own, **(inputs.get("properties") or {})}, subject),
                },
                version,
            )


def _placed(values: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """The same with the ids that the offline recording made up in the real subscription."""
    return json.loads(subject.placed(json.dumps(values)))


def _module(resource: Resource) -> str:
    package, _, rest = resource.type.partition(":")
    return rest.partition(":")[0].partition("/")[0] if package == "azure-native" else ""


def _flex(subject: Subject) -> list[Resource]:
    return [one for one in subject.all("web:AppServicePlan") if (one.get("sku") or {}).get("tier") == _FLEX]


def _none(what: str) -> Any:
    raise Unknown(f"the stack has no {what}")


CHECKS: tuple[Check, ...] = (
    Check("providers", "Resource providers are registered", "learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types; azapi#625 for Microsoft.App", _providers),
    Check("api-management-sku", "API Management's SKU is offered in the region", "learn.microsoft.com/rest/api/apimanagement/api-management-skus/list", _api_management_sku),
    Check("flex-region", "Flex Consumption is in the region", "learn.microsoft.com/rest/api/appservice/list-geo-regions", _flex_in_region),
    Check("runtime", "The function app's runtime is offered in the region", "learn.microsoft.com/rest/api/appservice/provider/get-function-app-stacks-for-location", _runtime),
    Check("cosmos-region", "Cosmos DB takes new accounts of this subscription in the region", "learn.microsoft.com/rest/api/cosmos-db-resource-provider/locations/get", _cosmos_region),
    Check("names", "Names that must be unique are free", "the checkNameAvailability calls of each provider", _names),
    Check("soft-deleted", "No namesake is deleted but kept", "learn.microsoft.com/azure/api-management/soft-delete; learn.microsoft.com/azure/key-vault/general/soft-delete-overview", _soft_deleted),
    Check("rights", "Whoever is signed in may create, assign roles and lock", "learn.microsoft.com/rest/api/authorization/permissions", _rights),
    Check("policies", "No policy of the organisation denies it", "learn.microsoft.com/rest/api/policyinsights/policy-restrictions/check-at-subscription-scope", _policies),
    Check("validation", "Azure Resource Manager takes the bodies", "learn.microsoft.com/rest/api/resources/deployments/validate-at-subscription-scope", _validation),
)  # fmt: skip
