"""What is kept, who is told, and whether the questions that are asked of it can be answered.

Queries cannot be run without Azure. They are parsed and bound to the documented tables by the language service of Azure's own
editors, and what they look for in audit events is held against what the policies say.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from actors.kusto import Analysis, analyse
from actors.log_tables import PERSONAL, TABLES
from apim_policies.documents.document import Element, parse
from secure_mcp.monitoring.queries import names, query
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.recording.project import NOBODY
from selection import NEEDS

Declared = Callable[..., Recording]
MONITOR = "azure-native:monitor:"


@pytest.fixture(scope="module")
def analysed() -> dict[str, Analysis]:
    return analyse({name: query(name) for name in names()}, TABLES)


def book(recording: Recording) -> dict[str, Any]:
    return json.loads(recording.one("azure-native:applicationinsights:Workbook").inputs["serializedData"])


def panels(recording: Recording) -> list[dict[str, Any]]:
    return [item for item in book(recording)["items"] if item["type"] == 3]


def audits(recording: Recording) -> list[dict[str, str]]:
    """What each trace policy of the gateway writes to the audit trail: names and values, which may be expressions."""
    texts = (
        resource.inputs["value"]
        for kind in ("ApiPolicy", "ApiOperationPolicy", "PolicyFragment")
        for resource in recording.all(f"azure-native:apimanagement:{kind}")
    )
    return [
        {
            item.attributes["name"].text: item.attributes["value"].text
            for item in trace.children
            if item.name == "metadata"
        }
        for text in texts
        for trace in elements(parse(text, "policy"))
        if trace.name == "trace" and trace.attributes["source"].text == "secure-mcp.audit"
    ]


def elements(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from elements(child)


def compared(text: str, field: str) -> Iterator[str]:
    """Literals that a query compares a field with."""
    for single, several in re.findall(rf'\b{field} (?:[!=]= ("[^"]*")|in \(([^)]*)\))', text):
        yield from re.findall(r'"([^"]*)"', single or several)


@pytest.mark.parametrize("name", names())
def test_a_query_is_kusto_on_documented_tables(name: str, analysed: Mapping[str, Analysis]) -> None:
    assert analysed[name].problems == []
    assert analysed[name].columns


def test_a_wrong_query_would_be_noticed() -> None:
    wrong = {
        "column": 'AppTraces | where Outcome == "refused"',
        "table": "AppTrace | count",
        "syntax": "AppTraces | wher true",
        "type": 'AppTraces | summarize count() by bin(TimeGenerated, "1h")',
    }
    assert all(found.problems for found in analyse(wrong, TABLES).values())


@pytest.mark.parametrize("name", names())
def test_a_query_begins_with_what_it_is_for(name: str) -> None:
    assert query(name).startswith("// ")


def test_a_query_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"no query 'sign-outs'; the queries are .*sign-ins"):
        query("sign-outs")


def test_B5_queries_look_for_what_the_policies_say(declared: Declared) -> None:
    events = audits(declared("prod"))
    assert len(events) > 20
    documents = "".join(
        resource.inputs["value"]
        for kind in ("ApiPolicy", "ApiOperationPolicy", "PolicyFragment")
        for resource in declared("prod").all(f"azure-native:apimanagement:{kind}")
    )
    for name in names():
        text = query(name)
        for field in ("event", "outcome"):
            assert set(compared(text, field)) <= {event[field] for event in events}, name
        for reason in compared(text, "reason"):
            # What API Management calls an error is not written in the policies, but they know it, too.
            said = any(event.get("reason") == reason for event in events)
            assert said or f'"{reason}"' in documents, (name, reason)


def test_B5_nothing_that_the_policies_say_is_lost_on_the_way(declared: Declared) -> None:
    said = {name for event in audits(declared("dev")) for name in event}
    kept = set(re.findall(r"(\w+) = tostring\(Properties\.(\w+)\)", query("sign-ins")))
    assert kept == {(name, name) for name in said}


def test_B5_audit_events_say_no_more_than_who_did_what(declared: Declared) -> None:
    allowed = {
        "event",
        "outcome",
        "reason",
        "client",
        "user",
        "tool",
        "grant",
        "operation",
        "source",
        "server",
        "detail",
        "operator",
    }
    for event in audits(declared("dev")):
        assert set(event) <= allowed, event
        if "user" in event:
            assert '["oid"]' in event["user"] or "userId" in event["user"] or "ofUser" in event["user"], event["user"]
        for expression in (value for value in event.values() if "context." in value):
            assert not re.search(r'IpAddress|Authorization|\["(name|email|upn)"\]|oken|Body', expression), expression


def test_no_query_shows_who_somebody_is(analysed: Mapping[str, Analysis]) -> None:
    for name in names():
        assert not set(re.findall(r"\w+", re.sub(r"//.*", "", query(name)))) & PERSONAL, name
        assert not set(analysed[name].columns) & PERSONAL


def test_the_workbook_shows_every_query_but_those_of_alerts_only(declared: Declared) -> None:
    shown = {panel["name"]: panel["content"] for panel in panels(declared("dev"))}
    assert set(names()) - set(shown) == {"refused-tokens", "slow-calls", "daily-volume"}
    workspace, audit = (one.id for one in workspaces(declared("dev")))
    for name, content in shown.items():
        assert content["query"] == query(name)
        own_log = "ApiManagementGatewayLogs" in query(name)
        assert content["crossComponentResources"] == [audit if own_log else workspace]
        assert content["timeContextFromParameter"] == "TimeRange"
        assert content["title"]
    assert book(declared("dev"))["fallbackResourceIds"] == [workspace, audit]


@pytest.mark.parametrize("subject", ["sign-in", "consent", "refus", "tool", "user", "latency", "errors"])
def test_the_workbook_covers(subject: str, declared: Declared) -> None:
    assert any(subject in panel["name"] for panel in panels(declared("dev")))


def test_charts_have_what_their_shape_needs(declared: Declared, analysed: Mapping[str, Analysis]) -> None:
    for panel in panels(declared("dev")):
        shape, columns = panel["content"]["visualization"], analysed[panel["name"]].columns
        assert ("TimeGenerated" in columns) or shape in {"table", "barchart"}, panel["name"]


def test_the_workbooks_name_is_a_guid_and_stays(declared: Declared) -> None:
    workbooks = [
        declared(stack, **config).one("azure-native:applicationinsights:Workbook")
        for stack, config in (("dev", {}), ("dev", {"alertLatencySeconds": "3"}))
    ]
    assert workbooks[0].inputs["resourceName"] == workbooks[1].inputs["resourceName"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", workbooks[0].inputs["resourceName"])
    assert declared("dev").outputs["workbookUrl"] == f"https://portal.azure.com/#resource{workbooks[0].id}/workbook"


def workspaces(recording: Recording) -> list[Resource]:
    """The one of telemetry, and the one of the audit trail; which of them a program declares first is left to the moment."""
    return sorted(recording.all("azure-native:operationalinsights:Workspace"), key=lambda one: "audit" in one.id)


def rules(recording: Recording) -> dict[str, Resource]:
    return {
        resource.name.removeprefix("mcp-alert-"): resource
        for kind in ("MetricAlert", "ScheduledQueryRule")
        for resource in recording.all(MONITOR + kind)
    }


def test_every_rule_tells_somebody(declared: Declared) -> None:
    recording = declared("prod")
    group = recording.one(MONITOR + "ActionGroup")
    assert [receiver["emailAddress"] for receiver in group.inputs["emailReceivers"]] == [NOBODY]
    assert len(group.inputs["groupShortName"]) <= 12
    assert set(rules(recording)) == {
        "gateway-errors", "session-store-throttling", "failing-sign-ins", "replayed-tokens", "refused-tokens", "slow-calls",
        "near-cap",
    }  # fmt: skip
    for rule in rules(recording).values():
        assert rule.inputs["enabled"] is True
        assert rule.inputs["description"]
        assert group.id in json.dumps(rule.inputs["actions"])


def test_addresses_can_be_given(declared: Declared) -> None:
    recording = declared("dev", alertEmails='["ops@example.com", "oncall@example.com"]')
    receivers = recording.one(MONITOR + "ActionGroup").inputs["emailReceivers"]
    assert [receiver["emailAddress"] for receiver in receivers] == ["ops@example.com", "oncall@example.com"]


def test_metric_rules_watch_one_resource_and_what_it_has(declared: Declared) -> None:
    recording = declared("dev")
    watched = {
        name: (rule.inputs["scopes"], rule.inputs["criteria"]["allOf"][0])
        for name, rule in rules(recording).items()
        if rule.type.endswith(":MetricAlert")
    }
    gateway = recording.one("azure-native:apimanagement:ApiManagementService").id
    store = recording.one("azure-native:cosmosdb:DatabaseAccount").id
    assert watched["gateway-errors"][0] == [gateway]
    assert watched["session-store-throttling"][0] == [store]
    for scopes, criterion in watched.values():
        assert f"/providers/{criterion['metricNamespace']}/" in scopes[0]
    assert watched["gateway-errors"][1]["dimensions"] == [
        {"name": "GatewayResponseCodeCategory", "operator": "Include", "values": ["5xx"]}
    ]
    assert watched["session-store-throttling"][1]["dimensions"][0]["values"] == ["429"]


def test_query_rules_compare_columns_that_their_query_has(declared: Declared, analysed: Mapping[str, Analysis]) -> None:
    recording = declared("dev", alertLatencySeconds="7", dailyCapGb="10")
    workspace, audit = (one.id for one in workspaces(recording))
    texts = {query(name): name for name in names()}
    for rule in recording.all(MONITOR + "ScheduledQueryRule"):
        (condition,) = rule.inputs["criteria"]["allOf"]
        columns = analysed[texts[condition["query"]]].columns
        assert rule.inputs["scopes"] == [audit if "ApiManagementGatewayLogs" in condition["query"] else workspace]
        assert (condition["timeAggregation"] == "Count") is ("metricMeasureColumn" not in condition)
        assert {condition.get("metricMeasureColumn", columns[0])} <= set(columns)
        assert {dimension["name"] for dimension in condition.get("dimensions", [])} <= set(columns)
    slow = rules(recording)["slow-calls"].inputs["criteria"]["allOf"][0]
    assert slow["threshold"] == 7000
    assert rules(recording)["near-cap"].inputs["criteria"]["allOf"][0]["threshold"] == 8


def test_a_query_that_looks_back_is_given_the_time_it_needs(declared: Declared) -> None:
    for name, rule in rules(declared("dev")).items():
        if rule.type.endswith(":ScheduledQueryRule"):
            text = rule.inputs["criteria"]["allOf"][0]["query"]
            assert (rule.inputs.get("overrideQueryTimeRange") == "P1D") is ("ago(1d)" in text), name


CATEGORIES = {
    "Microsoft.ApiManagement/service": {"GatewayLogs"},
    "Microsoft.DocumentDB/databaseAccounts": {"DataPlaneRequests", "ControlPlaneRequests"},
    "Microsoft.Storage/storageAccounts": {"StorageRead", "StorageWrite", "StorageDelete"},
    "Microsoft.KeyVault/vaults": {"AuditEvent"},
}


@pytest.mark.parametrize("config", [{}, {"keyVaultEnabled": "true"}], ids=["no vault", "vault"])
def test_every_service_that_holds_or_serves_something_is_logged(declared: Declared, config: dict[str, str]) -> None:
    recording = declared("dev", **config)
    workspace, audit = (one.id for one in workspaces(recording))
    logged: dict[str, set[str]] = {}
    for setting in recording.all(MONITOR + "DiagnosticSetting"):
        apart = any(kind in setting.inputs["resourceUri"] for kind in ("ApiManagement", "KeyVault"))
        assert setting.inputs["workspaceId"] == (audit if apart else workspace)
        assert all(log["enabled"] for log in setting.inputs["logs"])
        logged[setting.inputs["resourceUri"]] = {log["category"] for log in setting.inputs["logs"]}
    kinds = {
        "azure-native:apimanagement:ApiManagementService", "azure-native:cosmosdb:DatabaseAccount",
        "azure-native:storage:StorageAccount", "azure-native:keyvault:Vault",
    }  # fmt: skip
    expected = {
        r.id + ("/blobServices/default" if r.type.endswith(":StorageAccount") else ""): CATEGORIES[kind]
        for r in recording
        for kind in CATEGORIES
        if r.type in kinds and f"/providers/{kind}/" in r.id
    }
    assert logged == expected
    assert len(expected) == (5 if config else 4)


def test_B3_a_day_of_telemetry_has_a_cap_and_the_audit_trail_has_none(declared: Declared) -> None:
    recording = declared("dev", dailyCapGb="7", logRetentionDays="90")
    capped, apart = workspaces(recording)
    assert capped.inputs["workspaceCapping"] == {"dailyQuotaGb": 7}
    assert "workspaceCapping" not in apart.inputs
    assert {w.inputs["retentionInDays"] for w in (capped, apart)} == {90}
    insights = recording.one("azure-native:applicationinsights:Component")
    assert insights.inputs["workspaceResourceId"] == capped.id


def test_B4_what_the_function_app_says_is_kept_once(declared: Declared) -> None:
    site = declared("prod").one("azure-native:web:WebApp").id
    settings = declared("prod").all(MONITOR + "DiagnosticSetting")
    assert not [s for s in settings if s.inputs["resourceUri"] == site]


def test_logs_go_to_the_tables_that_the_queries_ask(declared: Declared) -> None:
    for setting in declared("dev", keyVaultEnabled="true").all(MONITOR + "DiagnosticSetting"):
        both = any(f"/providers/{kind}/" in setting.inputs["resourceUri"] for kind in list(CATEGORIES)[:2])
        if both or "KeyVault" in setting.inputs["resourceUri"]:
            assert setting.inputs["logAnalyticsDestinationType"] == "Dedicated"
        else:
            assert "logAnalyticsDestinationType" not in setting.inputs


def azure_monitor(recording: Recording) -> dict[str, dict[str, Any]]:
    template = recording.one("azure-native:resources:Deployment").inputs["properties"]["template"]
    return {resource["type"].rsplit("/", 1)[-1]: resource for resource in template["resources"]}


def test_neither_bodies_nor_headers_nor_query_strings_are_logged(declared: Declared) -> None:
    recording = declared("prod")
    logged = [
        recording.one("azure-native:apimanagement:Diagnostic").inputs,
        azure_monitor(recording)["diagnostics"]["properties"],
    ]
    for diagnostic in logged:
        for side in ("frontend", "backend"):
            request = diagnostic[side]["request"]
            assert request["dataMasking"] == {"queryParams": [{"value": "*", "mode": "Hide"}]}
            for message in (request, diagnostic[side]["response"]):
                assert message["body"] == {"bytes": 0}
                assert message["headers"] == []


def test_audit_events_reach_both_logs(declared: Declared) -> None:
    """A trace is written where its severity is that of the diagnostic or above."""
    recording = declared("dev")
    assert recording.one("azure-native:apimanagement:Diagnostic").inputs["verbosity"] == "information"
    assert azure_monitor(recording)["diagnostics"]["properties"]["verbosity"] == "information"
    assert azure_monitor(recording)["loggers"]["properties"]["loggerType"] == "azureMonitor"


def test_only_what_watches_the_gateway_waits_for_it(declared: Declared) -> None:
    recording = declared("prod")
    resources = {resource.urn: resource for resource in recording}
    gateway = recording.one("azure-native:apimanagement:ApiManagementService").urn

    def waits(urn: str) -> bool:
        return urn == gateway or any(waits(other) for other in resources[urn].dependencies)

    kinds = (MONITOR, "azure-native:applicationinsights:", "azure-native:operationalinsights:")
    assert {r.name for r in recording if r.type.startswith(kinds) and waits(r.urn)} == {
        "mcp-apim-logs",
        "mcp-alert-gateway-errors",
    }


@pytest.mark.needs("schemas")
def test_azure_would_accept_it(declared: Declared, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = NEEDS["schemas"].folder()
    assert folder is not None
    monkeypatch.syspath_prepend(str(folder / "tools"))
    import validate_arm

    recording = declared("dev", keyVaultEnabled="true")
    resources = [
        (r.type, dict(r.inputs)) for r in recording if r.type.startswith(MONITOR) or r.type.endswith(":Workbook")
    ]
    group = {"resourceGroupName": "rg", "serviceName": "apim-mcp"}
    parts = azure_monitor(recording)
    resources += [
        ("azure-native:apimanagement:Logger", {**group, "loggerId": "azuremonitor", **parts["loggers"]["properties"]}),
        (
            "azure-native:apimanagement:Diagnostic",
            {**group, "diagnosticId": "azuremonitor", **parts["diagnostics"]["properties"], "loggerId": "/loggers/x"},
        ),
    ]
    for type, inputs in resources:
        if "odataType" in inputs.get("criteria", {}):
            # Pulumi's name for a key that has a dot in it.
            inputs["criteria"] = {"odata.type" if k == "odataType" else k: v for k, v in inputs["criteria"].items()}
        assert [str(p) for p in validate_arm.validate(type, inputs, set()) if p.level == "error"] == [], type


PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")


def test_the_page_has_every_alert_and_its_numbers(declared: Declared) -> None:
    sections = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE))
    assert set(sections) == set(rules(declared("prod")))
    for name, rule in rules(declared("prod")).items():
        assert f"Severity {rule.inputs['severity']}." in sections[name], name
        minutes = rule.inputs["windowSize"].removeprefix("PT").removesuffix("M")
        assert f"{minutes} minutes" in sections[name] or name == "replayed-tokens", name


def test_the_page_has_every_event(declared: Declared) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", PAGE, re.MULTILINE)
    written = {(event, outcome) for event, outcomes in rows for outcome in re.findall(r"`([a-z ]+)`", outcomes)}
    guarded = declared(
        "prod",
        toolRoles='{"save_snippet": "Snippets.Write"}',
        userTokenScopes='[{"scopes": ["User.Read"], "tools": ["my_profile"]}]',
    )
    assert written == {(event["event"], event["outcome"]) for event in audits(guarded)}


def test_queries_on_the_page_can_be_asked() -> None:
    texts = {str(number): text for number, text in enumerate(re.findall(r"```kusto\n(.*?)```", PAGE, re.DOTALL))}
    assert len(texts) == 2
    assert [problem for found in analyse(texts, TABLES).values() for problem in found.problems] == []


def test_the_page_has_every_category(declared: Declared) -> None:
    for setting in declared("dev", keyVaultEnabled="true").all(MONITOR + "DiagnosticSetting"):
        for log in setting.inputs["logs"]:
            assert log["category"] in PAGE
