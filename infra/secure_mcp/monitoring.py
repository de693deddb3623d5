"""Where telemetry goes: Log Analytics and Application Insights without instrumentation keys."""

import pulumi
from pulumi_azure_native import applicationinsights, operationalinsights

from .placement import Placement


class MonitoringArgs(Placement):
    """Nothing but the place."""


class Monitoring(pulumi.ComponentResource):
    """Log Analytics workspace and Application Insights. Only identities with a role can write to it (local auth off)."""

    workspace_id: pulumi.Output[str]
    app_insights_id: pulumi.Output[str]
    connection_string: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("secure-mcp:index:Monitoring", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        workspace = operationalinsights.Workspace(
            f"{name}-log",
            workspace_name=pulumi.Output.concat("log-", name, "-", args["suffix"]),
            resource_group_name=args["resource_group_name"],
            location=args["location"],
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=30,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            opts=here,
        )
        insights = applicationinsights.Component(
            f"{name}-appi",
            resource_name_=pulumi.Output.concat("appi-", name, "-", args["suffix"]),
            resource_group_name=args["resource_group_name"],
            location=args["location"],
            kind="web",
            application_type=applicationinsights.ApplicationType.WEB,
            ingestion_mode=applicationinsights.IngestionMode.LOG_ANALYTICS,
            workspace_resource_id=workspace.id,
            disable_local_auth=True,
            opts=here,
        )
        self.workspace_id = workspace.id
        self.app_insights_id = insights.id
        # Not a key (local auth is off), but it says where to send to, and tools take it for a secret.
        self.connection_string = pulumi.Output.secret(insights.connection_string)
        self.register_outputs(
            {
                "workspaceId": self.workspace_id,
                "appInsightsId": self.app_insights_id,
                "connectionString": self.connection_string,
            }
        )
