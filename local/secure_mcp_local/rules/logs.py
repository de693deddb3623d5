"""What is logged that should not be, and what is not logged that should be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack, at, lists, mapping, text
from secure_mcp_local.rules.settings import between

_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "proxy-authorization",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "x-api-key",
    }
)
_TEMPLATED = "microsoft.apimanagement/service/diagnostics"
_TEMPLATED_LOGGER = "microsoft.apimanagement/service/loggers"


def _diagnostic(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if resource.type == f"{NATIVE}resources:Deployment":
        for one in lists(resource, "properties.template.resources"):
            if str(one.get("type")).lower() == _TEMPLATED:
                yield from (f"{one.get('name')}: {said}" for said in _logged(mapping(one, "properties")))
        return
    yield from _logged(resource.inputs)


def _logged(inputs: Mapping[str, Any]) -> Iterator[str]:
    for side in ("frontend", "backend"):
        for message in ("request", "response"):
            what = mapping(inputs, side, message)
            size = at(what, "body.bytes")
            if size is None:
                yield f"{side}.{message}.body.bytes is not given, and must be 0"
            elif size:
                yield f"{side}.{message}.body.bytes is {size}: bodies hold tokens and what users say"
            for header in what.get("headers") or ():
                if str(header).lower() in _SECRET_HEADERS:
                    yield f"{side}.{message}.headers has {header}, which holds secrets"
        masks = lists(inputs, f"{side}.request.dataMasking.queryParams")
        if not any(one.get("value") == "*" and one.get("mode") in {"Hide", "Mask"} for one in masks):
            yield f"{side}.request.dataMasking.queryParams does not hide '*': codes and states stand in query strings"
    if inputs.get("sampling") and at(inputs, "sampling.percentage") != 100:
        yield f"sampling.percentage is {at(inputs, 'sampling.percentage')!r}: what somebody did may not be in the log"
    if inputs.get("alwaysLog") != "allErrors":
        yield f"alwaysLog is {inputs.get('alwaysLog')!r}, and must be 'allErrors': a failing call is not in the log"
    if inputs.get("logClientIp") is not True:
        yield f"logClientIp is {inputs.get('logClientIp')!r}: nobody knows from where an attack came"
    if inputs.get("verbosity") == "verbose":
        yield "verbosity is 'verbose': messages of policies are kept that are for debugging"


def _diagnostic_needs(diagnostic: Resource, stack: Stack) -> Iterator[str]:
    if diagnostic.type == f"{NATIVE}resources:Deployment":
        yield from _templated_needs(diagnostic)
        return
    logger = text(diagnostic, "loggerId")
    if not logger:
        yield "loggerId is not given: it writes nowhere"
    found = stack.at(logger)
    kind = text(diagnostic, "diagnosticId") or diagnostic.id.rpartition("/")[2]
    wanted = {"applicationinsights": "applicationInsights", "azuremonitor": "azureMonitor"}.get(kind.lower())
    if found is not None and wanted is not None and found.inputs.get("loggerType") != wanted:
        yield f"diagnosticId is {kind!r}, and {found.name} is a logger of type {found.inputs.get('loggerType')!r}"
    sampling = mapping(diagnostic.inputs, "sampling")
    if sampling and sampling.get("samplingType") != "fixed":
        yield f"sampling.samplingType is {sampling.get('samplingType')!r}, and must be 'fixed'"
    if diagnostic.inputs.get("verbosity") not in {"information", "verbose"}:
        yield f"verbosity is {diagnostic.inputs.get('verbosity')!r}, and must be 'information': what policies write into the log is not there"
    if diagnostic.inputs.get("httpCorrelationProtocol") not in {"W3C"}:
        yield f"httpCorrelationProtocol is {diagnostic.inputs.get('httpCorrelationProtocol')!r}, and must be 'W3C': calls and what they lead to are not joined"


def _templated_needs(deployment: Resource) -> Iterator[str]:
    """The same of what is declared in a template, which no schema looks at before Azure does."""
    resources = lists(deployment, "properties.template.resources")
    loggers = {str(one.get("name")) for one in resources if str(one.get("type")).lower() == _TEMPLATED_LOGGER}
    for one in resources:
        if str(one.get("type")).lower() != _TEMPLATED:
            continue
        name, what = str(one.get("name")), mapping(one, "properties")
        named = re.search(r"'([^']+)',\s*'([^']+)'\)\]$", str(what.get("loggerId") or ""))
        if named is not None and f"{named[1]}/{named[2]}" not in loggers:
            yield f"{name}: loggerId is {what.get('loggerId')!r}, which the template does not declare"
        if what.get("sampling") and at(what, "sampling.samplingType") != "fixed":
            yield f"{name}: sampling.samplingType is {at(what, 'sampling.samplingType')!r}, and must be 'fixed'"
        if what.get("verbosity") not in {"information", "verbose"}:
            yield f"{name}: verbosity is {what.get('verbosity')!r}, and must be 'information'"


_CATEGORIES = {
    "/microsoft.apimanagement/service/": frozenset({"GatewayLogs", "WebSocketConnectionLogs", "DeveloperPortalAuditLogs", "GatewayLlmLogs", "GatewayMCPLogs"}),
    "/microsoft.documentdb/databaseaccounts/": frozenset(
        {"DataPlaneRequests", "ControlPlaneRequests", "QueryRuntimeStatistics", "PartitionKeyStatistics", "PartitionKeyRUConsumption", "MongoRequests",
         "CassandraRequests", "GremlinRequests", "TableApiRequests", "DataPlaneRequests5M", "DataPlaneRequests15M"}
    ),
    "/blobservices/default": frozenset({"StorageRead", "StorageWrite", "StorageDelete"}),
    "/microsoft.keyvault/vaults/": frozenset({"AuditEvent", "AzurePolicyEvaluationDetails"}),
}  # fmt: skip
"""https://learn.microsoft.com/azure/azure-monitor/reference/logs-index"""
_AUDIT = {
    "/microsoft.apimanagement/service/": ("GatewayLogs",),
    "/microsoft.documentdb/databaseaccounts/": ("DataPlaneRequests", "ControlPlaneRequests"),
    "/blobservices/default": ("StorageRead", "StorageWrite", "StorageDelete"),
    "/microsoft.keyvault/vaults/": ("AuditEvent",),
}


