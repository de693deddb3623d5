"""Which logs of each service go to the workspace, and which of its metrics raise an alert.

Categories: https://learn.microsoft.com/azure/azure-monitor/reference/logs-index, one page for each resource type.
"""

from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_azure_native import monitor

from .alerts import GATEWAY_ERRORS, THROTTLING, MetricAlert


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
    alerts: tuple[MetricAlert, ...] = ()


class Watched(NamedTuple):
    """A resource and what it is."""

    service: Service
    id: pulumi.Input[str]
    """Its ARM id."""


# Tables: ApiManagementGatewayLogs.
GATEWAY = Service(("GatewayLogs",), table_can_be_chosen=True, alerts=(GATEWAY_ERRORS,))
# Tables: CDBDataPlaneRequests, CDBControlPlaneRequests.
SESSION_STORE = Service(
    ("DataPlaneRequests", "ControlPlaneRequests"), table_can_be_chosen=True, alerts=(THROTTLING,)
)  # fmt: skip
# Table: StorageBlobLogs.
BLOBS = Service(("StorageRead", "StorageWrite", "StorageDelete"), part="/blobServices/default")
# Table: FunctionAppLogs.
FUNCTION_APP = Service(("FunctionAppLogs",))
# Table: AZKVAuditLogs.
KEY_VAULT = Service(("AuditEvent",), table_can_be_chosen=True)


def keep_logs(
    name: str, watched: Watched, workspace_id: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> monitor.DiagnosticSetting:
    """Sends a resource's logs to a workspace.

    Args:
        name: Pulumi name of the setting.
        watched: The resource.
        workspace_id: ARM id of the workspace.
        opts: Options, with the parent.
    """
    service = watched.service
    return monitor.DiagnosticSetting(
        name,
        name="to-log-analytics",
        resource_uri=pulumi.Output.concat(watched.id, service.part) if service.part else watched.id,
        workspace_id=workspace_id,
        log_analytics_destination_type="Dedicated" if service.table_can_be_chosen else None,
        logs=[monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in service.categories],
        opts=opts,
    )
