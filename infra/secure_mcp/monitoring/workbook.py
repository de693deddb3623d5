"""The workbook: who signs in, what is refused, which tools are called, how fast, and what goes wrong.

https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-automate
"""

import json
from dataclasses import dataclass
from typing import Any

from .queries import is_of_the_gateways_log, query

_SCHEMA = "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"
_DAY = 24 * 60 * 60 * 1000
# What can be chosen, in milliseconds: an hour to thirty days, which is how long the logs of the services are kept.
_RANGES = (_DAY // 24, _DAY // 6, _DAY, 7 * _DAY, 30 * _DAY)


@dataclass(frozen=True)
class Panel:
    """One picture or table."""

    query: str
    title: str
    shape: str = "table"
    """`table`, `timechart`, `areachart` or `barchart`."""
    wide: bool = False
    """Whether it takes the whole width or half of it."""


@dataclass(frozen=True)
class Section:
    title: str
    text: str
    panels: tuple[Panel, ...]


SECTIONS = (
    Section(
        "Sign-ins and consents",
        "Clients are ids of registrations or addresses of client metadata documents.",
        (
            Panel("sign-ins", "Sign-ins by outcome", "timechart"),
            Panel("consents", "Answers to the consent page, by client"),
            Panel("sessions", "Registrations, tokens and ended sessions"),
            Panel("failing-sign-ins", "Sign-ins that failed because of us or Entra ID"),
        ),
    ),
    Section(
        "Refusals",
        "What the gateway refused, what users denied, and what failed.",
        (
            Panel("refusals-over-time", "Refusals by event", "timechart"),
            Panel("refusals", "Refusals by reason"),
            Panel("replayed-tokens", "Codes and refresh tokens that were used twice", wide=True),
        ),
    ),
    Section(
        "Tool calls",
        "Users are object ids of Entra ID; names are not recorded.",
        (
            Panel("tool-calls-by-tool", "By tool", "barchart"),
            Panel("tool-calls-by-user", "By user"),
        ),
    ),
    Section(
        "Latency",
        "In milliseconds, as the gateway measures it: its own time and that of the server behind it.",
        (
            Panel("latency-over-time", "The slowest of each twenty calls", "timechart"),
            Panel("latency", "By operation"),
        ),
    ),
    Section(
        "Errors",
        "Answers of the gateway, exceptions of gateway and function app, and what the session store is asked.",
        (
            Panel("responses", "Answers by class", "areachart"),
            Panel("gateway-errors", "Answers of 500 and above"),
            Panel("exceptions", "Exceptions"),
            Panel("session-store", "Session store"),
        ),
    ),
)


def workbook(workspace_id: str, audit_workspace_id: str) -> str:
    """The workbook as JSON, for `serializedData`.

    Args:
        workspace_id: ARM id of the Log Analytics workspace that its queries run on.
        audit_workspace_id: ARM id of the one that has the gateway's own log.
    """
    items: list[dict[str, Any]] = [_time_range()]
    for section in SECTIONS:
        items.append(
            {
                "type": 1,
                "content": {"json": f"## {section.title}\n\n{section.text}"},
                "name": f"about {section.title.lower()}",
            }
        )
        items.extend(
            _panel(panel, audit_workspace_id if is_of_the_gateways_log(panel.query) else workspace_id)
            for panel in section.panels
        )
    document = {
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": [workspace_id, audit_workspace_id],
        "$schema": _SCHEMA,
    }
    return json.dumps(document, indent=1)


def _time_range() -> dict[str, Any]:
    parameter = {
        "id": "4f1d2a52-9c3e-4d0b-8c55-2b1f6f0f4a11",
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "label": "Time",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": _DAY},
        "typeSettings": {"selectableValues": [{"durationMs": range} for range in _RANGES]},
    }
    return {
        "type": 9,
        "content": {"version": "KqlParameterItem/1.0", "parameters": [parameter], "style": "pills", "queryType": 0},
        "name": "time",
    }


def _panel(panel: Panel, workspace_id: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "type": 3,
        "content": {
            "version": "KqlItem/1.0",
            "query": query(panel.query),
            "title": panel.title,
            "size": 0,
            "noDataMessage": "Nothing in this time.",
            "timeContextFromParameter": "TimeRange",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "crossComponentResources": [workspace_id],
            "visualization": panel.shape,
        },
        "name": panel.query,
    }
    return item if panel.wide else item | {"customWidth": "50"}
