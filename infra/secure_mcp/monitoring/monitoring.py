"""What happened, kept where it can be asked for: logs, a workbook, alerts."""

import uuid

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from ..azure.component import Component
from ..azure.placement import Placement
from ..options import Taken
from .alerts import QUERY_ALERTS, MetricAlert, alert_on_metric, alert_on_query
from .options import MonitoringOptions
from .workbook import workbook

_WORKBOOKS = uuid.UUID("c8b3a1f4-54a6-4f6e-9a6e-2d8f3f0e9b57")
_RETENTION_DAYS = 30


class MonitoringArgs(MonitoringOptions, Placement):
    """Where it goes, and its alerts."""


class Monitoring(Component):
    """Log Analytics workspace, Application Insights, workbook, alert rules and whom they tell.

    Only identities with a role can write to the workspace (local auth off). Nothing here waits for the services that are
    watched; `watch` adds the rules that need them, and each component sends its own logs here.
    """

    workspace_id: pulumi.Output[str]
    """Resource id of the Log Analytics workspace."""
    app_insights_id: pulumi.Output[str]
    """Resource id of the Application Insights component."""
    connection_string: pulumi.Output[str]
    """Connection string of the Application Insights component; secret."""
    action_group_id: pulumi.Output[str]
    """Resource id of the action group that alerts tell."""
    workbook_url: pulumi.Output[str]
    """Address of the workbook in the portal of Azure's public cloud."""

    def __init__(self, name: str, args: MonitoringArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = MonitoringArgs.of(args)
        super().__init__("secure-mcp:index:Monitoring", name, opts)
        here = self.inside()
        self._name = name
        self._placement = args
        workspace = operationalinsights.Workspace(
            f"{name}-log",
            workspace_name=pulumi.Output.concat("log-", name, "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location=args.location,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=_RETENTION_DAYS,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            opts=here,
        )
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
            serialized_data=workspace.id.apply(workbook),
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
        limit = args.alert_latency_seconds * 1000
        for alert in QUERY_ALERTS:
            alert_on_query(name, alert, limit, workspace.id, args, group.id, here)
        self.workspace_id = workspace.id
        self.app_insights_id = insights.id
        # Not a key (local auth is off), but it says where to send to, and tools take it for a secret.
        self.connection_string = pulumi.Output.secret(insights.connection_string)
        self.action_group_id = group.id
        self.workbook_url = pulumi.Output.concat("https://portal.azure.com/#resource", book.id, "/workbook")
        self.register_outputs(
            {
                "workspaceId": self.workspace_id,
                "appInsightsId": self.app_insights_id,
                "connectionString": self.connection_string,
                "actionGroupId": self.action_group_id,
                "workbookUrl": self.workbook_url,
            }
        )

    def watch(self, alert: MetricAlert, resource_id: pulumi.Input[str]) -> None:
        """Raises an alert on a metric of a resource.

        Args:
            alert: What is watched.
            resource_id: ARM id of a resource that has the metric.
        """
        here = self.inside()
        alert_on_metric(self._name, alert, resource_id, self._placement, self.action_group_id, here)
