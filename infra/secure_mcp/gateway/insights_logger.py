"""The logger through which API Management sends telemetry to Application Insights, by managed identity."""

from collections.abc import Callable
from typing import Protocol

import pulumi
from pulumi_azure_native import apimanagement

from ..azure.component import Component
from ..azure.roles import MONITORING_METRICS_PUBLISHER, assign_role


class Destination(Protocol):
    """Where telemetry goes."""

    @property
    def subscription_id(self) -> pulumi.Input[str]: ...
    @property
    def app_insights_id(self) -> pulumi.Input[str]: ...
    @property
    def app_insights_connection_string(self) -> pulumi.Input[str]: ...


def insights_logger(
    name: str,
    parent: Component,
    destination: Destination,
    *,
    logger_id: str,
    service_name: pulumi.Input[str],
    resource_group_name: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    client_id: pulumi.Input[str],
    placed: Callable[..., pulumi.ResourceOptions],
) -> apimanagement.Logger:
    """A logger, and the role without which its identity may not publish.

    Args:
        principal_id: Object id of the user-assigned identity that sends.
        client_id: Client id of the same.
        placed: Options of the logger: the component's `inside` where it goes with the service, `outside` where the service stays.
    """
    role = assign_role(
        f"{name}-metrics-role",
        scope=destination.app_insights_id,
        role=MONITORING_METRICS_PUBLISHER,
        principal_id=principal_id,
        subscription_id=destination.subscription_id,
        opts=parent.outside(),
    )
    return apimanagement.Logger(
        f"{name}-logger",
        logger_id=logger_id,
        service_name=service_name,
        resource_group_name=resource_group_name,
        logger_type=apimanagement.LoggerType.APPLICATION_INSIGHTS,
        resource_id=destination.app_insights_id,
        credentials={"connectionString": destination.app_insights_connection_string, "identityClientId": client_id},
        opts=placed(depends_on=[role]),
    )
