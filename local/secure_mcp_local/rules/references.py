"""Ids and names that point at nothing, or at something of another kind, and declared things to which nothing points."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from secure_mcp_local.recording import models
from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, Rule, Stack, known, strings, text

IN_A_GROUP = re.compile(r"^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/.+", re.IGNORECASE)
"""The id of something in a resource group."""
_ALWAYS_THERE = re.compile(r"/(blobServices|queueServices|tableServices|fileServices)/default$", re.IGNORECASE)
_COSMOS_SCOPE = re.compile(r"/dbs/([^/]+)(?:/colls/([^/]+))?$", re.IGNORECASE)
_SOURCE = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found"

KINDS = {
    "actionGroupId": ("microsoft.insights/actiongroups",),
    "actionGroups": ("microsoft.insights/actiongroups",),
    "networkSecurityGroup.id": ("microsoft.network/networksecuritygroups",),
    "privateDnsZoneId": ("microsoft.network/privatednszones",),
    "serverFarmId": ("microsoft.web/serverfarms",),
    "subnet.id": ("microsoft.network/virtualnetworks/subnets",),
    "subnetResourceId": ("microsoft.network/virtualnetworks/subnets",),
    "userAssignedIdentities": ("microsoft.managedidentity/userassignedidentities",),
    "userAssignedIdentityResourceId": ("microsoft.managedidentity/userassignedidentities",),
    "virtualNetwork.id": ("microsoft.network/virtualnetworks",),
    "virtualNetworkSubnetId": ("microsoft.network/virtualnetworks/subnets",),
    "workspaceId": ("microsoft.operationalinsights/workspaces",),
    "workspaceResourceId": ("microsoft.operationalinsights/workspaces",),
    "loggerId": ("microsoft.apimanagement/service/loggers",),
    "apiVersionSetId": ("microsoft.apimanagement/service/apiversionsets",),
}  # fmt: skip
"""By the end of a property's path: the resource types that its id may be of."""


def arm_type(id: str) -> str:
    """The type that an ARM id is of, in lower case: `microsoft.web/sites/config`; empty for a group or a subscription."""
    _, found, rest = id.lower().rpartition("/providers/")
    segments = rest.split("/")
    return "/".join([segments[0], *segments[1::2]]) if found else ""


@cache
def _modelled() -> frozenset[str]:
    return frozenset(arm_type(template) for template in models.templates())


