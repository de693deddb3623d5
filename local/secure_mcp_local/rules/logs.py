"""What is logged that should not be, what is not logged that should be, and alerts that tell nobody."""

import json
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
_DURATIONS = ("PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT60M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "PT12H", "P1D", "PT24H", "P2D", "PT48H")  # fmt: skip
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
    if not destination and kind in {"/microsoft.apimanagement/service/", "/microsoft.documentdb/databaseaccounts/"}:
        yield "logAnalyticsDestinationType is not given, and must be 'Dedicated': queries look into tables of their own"


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
    if settings and taken and not _has_azure_monitor(service, stack):
        yield f"{', '.join(settings)} sends the gateway's log, with codes and states in addresses: no diagnostic {service.get('name')}/azuremonitor hides them"


def _has_azure_monitor(service: Resource, stack: Stack) -> bool:
    """Whether what the gateway's log holds is declared, by a type of its own or in a template."""
    declared = f"{service.id.lower()}/diagnostics/azuremonitor"
    templated = f"{service.get('name')}/azuremonitor".lower()
    inside = f"{service.id.lower()}/"
    return any(
        one.id.lower() == declared
        or (one.id.lower().startswith(inside) and one.id.lower().endswith("/diagnostics/azuremonitor"))
        for kind in ("Diagnostic", "ApiDiagnostic")
        for one in stack.all(f"apimanagement:{kind}")
    ) or any(
        str(one.get("type")).lower() == _TEMPLATED and templated in str(one.get("name")).lower()
        for deployment in stack.all("resources:Deployment")
        for one in lists(deployment, "properties.template.resources")
    )


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


_TABLES = {
    "ApiManagementGateway": "/microsoft.apimanagement/service/",
    "CDB": "/microsoft.documentdb/databaseaccounts/",
    "Storage": "/microsoft.storage/storageaccounts/",
    "AZKV": "/microsoft.keyvault/vaults/",
}
"""By the beginning of a table's name: what writes it, if a diagnostic setting says so. https://learn.microsoft.com/azure/azure-monitor/reference/tables-index"""
_COMPONENTS = re.compile(
    r"\bApp(?:Traces|Requests|Dependencies|Exceptions|Metrics|Events|PageViews|PerformanceCounters)\b"
)
_NAMED_TABLE = re.compile(rf"\b(?:{'|'.join(_TABLES)})[A-Z]\w*")
_COMMENT = re.compile(r"//[^\n]*")


def _missing_tables(query: str, workspace: str, stack: Stack) -> Iterator[str]:
    """The tables that a query reads and that nothing of the stack writes into its workspace."""
    if not stack.inside(workspace):
        return
    plain, group = _COMMENT.sub("", query), "/".join(workspace.lower().split("/")[:5]) + "/"
    written = [
        one for one in stack.all("monitor:DiagnosticSetting") if text(one, "workspaceId").lower() == workspace.lower()
    ]
    for table in dict.fromkeys(_NAMED_TABLE.findall(plain)):
        kind = next(kind for start, kind in _TABLES.items() if table.startswith(start))
        # What lies in another group is somebody else's, who says where its log goes.
        sources = [one for one in stack if kind in f"{one.id.lower()}/" and one.id.lower().startswith(group)]
        if sources and not any(kind in f"{text(one, 'resourceUri').lower()}/" for one in written):
            yield table
    for table in dict.fromkeys(_COMPONENTS.findall(plain)):
        if not any(
            text(one, "workspaceResourceId").lower() == workspace.lower()
            for one in stack.all("applicationinsights:Component")
        ):
            yield table


def _queried(alert: Resource, stack: Stack) -> Iterator[str]:
    """What a log alert looks for has to be where it looks, which is followed from what sends it."""
    if not alert.type.endswith("ScheduledQueryRule"):
        workspace = text(alert, "sourceId")
        missing = list(_missing_tables(text(alert, "serializedData"), workspace, stack))
        own = _NAMED_TABLE.findall(text(alert, "serializedData")) + _COMPONENTS.findall(text(alert, "serializedData"))
        # It can show several workspaces, one of which it is about.
        if own and len(missing) == len({*own}):
            yield f"sourceId is {workspace}, into which nothing writes {', '.join(missing)}"
        return
    for scope in alert.inputs.get("scopes") or ():
        workspace = stack.at(scope)
        for one in lists(alert, "criteria.allOf"):
            query = str(one.get("query") or "")
            for table in _missing_tables(query, str(scope), stack):
                yield f"the query reads {table}, and nothing of the stack writes that into {str(scope).rpartition('/')[2]}"
            if (
                workspace is not None
                and re.search(r"\bUsage\b", _COMMENT.sub("", query))
                and at(workspace.inputs, "workspaceCapping.dailyQuotaGb") is None
            ):
                yield f"the query reads Usage, to tell of a daily cap, and {workspace.name} ({str(scope).rpartition('/')[2]}) has no workspaceCapping"


_GROUPED = re.compile(r"\bsummarize\b[^|]*\bby\s+(\w+(?:\s*,\s*\w+)*)\s*(?:$|\||\n)")
"""The columns that a query groups by, if it names them; a span of time is none."""


def _alert(alert: Resource, stack: Stack) -> Iterator[str]:
    del stack
    inputs = alert.inputs
    query = alert.type.endswith("ScheduledQueryRule")
    actions = (
        at(inputs, "actions.actionGroups") if query else [one.get("actionGroupId") for one in lists(alert, "actions")]
    )
    if not [one for one in actions or () if one]:
        yield "actions names no action group: nobody is told"
    if inputs.get("enabled") is not True:
        yield f"enabled is {inputs.get('enabled')!r}: nobody is told"
    scopes = inputs.get("scopes") or []
    if not scopes:
        yield "scopes is empty: it watches nothing"
    if not all(str(one).startswith("/subscriptions/") for one in scopes):
        yield f"scopes is {scopes}, and must be ids"
    if len(scopes) > 1 and query:
        yield f"scopes has {len(scopes)}, and there is one"
    severity = inputs.get("severity")
    if not isinstance(severity, int) or not 0 <= severity <= 4:
        yield f"severity is {severity!r}, and must be 0 to 4"
    elif severity in {0, 4}:
        yield f"severity is {severity}: 0 is for what is down, 4 is not looked at"
    for key in ("evaluationFrequency", "windowSize"):
        if inputs.get(key) not in _DURATIONS:
            yield f"{key} is {inputs.get(key)!r}, and must be one of {', '.join(_DURATIONS)}"
    if _minutes(inputs.get("evaluationFrequency")) > _minutes(inputs.get("windowSize")) and not inputs.get(
        "overrideQueryTimeRange"
    ):
        yield f"evaluationFrequency is {inputs.get('evaluationFrequency')}, longer than windowSize {inputs.get('windowSize')}: what happens between is not seen"
    criteria = lists(alert, "criteria.allOf")
    if not criteria:
        yield "criteria.allOf is empty: it looks for nothing"
    for one in criteria:
        if one.get("threshold") is None:
            yield "criteria has no threshold"
        elif not isinstance(one.get("threshold"), int | float) or one["threshold"] < 0:
            yield f"criteria.threshold is {one.get('threshold')!r}"
        elif one["threshold"] == 0 and one.get("operator") != "GreaterThan":
            yield f"criteria.threshold is 0 with {one.get('operator')}: it always, or never, tells"
        for key in ("operator", "timeAggregation", *(("query",) if query else ("metricName", "name", "criterionType"))):
            if not one.get(key):
                yield f"criteria has no {key}"
        if str(one.get("operator")).startswith("Less") or one.get("operator") == "Equals":
            yield f"criteria.operator is {one.get('operator')!r}: it tells when nothing is wrong"
        if query and one.get("timeAggregation") != "Count" and not one.get("metricMeasureColumn"):
            yield f"criteria.timeAggregation is {one.get('timeAggregation')!r} without metricMeasureColumn"
        if query and one.get("timeAggregation") == "Count" and one.get("metricMeasureColumn"):
            yield "criteria.timeAggregation is 'Count' with metricMeasureColumn"
        column = one.get("metricMeasureColumn")
        if column and one.get("threshold") == 0:
            yield f"criteria.threshold is 0 for {column}: whatever is measured tells"
        grouped = _GROUPED.findall(str(one.get("query")))
        split = {str(dimension.get("name")) for dimension in one.get("dimensions") or ()}
        for name in [part.strip() for part in grouped[-1].split(",")] if column and grouped else ():
            if name not in split:
                yield f"criteria.dimensions lacks {name}, by which the query groups: what tells is not said, and one hides the others"
        if column and not re.search(rf"\b{re.escape(str(column))}\b", str(one.get("query"))):
            yield f"criteria.metricMeasureColumn is {column!r}, which the query does not have"
        periods = mapping(one, "failingPeriods")
        if periods:
            least, number = periods.get("minFailingPeriodsToAlert"), periods.get("numberOfEvaluationPeriods")
            if not isinstance(least, int) or not isinstance(number, int) or not 1 <= least <= number <= 6:
                yield f"criteria.failingPeriods is {least!r} of {number!r}, and must be 1 to 6, the first not above the second"
        for dimension in one.get("dimensions") or ():
            values = dimension.get("values") or [""]
            if not dimension.get("name") or "" in values or not dimension.get("operator"):
                yield "criteria.dimensions has one without name, operator or values"
        if not query and one.get("metricNamespace") and str(one["metricNamespace"]).lower() not in str(scopes).lower():
            yield f"criteria.metricNamespace is {one['metricNamespace']}, and scopes is of another type"
        if one.get("metricName") in {"Requests", "TotalRequests"} and not one.get("dimensions"):
            yield f"criteria.dimensions is empty: {one.get('metricName')} counts every request, also those that succeed"
        if not query and one.get("timeAggregation") not in {"Average", "Minimum", "Maximum", "Total", "Count"}:
            yield f"criteria.timeAggregation is {one.get('timeAggregation')!r}"
    if not query and at(inputs, "criteria.odataType") not in {
        "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria",
    }:
        yield f"criteria.odataType is {at(inputs, 'criteria.odataType')!r}"
    if inputs.get("autoMitigate") is False and not inputs.get("muteActionsDuration"):
        yield "autoMitigate is False without muteActionsDuration: as long as it lasts, it is told again at every evaluation"
    if query and inputs.get("skipQueryValidation") is not True:
        yield f"skipQueryValidation is {inputs.get('skipQueryValidation')!r}: Azure refuses the rule until its tables have rows, which come later"
    if query and not inputs.get("overrideQueryTimeRange"):
        for one in criteria:
            reach = max((int(days) * 1440 for days in re.findall(r"ago\((\d+)d\)", str(one.get("query")))), default=0)
            if reach > _minutes(inputs.get("windowSize")):
                yield f"overrideQueryTimeRange is not given, and the query looks further back than windowSize {inputs.get('windowSize')}"
    if query and inputs.get("kind") not in {None, "LogAlert"}:
        yield f"kind is {inputs.get('kind')!r}, and must be 'LogAlert'"


def _minutes(duration: object) -> int:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", str(duration))
    return (
        sum(int(part or 0) * factor for part, factor in zip(match.groups(), (1440, 60, 1), strict=True)) if match else 0
    )


def _told(group: Resource, stack: Stack) -> Iterator[str]:
    del stack
    inputs = group.inputs
    receivers = [
        one for key, value in inputs.items() if key.endswith("Receivers") and isinstance(value, list) for one in value
    ]
    if not receivers:
        yield "it has no receivers: nobody is told"
    if inputs.get("enabled") is not True:
        yield f"enabled is {inputs.get('enabled')!r}: nobody is told"
    short = str(inputs.get("groupShortName") or "")
    if not 1 <= len(short) <= 12:
        yield f"groupShortName {short!r} has {len(short)} characters: there must be 1 to 12"
    names = [str(one.get("name") or "") for one in receivers if isinstance(one, Mapping)]
    if len(set(names)) < len(names) or "" in names:
        yield "receivers need names, each once"
    for one in lists(group, "emailReceivers"):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", str(one.get("emailAddress") or "")):
            yield f"emailReceivers has {one.get('emailAddress')!r}, which is no address"
    if str(inputs.get("location") or "").lower() != "global" and not inputs.get("location"):
        yield "location is not given"


def _workbook(workbook: Resource, stack: Stack) -> Iterator[str]:
    del stack
    try:
        content = json.loads(str(workbook.inputs.get("serializedData") or ""))
    except ValueError:
        content = None
    if not isinstance(content, Mapping) or not content.get("items"):
        yield "serializedData is no JSON with items: there is nothing to see"
    if not str(workbook.inputs.get("sourceId") or "").startswith(("/", "azure monitor")):
        yield f"sourceId is {workbook.inputs.get('sourceId')!r}, and must be the id of what it shows"
    if not workbook.inputs.get("category"):
        yield "category is not given: it is in no gallery"
    if workbook.inputs.get("kind") not in {None, "shared"}:
        yield f"kind is {workbook.inputs.get('kind')!r}, and must be 'shared'"


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
        "alert",
        "error",
        "The alert tells nobody, or looks for nothing, or is refused.",
        "Give it a scope, a condition, and an action group.",
        "https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview",
        frozenset({"monitor:MetricAlert", "monitor:ScheduledQueryRule"}),
        _alert,
    ),
    Rule(
        "log-query",
        "error",
        "The query looks where nothing is written: the alert never tells, and the workbook stays empty.",
        "Let it look into the workspace that the log is sent to.",
        "https://learn.microsoft.com/azure/azure-monitor/reference/tables-index https://learn.microsoft.com/azure/azure-monitor/logs/daily-cap",
        frozenset({"monitor:ScheduledQueryRule", "applicationinsights:Workbook"}),
        _queried,
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
    Rule(
        "workbook",
        "error",
        "Azure refuses the workbook, or shows nothing.",
        "Give the JSON of a workbook, and what it is about.",
        "https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-automate",
        frozenset({"applicationinsights:Workbook"}),
        _workbook,
        ON_SAVE,
    ),
    Rule(
        "nobody-told",
        "error",
        "Alerts reach nobody.",
        "Give the action group receivers, with names and addresses.",
        "https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups",
        frozenset({"monitor:ActionGroup"}),
        _told,
        ON_SAVE,
    ),
)