_OWN_TABLES = frozenset(
    {"/microsoft.apimanagement/service/", "/microsoft.documentdb/databaseaccounts/", "/microsoft.keyvault/vaults/"}
)
"""What writes into tables of its own only if it is told to. https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs#resource-specific"""


def _setting(setting: Resource, stack: Stack) -> Iterator[str]:
    target = text(setting, "resourceUri")
    if not target:
        yield "resourceUri is not given: it is about nothing"
    if not any(
        setting.inputs.get(key)
        for key in ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
    ):
        yield "workspaceId is not given: it sends nowhere"
    logs = lists(setting, "logs")
    if not logs and not lists(setting, "metrics"):
        yield "logs is empty: it sends nothing"
    kind = next((end for end in _CATEGORIES if end in f"{target.lower()}/" or target.lower().endswith(end)), None)
    on: set[str] = set()
    for one in logs:
        category, group = str(one.get("category") or ""), one.get("categoryGroup")
        if one.get("enabled") is not True:
            yield f"logs: enabled of {category or group} is {one.get('enabled')!r}"
        elif category:
            on.add(category)
        if bool(category) == bool(group):
            yield "logs has an entry without category, or with category and categoryGroup"
        if kind is not None and category and category not in _CATEGORIES[kind]:
            yield f"logs has the category {category!r}, which {target.rpartition('/')[2]} does not have"
    for other in stack.all("monitor:DiagnosticSetting"):
        if other is setting:
            break
        same = text(other, "resourceUri").lower() == target.lower() and setting.inputs.get("workspaceId")
        if same and other.inputs.get("workspaceId") == setting.inputs.get("workspaceId"):
            both = on & {str(one.get("category")) for one in lists(other, "logs") if one.get("enabled") is True}
            if both:
                yield f"{other.name} sends {', '.join(sorted(both))} to the same workspace already, which Azure refuses"
    if kind is not None and logs and not any(one.get("categoryGroup") for one in logs):
        for category in _AUDIT[kind]:
            if category not in on:
                yield f"logs lacks {category}: nobody knows who did what"
    destination = setting.inputs.get("logAnalyticsDestinationType")
    if not destination and kind in _OWN_TABLES:
        yield "logAnalyticsDestinationType is not given, and must be 'Dedicated': queries look into tables of their own"


