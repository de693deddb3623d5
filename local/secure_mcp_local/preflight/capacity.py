"""Whether there is room and a place for the stack: regions of every type, quotas, and what it takes as given."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from secure_mcp_local.preflight.check import Check, Unknown, Wrong
from secure_mcp_local.preflight.subject import Subject, normal, properties
from secure_mcp_local.recording import Resource
from secure_mcp_local.resource_manager import Refused
from secure_mcp_local.rules.references import IN_A_GROUP, arm_type
from secure_mcp_local.rules.rule import Stack, strings

_RESOURCES, _STORAGE, _NETWORK, _APP, _WEB = "2022-09-01", "2023-01-01", "2023-11-01", "2024-03-01", "2024-11-01"
_NOT_FOUND = 404


def _types(subject: Subject) -> Mapping[str, Mapping[str, Any]]:
    """What the subscription's providers say of each of their types, by its name in lower case."""
    return {
        f"{provider.get('namespace')}/{one.get('resourceType')}".lower(): one
        for provider in subject.providers
        for one in provider.get("resourceTypes") or ()
    }


def _regions(subject: Subject) -> str:
    types, common, missing, asked = _types(subject), set[str](), list[str](), 0
    for resource in _declared(subject):
        location, offered = normal(str(resource.inputs.get("location") or "")), types.get(arm_type(resource.id))
        places = {normal(str(one)) for one in (offered or {}).get("locations") or ()}
        if not location or location == "global" or not places:
            continue
        asked += 1
        common = places if asked == 1 else common & places
        if location not in places:
            missing.append(f"{arm_type(resource.id)} ({resource.name}) is not offered in {location}")
    if missing:
        raise Wrong(
            "; ".join(dict.fromkeys(missing)),
            f"pulumi config set azure-native:location REGION, one of: {', '.join(sorted(common)[:12]) or 'none has all of them'}",
        )
    if not asked:
        raise Unknown("the providers do not say where their types are offered")
    return f"{asked} resources have their region"


# (namespace, API version, by the name of a quota: the type that it counts)
_QUOTAS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("Microsoft.Storage", _STORAGE, {"StorageAccounts": "storage:StorageAccount"}),
    (
        "Microsoft.Network",
        _NETWORK,
        {
            "VirtualNetworks": "network:VirtualNetwork",
            "NetworkSecurityGroups": "network:NetworkSecurityGroup",
            "PrivateEndpoints": "network:PrivateEndpoint",
        },
    ),
    ("Microsoft.App", _APP, {"ManagedEnvironmentCount": "app:ManagedEnvironment"}),
    # Its quotas are of cores, of which a new app needs one at least.
    ("Microsoft.Web", _WEB, {"": "web:WebApp"}),
)


def _quotas(subject: Subject) -> str:
    full: list[str] = []
    asked = 0
    for namespace, version, kinds in _QUOTAS:
        needed = Counter[tuple[str, str]]()
        for name, type in kinds.items():
            for one in subject.coming(type):
                # What is there already is counted in what is used.
                if not one.read and one.get("location"):
                    needed[normal(str(one.get("location"))), name] += 1
        for location in sorted({place for place, _ in needed}):
            for usage in subject.azure.pages(
                f"{subject.scope}/providers/{namespace}/locations/{location}/usages", version
            ):
                name = str((usage.get("name") or {}).get("value") or "")
                more = needed[location, name] or needed[location, ""]
                # Container Apps count in fractions, and have said usage for it (https://learn.microsoft.com/rest/api/resource-manager/containerapps/usages/list).
                used, limit = usage.get("currentValue", usage.get("usage")), usage.get("limit")
                if not more or not isinstance(used, int | float) or not isinstance(limit, int | float) or limit < 0:
                    continue
                asked += 1
                if used + more > limit:
                    full.append(f"{name} in {location}: {used:g} of {limit:g} are used, and the stack needs {more}")
    if full:
        raise Wrong(
            "; ".join(full),
            "delete what is not needed, take another region, or ask for more: https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade",
        )
    if not asked:
        raise Unknown("Azure tells no quota of what the stack declares")
    return f"{asked} quotas have room"


def _existing(subject: Subject) -> str:
    wanted = dict(_taken_as_given(subject))
    if not wanted:
        raise Unknown("the stack declares everything that it names")
    types = _types(subject)
    missing: list[str] = []
    asked = 0
    for id, what in wanted.items():
        version = _RESOURCES
        if "/providers/" in id:
            versions = (types.get(arm_type(id)) or {}).get("apiVersions") or ()
            version = next((str(one) for one in versions if "preview" not in str(one)), "")
        if not version:
            continue
        asked += 1
        try:
            state = properties(subject.azure.get(id, version)).get("provisioningState")
        except Refused as refused:
            if refused.status != _NOT_FOUND:
                raise
            missing.append(f"{what} needs {id}, which is not there")
        else:
            if state in {"Failed", "Deleting", "Canceled"}:
                missing.append(f"{what} needs {id}, whose provisioningState is {state}")
    if missing:
        raise Wrong(
            "; ".join(missing), "az resource show --ids ID; correct the name or the id, or let the stack declare it"
        )
    if not asked:
        raise Unknown("no provider tells an API version of what the stack takes as given")
    return f"{asked} there"


def _taken_as_given(subject: Subject) -> Iterator[tuple[str, str]]:
    """Ids that the stack names or reads and does not declare, each with the name of what needs it."""
    stack = Stack(subject.recording)
    for resource in stack:
        if not resource.type.startswith("azure-native:"):
            continue
        if resource.read:
            yield subject.placed(resource.id), resource.name
            continue
        group = "/".join(resource.id.split("/")[:5])
        if IN_A_GROUP.match(resource.id) and group.lower() not in stack.groups:
            yield subject.placed(group), resource.name
        for _, value in strings(resource.inputs):
            if (
                IN_A_GROUP.match(value)
                and not stack.inside(value)
                and stack.at(value) is None
                and "/subnets/" not in value
            ):
                yield subject.placed(value), resource.name


def _declared(subject: Subject) -> Iterator[Resource]:
    for resource in subject.recording:
        if resource.custom and not resource.read and resource.type.startswith("azure-native:"):
            yield resource


CHECKS: tuple[Check, ...] = (
    Check("regions", "Every type is offered in its region", "learn.microsoft.com/rest/api/resources/providers/list", _regions),
    Check("quotas", "Quotas of the region have room", "learn.microsoft.com/rest/api/storagerp/usages/list-by-location; learn.microsoft.com/rest/api/virtualnetwork/usages/list; learn.microsoft.com/rest/api/resource-manager/containerapps/usages/list; learn.microsoft.com/rest/api/appservice/get-usages-in-location/list", _quotas),
    Check("existing", "What the stack takes as given is there", "learn.microsoft.com/rest/api/resources/resources/get-by-id", _existing),
)  # fmt: skip
