"""What happened, kept where it can be asked for: logs, a workbook, alerts."""

import uuid

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from ..azure.component import Component
from ..azure.placement import Placement
from ..options import Taken
from .alerts import NEAR_CAP, QUERY_ALERTS, MetricAlert, alert_on_metric, alert_on_query
from .options import MonitoringOptions
from .queries import is_of_the_gateways_log
from .workbook import workbook

_WORKBOOKS = uuid.UUID("c8b3a1f4-54a6-4f6e-9a6e-2d8f3f0e9b57")


class MonitoringArgs(MonitoringOptions, Placement):
    """Where it goes, and its alerts."""


class Monitoring(Component):
    """Log Analytics workspace, Application Insights, workbook, alert rules and whom they tell.

    Only identities with a role can write to the workspace (local auth off). Nothing here waits for the services that are
    watched; `watch` adds the rules that need them, and each component sends its own logs here.
    """

    workspace_id: pulumi.Output[str]
    """Resource id of the Log Analytics workspace."""
    audit_workspace_id: pulumi.Output[str]
    """Resource id of the workspace without a daily cap, for logs that must not end."""
    app_insights_id: pulumi.Output[str]
    """Resource id of the Application Insights component."""
    connection_string: pulumi.Output[str]
    """Connection string of the Application Insights component; secret."""
    action_group_id: pulumi.Output[str]
    """Resource id of the action group that alerts tell."""
    workbook_id: pulumi.Output[str]
    """Resource id of the workbook."""
    workbook_url: pulumi.Output[str]
    """Address of the workbook in the portal of Azure's public cloud."""

    def __init__(self, name: str, args: MonitoringArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = MonitoringArgs.of(args)
        super().__init__("secure-mcp:index:Monitoring", name, opts)
        here = self.inside()
        self._name = name
        self._placement = args
        workspace = self._workspace(f"{name}-log", "log-", args.daily_cap_gb)
        # A workspace at its cap takes nothing at all: there is no exception for a table. Calls without a token write telemetry, too,
        # so anybody could end the audit trail for a day. https://learn.microsoft.com/azure/azure-monitor/logs/daily-cap
        audit = self._workspace(f"{name}-audit-log", "log-audit-", None)
        insights = applicationinsights.Component(
            f"{name}-appi",
            resource_name_=pulumi.Output.concat("appi-", name, "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location=args.location,
            kind="web",
            application_type=applicationinsights.ApplicationType.WEB,
            ingestion_mode=applicationinsights.IngestionMode.LOG_ANALYTICS,
            workspace_resource_id=workspace.id,
            disable_local_auth=True,
            opts=self.inside(additional_secret_outputs=["connectionString", "instrumentationKey"]),
        )
        book = applicationinsights.Workbook(
            f"{name}-workbook",
            # Azure wants a GUID; the same one each time, or the link would change.
            resource_name_=workspace.id.apply(lambda id: str(uuid.uuid5(_WORKBOOKS, id.lower()))),
            resource_group_name=args.resource_group_name,
            location=args.location,
            kind="shared",
            category="workbook",
            display_name=f"MCP server {name}",
            description="Sign-ins, consents, refusals, tool calls, latency and errors.",
            source_id=workspace.id,
            version="Notebook/1.0",
            serialized_data=pulumi.Output.all(workspace.id, audit.id).apply(lambda ids: workbook(*ids)),
            opts=here,
        )
        group = monitor.ActionGroup(
            f"{name}-action-group",
            action_group_name=pulumi.Output.concat("ag-", name, "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location="global",
            # Stands in front of text messages; 12 characters at most.
            group_short_name="mcp-server",
            enabled=True,
            email_receivers=[
                monitor.MicrosoftCommonEmailReceiverArgs(
                    name=address, email_address=address, use_common_alert_schema=True
                )
                for address in dict.fromkeys(args.alert_emails)
            ],
            opts=here,
        )
        limits = {"p95": args.alert_latency_seconds * 1000.0, "gigabytes": args.daily_cap_gb * NEAR_CAP}
        for alert in QUERY_ALERTS:
            asked = audit if is_of_the_gateways_log(alert.query) else workspace
            alert_on_query(name, alert, limits.get(alert.column or "", 0), asked.id, args, group.id, here)
        self.workspace_id = workspace.id
        self.audit_workspace_id = audit.id
        self.app_insights_id = insights.id
        # Not a key (local auth is off), but it says where to send to, and tools take it for a secret.
        self.connection_string = pulumi.Output.secret(insights.connection_string)
        self.action_group_id = group.id
        self.workbook_id = book.id
        self.workbook_url = pulumi.Output.concat("https://portal.azure.com/#resource", book.id, "/workbook")
        self.register_outputs(
            {
                "workspaceId": self.workspace_id,
                "auditWorkspaceId": self.audit_workspace_id,
                "appInsightsId": self.app_insights_id,
                "connectionString": self.connection_string,
                "actionGroupId": self.action_group_id,
                "workbookId": self.workbook_id,
                "workbookUrl": self.workbook_url,
            }
        )

    def _workspace(self, name: str, prefix: str, cap: int | None) -> operationalinsights.Workspace:
        """A Log Analytics workspace that only identities with a role write to.

        Args:
            name: Pulumi name, which begins with the component's.
            prefix: Of its name in Azure.
            cap: Gigabytes a day, or none.
        """
        args = self._placement
        return operationalinsights.Workspace(
            name,
            workspace_name=pulumi.Output.concat(prefix, self._name, "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location=args.location,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=args.log_retention_days,
            workspace_capping=operationalinsights.WorkspaceCappingArgs(daily_quota_gb=cap) if cap else None,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            opts=self.inside(),
        )

    def watch(self, alert: MetricAlert, resource_id: pulumi.Input[str]) -> None:
        """Raises an alert on a metric of a resource.

        Args:
            alert: What is watched.
            resource_id: ARM id of a resource that has the metric.
        """
        here = self.inside()
        alert_on_metric(self._name, alert, resource_id, self._placement, self.action_group_id, here)
