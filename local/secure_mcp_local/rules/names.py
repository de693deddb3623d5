"""Names of resources, by Azure's table; where patterns of the specifications are wider, the narrower holds.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from secure_mcp_local.recording import models
from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack

_SOURCE = "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class _Name:
    shortest: int
    longest: int
    pattern: str
    words: str
    property: str = ""
    """Where it is not the last part of the id."""


_WITH_HYPHENS = r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_OF_NETWORKS = r"[A-Za-z0-9](?:[\w.-]*\w)?"
_HYPHENS = "letters, digits and '-'; starts with a letter, ends with a letter or digit"
_NETWORK = "letters, digits, '_', '.' and '-'; starts with a letter or digit, ends with one or '_'"
_IN_APIM = _Name(1, 80, _WITH_HYPHENS, _HYPHENS)
_ID = _Name(36, 36, _GUID, "a GUID")

NAMES = {
    "apimanagement:ApiManagementService": _Name(1, 50, _WITH_HYPHENS, _HYPHENS),
    **{
        f"apimanagement:{kind}": _IN_APIM
        for kind in ("Api", "ApiOperation", "NamedValue", "Logger", "Backend", "Product", "Subscription", "ApiVersionSet", "ApiDiagnostic")
    },
    "apimanagement:Diagnostic": _Name(1, 80, "applicationinsights|azuremonitor", "applicationinsights or azuremonitor"),
    **{f"apimanagement:{kind}": _Name(6, 6, "policy", "policy") for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "ProductPolicy")},
    "apimanagement:PolicyFragment": _Name(1, 80, r"\w(?:[\w-]*\w)?", "letters, digits, '_' and '-', no '-' at the ends"),
    "app:ContainerApp": _Name(2, 32, r"[a-z](?!.*--)(?:[a-z0-9-]*[a-z0-9])?", "lower-case letters, digits and single '-'"),
    "app:ContainerAppsAuthConfig": _Name(7, 7, "current", "current"),
    "app:ManagedEnvironment": _Name(2, 60, r"[a-z](?:[a-z0-9-]*[a-z0-9])?", "lower-case letters, digits and '-'"),
    "applicationinsights:Component": _Name(1, 260, r"[^%&\\?/\x00-\x1f]*[^%&\\?/\x00-\x1f .]", "none of % & \\ ? /, no blank or '.' at the end"),
    "applicationinsights:Workbook": _ID,
    "authorization:ManagementLockByScope": _Name(1, 90, r"[\w().-]+", "letters, digits, '-', '_', '.', '(' and ')'"),
    "authorization:RoleAssignment": _ID,
    "authorization:RoleDefinition": _ID,
    "consumption:Budget": _Name(1, 63, r"[\w-]+", "letters, digits, '_' and '-'"),
    "cosmosdb:DatabaseAccount": _Name(3, 44, r"[a-z0-9]+(?:-[a-z0-9]+)*", "lower-case letters, digits and single '-'"),
    "cosmosdb:SqlResourceSqlContainer": _Name(1, 255, r"[^/\\#?]*[^/\\#? ]", "none of / \\ # ?, no blank at the end"),
    "cosmosdb:SqlResourceSqlDatabase": _Name(1, 255, r"[^/\\#?]*[^/\\#? ]", "none of / \\ # ?, no blank at the end"),
    "cosmosdb:SqlResourceSqlRoleAssignment": _ID,
    "cosmosdb:SqlResourceSqlRoleDefinition": _ID,
    "keyvault:Secret": _Name(1, 127, r"[A-Za-z0-9-]+", "letters, digits and '-'"),
    "keyvault:Vault": _Name(3, 24, r"[A-Za-z](?!.*--)[A-Za-z0-9-]*[A-Za-z0-9]", "letters, digits and single '-'; starts with a letter"),
    "managedidentity:FederatedIdentityCredential": _Name(3, 120, r"[A-Za-z0-9][A-Za-z0-9_-]+", "letters, digits, '-' and '_'"),
    "managedidentity:UserAssignedIdentity": _Name(3, 128, r"[A-Za-z0-9][A-Za-z0-9_-]+", "letters, digits, '-' and '_'"),
    "monitor:ActionGroup": _Name(1, 260, r"[^:<>+/&%\\?|]*[^:<>+/&%\\?| .]", "none of : < > + / & % \\ ? |"),
    "monitor:DiagnosticSetting": _Name(1, 260, r"[^*<>%:&?+/\\]*[^*<>%:&?+/\\ ]", "none of * < > % : & ? + / \\"),
    "monitor:MetricAlert": _Name(1, 260, r"[^*#&+:<>?@%{}\\/]*[^*#&+:<>?@%{}\\/ .]", "none of * # & + : < > ? @ % { } \\ /"),
    "monitor:ScheduledQueryRule": _Name(1, 260, r"[^*<>%{}&:\\?/#]*[^*<>%{}&:\\?/# .]", "none of * < > % { } & : \\ ? / #"),
    **{
        f"network:{kind}": _Name(1, 80, _OF_NETWORKS, _NETWORK)
        for kind in ("NetworkSecurityGroup", "Subnet", "SecurityRule", "PublicIPAddress", "PrivateDnsZoneGroup")
    },
    "network:PrivateEndpoint": _Name(2, 64, _OF_NETWORKS, _NETWORK),
    "network:VirtualNetwork": _Name(2, 64, _OF_NETWORKS, _NETWORK),
    "operationalinsights:Workspace": _Name(4, 63, r"[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]", "letters, digits and '-', none at the ends"),
    "privatedns:PrivateZone": _Name(1, 63, r"(?:[\w-]+\.){1,33}[\w-]+", "2 to 34 labels of letters, digits, '_' and '-'"),
    "privatedns:VirtualNetworkLink": _Name(1, 80, _OF_NETWORKS, _NETWORK),
    "resources:Deployment": _Name(1, 64, r"[\w().-]+", "letters, digits, '-', '_', '.', '(' and ')'"),
    "resources:ResourceGroup": _Name(1, 90, r"[\w().-]*[\w()-]", "word characters, '-', '_', '.', '(' and ')', no '.' at the end"),
    "storage:BlobContainer": _Name(3, 63, r"(?:\$root|\$web|[a-z0-9]+(?:-[a-z0-9]+)*)", "lower-case letters, digits and single '-'"),
    "storage:BlobServiceProperties": _Name(7, 7, "default", "default"),
    "storage:Queue": _Name(3, 63, r"[a-z0-9]+(?:-[a-z0-9]+)*", "lower-case letters, digits and single '-'"),
    "storage:StorageAccount": _Name(3, 24, r"[a-z0-9]+", "lower-case letters and digits"),
    "web:AppServicePlan": _Name(1, 40, r"[A-Za-z0-9-]+", "letters, digits and '-'"),
    "web:WebApp": _Name(2, 60, r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])", "letters, digits and '-', none at the ends"),
}  # fmt: skip
"""By type: what its own name may be."""

_GLOBAL = frozenset(
    {
        "apimanagement:ApiManagementService",
        "cosmosdb:DatabaseAccount",
        "keyvault:Vault",
        "storage:StorageAccount",
        "web:WebApp",
    }
)
_RESERVED = ("login", "microsoft", "windows", "xbox")
"""https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-reserved-resource-name"""


def _name(resource: Resource, stack: Stack) -> Iterator[str]:
    type = resource.type.removeprefix(NATIVE)
    allowed = NAMES[type]
    own = models.own_name(resource.type)
    property = own[0] if own is not None else "name"
    if property in resource.unknowns or not resource.id:
        return
    name = str(resource.inputs.get(property, resource.id.rpartition("/")[2]))
    if not allowed.shortest <= len(name) <= allowed.longest:
        length = (
            str(allowed.longest) if allowed.shortest == allowed.longest else f"{allowed.shortest} to {allowed.longest}"
        )
        yield f"{property} {name!r} has {len(name)} characters: there must be {length}"
    elif not re.fullmatch(allowed.pattern, name):
        yield f"{property} {name!r} cannot be a name: {allowed.words}"
    elif (
        type in _GLOBAL and (word := next((one for one in _RESERVED if name.lower().startswith(one)), None)) is not None
    ):
        yield f"{property} {name!r} has the reserved word {word!r} in it"


RULES = (
    Rule(
        "name",
        "error",
        "Azure refuses a name of another length or of other characters.",
        "Give another name.",
        _SOURCE,
        frozenset(NAMES),
        _name,
        ON_SAVE,
    ),
)