def _stripped(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def _dangling(resource: Resource, stack: Stack) -> Iterator[str]:
    for path, value in strings(resource.inputs):
        if not IN_A_GROUP.match(value) or not stack.inside(value):
            continue
        if stack.at(value) is not None or stack.subnet(value) is not None or _ALWAYS_THERE.search(value):
            continue
        if (scope := _COSMOS_SCOPE.search(value)) is not None:
            account = stack.at(value[: scope.start()])
            inner = f"{value[: scope.start()]}/sqlDatabases/{scope[1]}" + (
                f"/containers/{scope[2]}" if scope[2] else ""
            )
            if account is not None and stack.at(inner) is not None:
                continue
        elif arm_type(value) not in _modelled() and "/subnets/" not in value.lower():
            continue
        yield f"{_stripped(path)} is {value}, which the stack does not declare in its own group"
    yield from _address(resource, stack)


_COSMOS_ADDRESS = re.compile(
    r"https://([\w-]+)\.documents\.azure\.com[:\d]*/dbs/([^/]+)(?:/colls/([^/?]+))?", re.IGNORECASE
)


def _address(resource: Resource, stack: Stack) -> Iterator[str]:
    """Addresses of data: the container that is called has to be there."""
    for path, value in strings(resource.inputs):
        match = _COSMOS_ADDRESS.match(value) if value.startswith("https://") else None
        account = next(
            (
                one
                for one in stack.all("cosmosdb:DatabaseAccount")
                if match is not None and str(one.get("name")).lower() == match[1].lower() and not one.read
            ),
            None,
        )
        if match is None or account is None:
            continue
        inner = f"{account.id}/sqlDatabases/{match[2]}" + (f"/containers/{match[3]}" if match[3] else "")
        if stack.at(inner) is None:
            yield f"{_stripped(path)} is {value}, and {account.name} has no {match[3] or match[2]}"


def _kind(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for path, value in strings(resource.inputs):
        if value and not value.startswith("/"):
            continue
        plain = _stripped(path)
        parent = plain.rpartition(".")[0]
        wanted = next(
            (
                kinds
                for end, kinds in KINDS.items()
                if f".{plain}".endswith(f".{end}") or f".{parent}".endswith(f".{end}")
            ),
            None,
        )
        if wanted is None:
            continue
        if (is_ := arm_type(value)) not in wanted:
            yield f"{plain} is {value!r}, and must be the id of a {' or '.join(wanted)}" + (
                f", not of a {is_}" if is_ else ""
            )


def missing_parent(type: str, parent: str) -> str:
    """What Azure says when a resource is made inside of something that is not there."""
    return f"{type.rsplit(':', 1)[-1]} cannot be created: its parent {parent} does not exist"


def parents(id: str) -> Iterator[str]:
    """Ids of the ARM resources that a resource is in: its group, and each resource that its id goes through."""
    segments = id.split("/")
    if len(segments) < 5 or segments[1] != "subscriptions":
        return
    end = 5
    while end < len(segments):
        parent = "/".join(segments[:end])
        if not _ALWAYS_THERE.search(parent):
            yield parent
        # A provider's namespace comes before the types and names of its resources.
        end += 4 if segments[end] == "providers" else 2


def _parent(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.read:
        return
    for parent in parents(resource.id):
        if stack.at(parent) is not None:
            continue
        if (stack.inside(parent) and parent.lower() not in stack.groups) or _elsewhere(parent, stack):
            yield missing_parent(resource.type, parent)
            return


def _elsewhere(id: str, stack: Stack) -> bool:
    """Whether the stack declares the same name of the same type in another group."""
    end = id.lower().partition("/providers/")[2]
    return bool(end) and any(one.id.lower().partition("/providers/")[2] == end for one in stack if one.id)


def _alone(resource: Resource, stack: Stack) -> Iterator[str]:
    if "/" not in resource.id or "/providers/" not in resource.id:
        return
    group = "/".join(resource.id.lower().split("/")[:5])
    if not stack.groups or group in stack.groups or resource.read or "/resourcegroups/" not in group:
        return
    # What others name, too, is somebody else's group on purpose, such as that of a workspace that is there already.
    if any(one is not resource and stack.names(one, (f"{group}/",)) for one in stack):
        return
    neighbours = [one for one in stack if one.id.lower().startswith(f"{group}/")]
    if len(neighbours) == 1:
        yield f"resourceGroupName is {resource.inputs.get('resourceGroupName')!r}, and all else is in {', '.join(sorted(id.rpartition('/')[2] for id in stack.groups))}"


_USED = {
    "managedidentity:UserAssignedIdentity": ("clientId", "principalId"),
    "web:AppServicePlan": (),
    "network:NetworkSecurityGroup": (),
    "network:VirtualNetwork": (),
    "privatedns:PrivateZone": (),
    "operationalinsights:Workspace": (),
    "applicationinsights:Component": ("connectionString", "instrumentationKey"),
    "monitor:ActionGroup": (),
    "apimanagement:Logger": (),
    "storage:StorageAccount": ("name",),
    "cosmosdb:DatabaseAccount": ("name",),
    "cosmosdb:SqlResourceSqlContainer": ("name",),
    "cosmosdb:SqlResourceSqlRoleDefinition": (),
    "azuread:index/servicePrincipal:ServicePrincipal": ("objectId",),
}  # fmt: skip
"""By type: outputs besides the id by which others use it."""
_NO_USE = frozenset(
    f"{NATIVE}{type}"
    for type in (
        "authorization:RoleAssignment", "authorization:ManagementLockByScope", "network:PrivateEndpoint", "monitor:DiagnosticSetting",
        "storage:BlobContainer", "storage:BlobServiceProperties", "cosmosdb:SqlResourceSqlDatabase",
    )
)  # fmt: skip
"""What says something about a resource and is no use of it, unless it is of another resource's."""


def _unused(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.read or not resource.id:
        return
    type = resource.type.removeprefix(NATIVE)
    if type.startswith("azuread:") and resource.inputs.get("useExisting") is not True:
        return
    needles = {resource.id.lower()} | {str(resource.get(key)).lower() for key in _USED[type] if resource.get(key)}
    for one in stack:
        if one is resource or (one.type in _NO_USE and type not in {"operationalinsights:Workspace"}):
            continue
        if type not in {"storage:StorageAccount", "cosmosdb:DatabaseAccount"} and one.id.lower().startswith(
            f"{resource.id.lower()}/"
        ):
            return
        counts = type != "managedidentity:UserAssignedIdentity" or one.type.startswith(NATIVE)
        if counts and stack.names(one, needles):
            return
    if any(needle in value.lower() for _, value in strings(stack.outputs) for needle in needles):
        return
    yield f"nothing uses {resource.name} ({resource.id.rpartition('/')[2]})"


_HOSTS = {
    ".documents.azure.com": "cosmosdb:DatabaseAccount",
    ".azurewebsites.net": "web:WebApp",
    ".vault.azure.net": "keyvault:Vault",
    ".core.windows.net": "storage:StorageAccount",
    ".azure-api.net": "apimanagement:ApiManagementService",
}
_HOST = re.compile(r"https?://([A-Za-z0-9.-]+)")


_LONGEST_ID = 2048
"""Longer texts are documents, which name what they like."""


def _foreign(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.read or resource.type.endswith(("Policy", "PolicyFragment")):
        return
    for path, value in strings(resource.inputs):
        if len(value) > _LONGEST_ID or "/" not in value:
            continue
        plain = _stripped(path)
        if IN_A_GROUP.match(value) and not stack.inside(value) and stack.groups:
            kind = arm_type(value)
            same = [one.name for one in stack if one.id and stack.inside(one.id) and arm_type(one.id) == kind]
            if same or kind.endswith("/subnets"):
                yield f"{plain} is {value}, which is of another group, and the stack has {same[0] if same else 'its own network'}"
        for host in _HOST.findall(value):
            type = next((one for end, one in _HOSTS.items() if host.lower().endswith(end)), None)
            own = [str(one.get("name")).lower() for one in stack.all(type)] if type is not None else []
            if (
                own
                and not any(f"{name}." in f"{host.lower()}." for name in own)
                and all(stack.inside(one.id) for one in stack.all(type or ""))
            ):
                yield f"{plain} names {host}, which the stack does not declare"


def _principal(assignment: Resource, stack: Stack) -> Iterator[str]:
    principal = text(assignment, "principalId").lower()
    who = stack.identities.get(principal)
    systems = stack.every_principal
    if (
        who is None
        and stack.identities
        and principal not in systems
        and assignment.inputs.get("principalType") == "ServicePrincipal"
    ):
        yield f"principalId {principal} is that of no identity that the stack declares"
    key = (principal, text(assignment, "roleDefinitionId").lower(), text(assignment, "scope").lower())
    for other in stack.all("authorization:RoleAssignment"):
        if other is assignment:
            break
        if key == (
            text(other, "principalId").lower(),
            text(other, "roleDefinitionId").lower(),
            text(other, "scope").lower(),
        ):
            yield f"it is the same as {other.id.rpartition('/')[2]} ({other.name}): principal, role and scope"
    target = stack.at("/".join(text(assignment, "scope").split("/")[:9]))
    if who is None or target is None:
        return
    needles = {str(target.get(name)).lower() for name in ("name", "instrumentationKey", "id") if target.get(name)} | {
        target.id.lower()
    }
    holders = [one for one in stack if who.id.lower() in stack.attached(one)]
    used = any(
        stack.names(one, needles)
        for holder in holders
        for one in stack
        if one is holder or one.id.lower().startswith(f"{holder.id.lower()}/")
    )
    if holders and not used:
        yield f"{who.name} has the role on {target.name}, which {', '.join(one.name for one in holders)} never names"


def _region(resource: Resource, stack: Stack) -> Iterator[str]:
    own = _region_of(resource)
    if "location" not in resource.inputs or not known(resource, "location"):
        return
    if not re.fullmatch(r"[a-z]+[a-z0-9]*", own):
        yield f"location is {resource.inputs['location']!r}, which is no region"
        return
    if own == "global":
        return
    if own not in _REGIONS and not _OTHER_CLOUDS.match(own) and resource is _first_in(own, stack):
        near = get_close_matches(own, _REGIONS, 1)
        yield f"location is {resource.inputs['location']!r}, which is none of Azure's public regions{f'; did you mean {near[0]}?' if near else ''}"
    places = {place for one in stack.all("resources:ResourceGroup") if (place := _region_of(one))}
    if len(places) == 1 and own not in places:
        yield f"location is {resource.inputs['location']!r}, and the stack's group is in {next(iter(places))!r}"


_REGIONS = frozenset(
    [
        "australiacentral",
        "australiacentral2",
        "australiaeast",
        "australiasoutheast",
        "austriaeast",
        "belgiumcentral",
        "brazilsouth",
        "brazilsoutheast",
        "canadacentral",
        "canadaeast",
        "centralindia",
        "centralus",
        "chilecentral",
        "denmarkeast",
        "eastasia",
        "eastus",
        "eastus2",
        "francecentral",
        "francesouth",
        "germanynorth",
        "germanywestcentral",
        "indonesiacentral",
        "israelcentral",
        "italynorth",
        "japaneast",
        "japanwest",
        "jioindiacentral",
        "jioindiawest",
        "koreacentral",
        "koreasouth",
        "malaysiawest",
        "mexicocentral",
        "newzealandnorth",
        "northcentralus",
        "northeurope",
        "norwayeast",
        "norwaywest",
        "polandcentral",
        "qatarcentral",
        "southafricanorth",
        "southafricawest",
        "southcentralus",
        "southeastasia",
        "southindia",
        "spaincentral",
        "swedencentral",
        "swedensouth",
        "switzerlandnorth",
        "switzerlandwest",
        "uaecentral",
        "uaenorth",
        "uksouth",
        "ukwest",
        "westcentralus",
        "westeurope",
        "westindia",
        "westus",
        "westus2",
        "westus3",
    ]
)
"""https://learn.microsoft.com/azure/reliability/regions-list"""
_OTHER_CLOUDS = re.compile(r"china|usgov|usdod|ussec|usnat|.*euap$")


def _first_in(region: str, stack: Stack) -> Resource | None:
    """What is declared first there: one mistake is said once."""
    return next((one for one in stack if "location" in one.inputs and _region_of(one) == region), None)


def _region_of(resource: Resource) -> str:
    return text(resource, "location").replace(" ", "").lower()


_GLOBAL_ONLY = frozenset({"privatedns:PrivateZone", "privatedns:VirtualNetworkLink", "monitor:MetricAlert"})


def _global(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if known(resource, "location") and resource.inputs.get("location") != "global":
        yield f"location is {resource.inputs.get('location')!r}, and must be 'global'"


RULES = (
    Rule(
        "dangling-id",
        "error",
        "An id inside the stack's own resource group is that of nothing: Azure refuses it, or what it is for does not work.",
        "Take the id from the resource itself, or declare what it names.",
        _SOURCE,
        frozenset(),
        _dangling,
    ),
    Rule(
        "id-kind",
        "error",
        "An id is of another type than the property takes.",
        "Give the id of a resource of the type that is named.",
        "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-invalid-template",
        frozenset(),
        _kind,
        frozenset({"create", "update"}),
    ),
    Rule(
        "parent",
        "error",
        "Azure refuses what is to be inside of something that is not there.",
        "Name a declared resource, by the output of it.",
        "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-parent-resource",
        frozenset(),
        _parent,
    ),
    Rule(
        "lone-group",
        "warning",
        "A single resource is in another group than all others: a name with a mistake in it.",
        "Name the stack's own group, by its output.",
        _SOURCE,
        frozenset(),
        _alone,
    ),
    Rule(
        "foreign-id",
        "warning",
        "It names something of somebody else's, where the stack has one of its own: what is sent there is theirs.",
        "Name the stack's own; if it is meant, leave the rule out with --ignore.",
        _SOURCE,
        frozenset(),
        _foreign,
    ),
    Rule(
        "role-holder",
        "warning",
        "The role is given to somebody else, twice, or to who does not use it: it opens what nobody needs, and is missing where it is needed.",
        "Assign it to the identity of the service that calls.",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
        frozenset({"authorization:RoleAssignment"}),
        _principal,
    ),
    Rule(
        "unused-resource",
        "warning",
        "It is declared and paid for, and nothing uses it: it may be the rest of something, or what should use it names something else.",
        "Use it, or remove it.",
        "https://learn.microsoft.com/azure/well-architected/cost-optimization/optimize-component-costs",
        frozenset(_USED),
        _unused,
    ),
    Rule(
        "region",
        "warning",
        "Azure has no such region, or it is another one than its group's: networks and plans are for their region only, and traffic between regions is slow "
        "and paid for.",
        "Give it the location of the group, by a name that az account list-locations prints.",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/overview#resource-group-location-alignment",
        frozenset(),
        _region,
    ),
    Rule(
        "global",
        "error",
        "What has no region is refused anywhere but in 'global'.",
        "Set location='global'.",
        "https://learn.microsoft.com/azure/dns/private-dns-privatednszone",
        _GLOBAL_ONLY,
        _global,
        frozenset({"create", "update"}),
    ),
)
