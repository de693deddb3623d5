"""Which logs of each service go to a workspace.

Categories: https://learn.microsoft.com/azure/azure-monitor/reference/logs-index, one page for each resource type.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import monitor


@dataclass(frozen=True)
class Service:
    """A kind of Azure resource, with what is worth keeping of it."""

    categories: tuple[str, ...]
    """Log categories."""
    part: str = ""
    """What follows the resource's ARM id if the logs belong to a part of it."""
    table_can_be_chosen: bool = False
    """Whether its logs would go to the old AzureDiagnostics table unless the table of their own is asked for.

    https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs#collection-mode
    """


# Tables: ApiManagementGatewayLogs.
GATEWAY = Service(("GatewayLogs",), table_can_be_chosen=True)
# Tables: CDBDataPlaneRequests, CDBControlPlaneRequests.
SESSION_STORE = Service(("DataPlaneRequests", "ControlPlaneRequests"), table_can_be_chosen=True)
# Table: StorageBlobLogs.
BLOBS = Service(("StorageRead", "StorageWrite", "StorageDelete"), part="/blobServices/default")
# Table: AZKVAuditLogs.
KEY_VAULT = Service(("AuditEvent",), table_can_be_chosen=True)


def keep_logs(
    name: str,
    service: Service,
    resource_id: pulumi.Input[str],
    workspace_id: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Sends a resource's logs to a workspace, if there is one. What is returned stands under the resource, and its lock.

    Args:
        name: Pulumi name of the setting.
        service: What the resource is.
        resource_id: Its ARM id.
        workspace_id: ARM id of the workspace, or none.
        opts: Options, with the parent.
    """
    if workspace_id is None:
        return []
    return [
        monitor.DiagnosticSetting(
            name,
            name="to-log-analytics",
            resource_uri=pulumi.Output.concat(resource_id, service.part) if service.part else resource_id,
            workspace_id=workspace_id,
            log_analytics_destination_type="Dedicated" if service.table_can_be_chosen else None,
            logs=[
                monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in service.categories
            ],
            opts=opts,
        )
    ]
