"""Alert rules: what somebody should look at, and when. `docs/observability.md` says what to do.

Metrics watch what the platform counts, within minutes and whatever becomes of the logs. Queries watch what only the audit
events or the duration of single calls tell.
"""

from dataclasses import dataclass
from enum import IntEnum

import pulumi
from pulumi_azure_native import monitor

from ..azure.placement import Placement
from .queries import query


class Severity(IntEnum):
    """https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview#severity"""

    ERROR = 1
    WARNING = 2


@dataclass(frozen=True)
class MetricAlert:
    """Raised when a platform metric reaches a number of occurrences within five minutes."""

    name: str
    title: str
    severity: Severity
    namespace: str
    metric: str
    aggregation: str
    dimension: str
    value: str
    """Only occurrences with this value of the dimension count."""
    threshold: int


@dataclass(frozen=True)
class QueryAlert:
    """Raised when a query answers with at least so many rows, or with a number above a limit."""

    name: str
    title: str
    severity: Severity
    query: str
    """Name of the query."""
    minutes: int
    """How often it runs, and over how long a time."""
    rows: int = 1
    column: str | None = None
    """Column that is compared with the limit, in place of the number of rows."""
    dimension: str | None = None
    """Column whose values are judged each by itself."""
    history: str | None = None
    """How far back the query looks, if further (ISO 8601)."""


# https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-apimanagement-service-metrics
GATEWAY_ERRORS = MetricAlert(
    "gateway-errors", "The gateway answers with errors (5xx)", Severity.ERROR,
    "Microsoft.ApiManagement/service", "Requests", "Total", "GatewayResponseCodeCategory", "5xx", 5,
)  # fmt: skip
# Normalized RU consumption is a share of provisioned throughput, which a serverless account has none of.
# https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-documentdb-databaseaccounts-metrics
THROTTLING = MetricAlert(
    "session-store-throttling", "The session store is asked for more than it gives (429)", Severity.WARNING,
    "Microsoft.DocumentDB/databaseAccounts", "TotalRequests", "Count", "StatusCode", "429", 5,
)  # fmt: skip

NEAR_CAP = 0.8
"""Share of the daily cap at which somebody is told."""

QUERY_ALERTS = (
    QueryAlert(
        "failing-sign-ins", "Sign-ins fail because of us or Entra ID", Severity.ERROR,
        "failing-sign-ins", minutes=15, rows=5,
    ),
    QueryAlert(
        "replayed-tokens", "A code or refresh token was used twice", Severity.ERROR,
        "replayed-tokens", minutes=5,
    ),
    QueryAlert(
        "refused-tokens", "Far more tokens than usual are refused (401)", Severity.WARNING,
        "refused-tokens", minutes=15, history="P1D",
    ),
    QueryAlert(
        "slow-calls", "Calls are slow", Severity.WARNING,
        "slow-calls", minutes=15, column="p95", dimension="ApiId",
    ),
    QueryAlert(
        "near-cap", "Telemetry of a day nears its cap", Severity.WARNING,
        "daily-volume", minutes=60, column="gigabytes", history="P1D",
    ),
)  # fmt: skip


def alert_on_metric(
    name: str,
    alert: MetricAlert,
    scope: pulumi.Input[str],
    args: Placement,
    action_group_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> monitor.MetricAlert:
    """Watches a metric of one resource.

    Args:
        name: Name of the server.
        alert: What is watched.
        scope: ARM id of the resource.
        args: Where the rule goes.
        action_group_id: Who hears of it.
        opts: Options, with the parent.
    """
    return monitor.MetricAlert(
        f"{name}-alert-{alert.name}",
        rule_name=pulumi.Output.concat(f"{alert.name}-{name}-", args.suffix),
        resource_group_name=args.resource_group_name,
        location="global",
        description=alert.title,
        severity=alert.severity,
        enabled=True,
        scopes=[scope],
        window_size="PT5M",
        evaluation_frequency="PT1M",
        criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            all_of=[
                monitor.MetricCriteriaArgs(
                    criterion_type="StaticThresholdCriterion",
                    name=alert.name,
                    metric_namespace=alert.namespace,
                    metric_name=alert.metric,
                    time_aggregation=alert.aggregation,
                    dimensions=[
                        monitor.MetricDimensionArgs(name=alert.dimension, operator="Include", values=[alert.value])
                    ],
                    operator=monitor.Operator.GREATER_THAN_OR_EQUAL,
                    threshold=alert.threshold,
                    # Nothing has been counted when the rule is made.
                    skip_metric_validation=True,
                )
            ],
        ),
        actions=[monitor.MetricAlertActionArgs(action_group_id=action_group_id)],
        auto_mitigate=True,
        opts=opts,
    )


def alert_on_query(
    name: str,
    alert: QueryAlert,
    limit: float,
    workspace_id: pulumi.Input[str],
    args: Placement,
    action_group_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> monitor.ScheduledQueryRule:
    """Watches what a query finds.

    Args:
        name: Name of the server.
        alert: What is watched.
        limit: What the column may be, for an alert that compares one.
        workspace_id: ARM id of the workspace that is asked.
        args: Where the rule goes.
        action_group_id: Who hears of it.
        opts: Options, with the parent.
    """
    minutes = f"PT{alert.minutes}M"
    return monitor.ScheduledQueryRule(
        f"{name}-alert-{alert.name}",
        rule_name=pulumi.Output.concat(f"{alert.name}-{name}-", args.suffix),
        resource_group_name=args.resource_group_name,
        location=args.location,
        kind="LogAlert",
        display_name=alert.title,
        description=alert.title,
        severity=alert.severity,
        enabled=True,
        scopes=[workspace_id],
        window_size=minutes,
        evaluation_frequency=minutes,
        override_query_time_range=alert.history,
        criteria=monitor.ScheduledQueryRuleCriteriaArgs(
            all_of=[
                monitor.ConditionArgs(
                    query=query(alert.query),
                    time_aggregation="Maximum" if alert.column else "Count",
                    metric_measure_column=alert.column,
                    operator="GreaterThan" if alert.column else "GreaterThanOrEqual",
                    threshold=limit if alert.column else alert.rows,
                    dimensions=[monitor.DimensionArgs(name=alert.dimension, operator="Include", values=["*"])]
                    if alert.dimension
                    else None,
                    failing_periods=monitor.ConditionFailingPeriodsArgs(
                        number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                    ),
                )
            ]
        ),
        actions=monitor.ActionsArgs(action_groups=[action_group_id]),
        auto_mitigate=True,
        # A new workspace has no table of a service whose logs have not come yet. The queries are checked by our tests.
        skip_query_validation=True,
        opts=opts,
    )