def _capped(setting: Resource, stack: Stack) -> Iterator[str]:
    """Who did what to the gateway and the keys, in a workspace that stops taking rows, where there is one that does not."""
    workspaces = {one.id.lower(): at(one.inputs, "workspaceCapping.dailyQuotaGb") for one in stack.all(_WORKSPACE)}
    own = text(setting, "workspaceId").lower()
    target = f"{text(setting, 'resourceUri').lower()}/"
    audited = any(one in target for one in ("/microsoft.keyvault/vaults/", "/microsoft.apimanagement/service/"))
    free = [id for id, quota in workspaces.items() if quota in (None, -1)]
    if audited and free and workspaces.get(own) not in (None, -1):
        yield f"workspaceId is {text(setting, 'workspaceId')}, which takes {workspaces[own]} GB a day and then nothing: {free[0].rpartition('/')[2]} has no cap"


_WORKSPACE = "operationalinsights:Workspace"
_WATCHED = {
    "apimanagement:ApiManagementService": "",
    "cosmosdb:DatabaseAccount": "",
    "storage:StorageAccount": "/blobServices/default",
    "keyvault:Vault": "",
}


def _unwatched(resource: Resource, stack: Stack) -> Iterator[str]:
    if not stack.all("operationalinsights:Workspace"):
        return
    target = f"{resource.id}{_WATCHED[resource.type.removeprefix(NATIVE)]}".lower()
    settings = [one for one in stack.all("monitor:DiagnosticSetting") if text(one, "resourceUri").lower() == target]
    if not settings:
        yield f"{resource.name} has no diagnostic setting: nobody knows who did what there"


def _codes(service: Resource, stack: Stack) -> Iterator[str]:
    """What is logged of a gateway that codes are sent to, where nothing says that query strings are left out."""
    settings = [
        one.name
        for one in stack.all("monitor:DiagnosticSetting")
        if text(one, "resourceUri").lower() == service.id.lower()
    ]
    host = f"{str(service.get('gatewayUrl') or '-').rstrip('/')}/"
    taken = any(
        str(uri).startswith(host)
        for one in stack.all("azuread:index/applicationRedirectUris:ApplicationRedirectUris")
        for uri in one.inputs.get("redirectUris") or ()
        # Another program's gateway is other people's, who say what is in its log.
        if one.urn.split("::")[:2] == service.urn.split("::")[:2]
    )
    if settings and taken and not hiding(service, stack):
        yield f"{', '.join(settings)} sends the gateway's log, with codes and states in addresses: no diagnostic {service.get('name')}/azuremonitor hides them"


def hiding(service: Resource, stack: Stack) -> list[Resource]:
    """What says what the gateway's log holds, declared by a type of its own or in a template."""
    templated, inside = f"{service.get('name')}/azuremonitor".lower(), f"{service.id.lower()}/"
    return [
        *(
            one
            for kind in ("Diagnostic", "ApiDiagnostic")
            for one in stack.all(f"apimanagement:{kind}")
            if one.id.lower().startswith(inside) and one.id.lower().endswith("/diagnostics/azuremonitor")
        ),
        *(
            deployment
            for deployment in stack.all("resources:Deployment")
            if any(
                str(one.get("type")).lower() == _TEMPLATED and templated in str(one.get("name")).lower()
                for one in lists(deployment, "properties.template.resources")
            )
        ),
    ]


def _workspace(workspace: Resource, stack: Stack) -> Iterator[str]:
    del stack
    sku = at(workspace.inputs, "sku.name")
    if sku not in {"PerGB2018", "CapacityReservation", "LACluster"}:
        yield f"sku.name is {sku!r}, and must be 'PerGB2018'"
    retention = between("retentionInDays", 30, 730)
    if not retention.good(workspace.inputs.get("retentionInDays")):
        yield f"retentionInDays is {workspace.inputs.get('retentionInDays')!r}, and must be {retention.wanted}"
    quota = at(workspace.inputs, "workspaceCapping.dailyQuotaGb")
    if quota is not None and (not isinstance(quota, int | float) or (quota < 0.023 and quota != -1)):
        yield f"workspaceCapping.dailyQuotaGb is {quota!r}: nothing would be kept"
    for key in ("publicNetworkAccessForIngestion", "publicNetworkAccessForQuery"):
        if workspace.inputs.get(key) == "Disabled":
            yield f"{key} is 'Disabled', and no private link scope leads to it"


