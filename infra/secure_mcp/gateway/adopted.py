"""An API Management instance that is there already: what must be true of it, and what is added to it."""

from functools import cached_property

import pulumi
from pulumi_azure_native import apimanagement, managedidentity

from ..azure.component import Component
from ..options import ConfigError, Options, Taken
from .api_management import system_principal
from .given import ExistingApiManagement
from .insights_logger import insights_logger
from .options import SKUS


class AdoptedApiManagementArgs(Options):
    """The instance, and where the telemetry of our APIs goes."""

    service: ExistingApiManagement
    """The instance."""
    in_network: bool = False
    """Whether it must reach a private network."""
    subscription_id: pulumi.Input[str]
    """Subscription that it is in."""
    app_insights_id: pulumi.Input[str]
    """Resource id of the Application Insights component that telemetry goes to."""
    app_insights_connection_string: pulumi.Input[str]
    """Connection string of that component."""


def _suited(
    found: apimanagement.GetApiManagementServiceResult, identity_id: str, in_network: bool
) -> apimanagement.GetApiManagementServiceResult:
    """The instance, if servers can be published on it.

    Raises:
        ConfigError: it has another tier, not this identity, or no network.
    """
    key = "existingApiManagement"
    # Where there is no Azure and no program that declares it, nothing is known of it.
    if not found.sku:
        return found
    if found.sku.name not in SKUS:
        raise ConfigError(
            f"{key}.name", found.name, f"its tier is {found.sku.name}; streams and limits need {', '.join(SKUS)}"
        )
    attached = (found.identity.user_assigned_identities if found.identity else None) or {}
    if identity_id.lower() not in {id.lower() for id in attached}:
        raise ConfigError(
            f"{key}.identityId", identity_id, f"attach this identity to {found.name}: policies ask for its tokens"
        )
    if in_network and found.virtual_network_type != "External":
        raise ConfigError(
            f"{key}.name",
            found.name,
            "integrate it with the virtual network first: it calls session store and hosts there",
        )
    return found


class AdoptedApiManagement(Component):
    """Somebody else's API Management. It gets a logger of ours; each of our APIs has diagnostics of its own that name it."""

    name: pulumi.Output[str]
    """Name of the API Management instance."""
    url: pulumi.Output[str]
    """Public address, without a trailing slash."""
    resource_id: pulumi.Output[str]
    """Resource id of the API Management instance."""
    identity_id: pulumi.Output[str]
    """Resource id of the user-assigned identity."""
    principal_id: pulumi.Output[str]
    """Object id of the user-assigned identity."""
    client_id: pulumi.Output[str]
    """Client id of the user-assigned identity."""
    logger_id: pulumi.Output[str]
    """Resource id of our logger."""
    azure_monitor_logger_id: pulumi.Input[str]
    """Resource id of its logger azuremonitor, or empty."""

    def __init__(
        self, name: str, args: AdoptedApiManagementArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = AdoptedApiManagementArgs.of(args)
        super().__init__("secure-mcp:index:AdoptedApiManagement", name, opts)
        given, asked = args.service, pulumi.InvokeOutputOptions(parent=self)
        identity_id = pulumi.Output.from_input(given.identity_id)
        found = apimanagement.get_api_management_service_output(
            service_name=given.name, resource_group_name=given.resource_group_name, opts=asked
        )
        self._service = pulumi.Output.all(found, identity_id).apply(
            lambda known: _suited(known[0], known[1], args.in_network)
        )
        identity = managedidentity.get_user_assigned_identity_output(
            resource_group_name=identity_id.apply(lambda id: id.split("/")[4]),
            resource_name=identity_id.apply(lambda id: id.split("/")[8]),
            opts=asked,
        )
        self.name = self._service.apply(lambda service: service.name)
        logger = insights_logger(
            name,
            self,
            args,
            logger_id=f"{given.prefix}applicationinsights",
            service_name=self.name,
            resource_group_name=given.resource_group_name,
            principal_id=identity.principal_id,
            client_id=identity.client_id,
            placed=self.outside,
        )
        self.url = self._service.apply(lambda service: service.gateway_url.rstrip("/"))
        self.resource_id = self._service.apply(lambda service: service.id)
        self.identity_id = identity_id
        self.principal_id = identity.principal_id
        self.client_id = identity.client_id
        self.logger_id = logger.id
        self.azure_monitor_logger_id = (
            pulumi.Output.concat(self.resource_id, "/loggers/azuremonitor") if given.azure_monitor_logger else ""
        )
        self.register_outputs({"name": self.name, "url": self.url})

    @cached_property
    def system_principal_id(self) -> pulumi.Output[str]:
        """Object id of the system-assigned identity, which it need not have for anything else."""
        return self._service.apply(lambda service: system_principal(service.identity))
