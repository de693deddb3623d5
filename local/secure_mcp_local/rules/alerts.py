"""Alerts that tell nobody, queries that look where nothing is written, workbooks that show nothing."""

import json
import re
from collections.abc import Iterator, Mapping

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack, at, lists, mapping, text

_DURATIONS = ("PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT60M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "PT12H", "P1D", "PT24H", "P2D", "PT48H")  # fmt: skip

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


_SIGNS = {
    "cosmosdb:DatabaseAccount": (
        ("TotalRequests", "StatusCode", "429"),
        "that it throttles (TotalRequests with StatusCode 429)",
    ),
    "apimanagement:ApiManagementService": (
        ("Requests", "GatewayResponseCodeCategory", "5xx"),
        "that calls fail (Requests with GatewayResponseCodeCategory 5xx)",
    ),
}
"""By type: the metric, its dimension and the value that tell of trouble, and for people."""


def _unalerted(resource: Resource, stack: Stack) -> Iterator[str]:
    """What fails or stops without a word, in a stack that has alerts."""
    metrics, queries = stack.all("monitor:MetricAlert"), stack.all("monitor:ScheduledQueryRule")
    group = "/".join(resource.id.lower().split("/")[:5])
    if not any(f"{one.id.lower()}/".startswith(f"{group}/") for one in (*metrics, *queries)):
        return
    if resource.type.endswith("Workspace"):
        quota = at(resource.inputs, "workspaceCapping.dailyQuotaGb")
        if quota in (None, -1):
            return
        told = [
            one
            for alert in queries
            if resource.id.lower() in [str(scope).lower() for scope in alert.inputs.get("scopes") or ()]
            for one in lists(alert, "criteria.allOf")
            if re.search(r"\b(?:Usage|_LogOperation)\b", _COMMENT.sub("", str(one.get("query"))))
        ]
        if not told:
            yield f"no alert tells that {resource.name} reaches its workspaceCapping.dailyQuotaGb {quota}, and then nothing is logged"
        return
    (metric, dimension, value), sign = _SIGNS[resource.type.removeprefix(NATIVE)]
    criteria = [
        one
        for alert in metrics
        if resource.id.lower() in [str(scope).lower() for scope in alert.inputs.get("scopes") or ()]
        for one in lists(alert, "criteria.allOf")
        if one.get("metricName") == metric
    ]
    looked_at = {
        (str(part.get("name")), told)
        for one in criteria
        for part in lists(one, "dimensions")
        for told in part.get("values") or ()
    }
    if (dimension, value) not in looked_at:
        yield f"no alert tells of {resource.name} {sign}"
    if resource.type.endswith("ApiManagementService"):
        yield from _untold(resource, stack)


_EVENTS = {
    "refresh token reused": "that codes and refresh tokens come back, which are stolen or were",
    "invalid token": "that it refuses tokens",
    '"sign-in"': "that sign-ins fail",
}
"""What policies of ours write to the log where somebody should look, and for people. https://owasp.org/Top10/A09_2021-Security_Logging_and_Monitoring_Failures/"""


def _untold(service: Resource, stack: Stack) -> Iterator[str]:
    """Events of the gateway of which no alert tells."""
    policies = stack.policies.get(service.id.lower(), "")
    queries = "\n".join(
        _COMMENT.sub("", str(one.get("query")))
        for alert in stack.all("monitor:ScheduledQueryRule")
        for one in lists(alert, "criteria.allOf")
    )
    if "secure-mcp.audit" not in policies:
        return
    for event, sign in _EVENTS.items():
        if event in policies and event not in queries:
            yield f"no alert tells of {service.name} {sign}"


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


RULES = (
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
        "unalerted",
        "warning",
        "It fails, throttles or stops to log, and of all the stack's alerts none tells.",
        "Declare an alert for it, or none at all.",
        "https://learn.microsoft.com/azure/azure-monitor/logs/daily-cap#alert-when-daily-cap-is-reached "
        "https://learn.microsoft.com/azure/cosmos-db/create-alerts https://learn.microsoft.com/azure/api-management/monitor-api-management",
        frozenset({"operationalinsights:Workspace", *_SIGNS}),
        _unalerted,
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