def _kept(workspace: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if workspace.inputs.get("retentionInDays") is None:
        yield "retentionInDays is not given"


def _component(component: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if component.inputs.get("ingestionMode") != "LogAnalytics":
        yield f"ingestionMode is {component.inputs.get('ingestionMode')!r}, and must be 'LogAnalytics': the others are retired"
    if not component.inputs.get("workspaceResourceId"):
        yield "workspaceResourceId is not given: a component lies in a workspace"
    if component.inputs.get("applicationType") not in {"web", "other"}:
        yield f"applicationType is {component.inputs.get('applicationType')!r}, and must be 'web' or 'other'"
    if not component.inputs.get("kind"):
        yield "kind is not given"
    for key in ("publicNetworkAccessForIngestion", "publicNetworkAccessForQuery"):
        if component.inputs.get(key) == "Disabled":
            yield f"{key} is 'Disabled', and no private link scope leads to it: telemetry does not arrive, or is not read"
    if component.inputs.get("disableIpMasking") is True:
        yield "disableIpMasking is True: addresses of users are kept"


_DIAGNOSTICS = frozenset({"apimanagement:Diagnostic", "apimanagement:ApiDiagnostic", "resources:Deployment"})
RULES = (
    Rule(
        "secrets-in-logs",
        "error",
        "What authenticates stands in headers, bodies and query strings, and whoever reads the log can use it.",
        "Set body.bytes to 0, log no such header, hide query parameters, and let verbosity be 'information'.",
        "https://learn.microsoft.com/azure/api-management/diagnostic-logs-reference",
        _DIAGNOSTICS,
        _diagnostic,
    ),
    Rule(
        "diagnostic",
        "error",
        "The diagnostic writes nothing, or not everything that an audit needs.",
        "Name a logger of its kind; log everything, with addresses and correlation.",
        "https://learn.microsoft.com/azure/api-management/api-management-howto-app-insights",
        _DIAGNOSTICS,
        _diagnostic_needs,
    ),
    Rule(
        "diagnostic-setting",
        "error",
        "Azure refuses the setting, or what somebody did is not written down.",
        "Name the resource, the workspace and the categories that it has.",
        "https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",
        frozenset({"monitor:DiagnosticSetting"}),
        _setting,
        ON_SAVE,
    ),
    Rule(
        "capped-audit",
        "error",
        "Whoever fills the log up to its daily cap is seen no longer in what they do next.",
        "Send it to the workspace without a cap.",
        "https://learn.microsoft.com/azure/azure-monitor/logs/daily-cap",
        frozenset({"monitor:DiagnosticSetting"}),
        _capped,
    ),
    Rule(
        "unwatched",
        "error",
        "Nobody knows what was read, changed or refused: the stack has a workspace, and this does not send its log there.",
        "Declare a DiagnosticSetting for it.",
        "https://learn.microsoft.com/security/benchmark/azure/mcsb-logging-threat-detection",
        frozenset(_WATCHED),
        _unwatched,
    ),
    Rule(
        "codes-in-logs",
        "error",
        "By default the gateway's log has whole addresses, and codes and states of sign-ins stand in them.",
        "Declare the diagnostic azuremonitor, with query parameters hidden.",
        "https://learn.microsoft.com/azure/api-management/monitor-api-management#modify-api-logging-settings "
        "https://learn.microsoft.com/azure/templates/microsoft.apimanagement/service/diagnostics",
        frozenset({"apimanagement:ApiManagementService"}),
        _codes,
    ),
    Rule(
        "workspace",
        "error",
        "Azure refuses the workspace, or it keeps nothing.",
        "Correct what is named.",
        "https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure",
        frozenset({"operationalinsights:Workspace"}),
        _workspace,
        ON_SAVE,
    ),
    Rule(
        "component",
        "error",
        "Azure refuses the component, or telemetry does not arrive.",
        "Put it into a workspace.",
        "https://learn.microsoft.com/azure/azure-monitor/app/create-workspace-resource",
        frozenset({"applicationinsights:Component"}),
        _component,
        ON_SAVE,
    ),
    Rule(
        "log-retention",
        "warning",
        "How long logs are kept is left to Azure, which is 30 days today.",
        "Set retentionInDays.",
        "https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure",
        frozenset({"operationalinsights:Workspace"}),
        _kept,
    ),
)
