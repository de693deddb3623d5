"""What an organisation has already, and gives to a gateway instead of having it made."""

from collections.abc import Mapping

import pulumi

from ..options import Options, option


class ExistingMonitoring(Options):
    """A Log Analytics workspace and an Application Insights component that are there already."""

    workspace_id: pulumi.Input[str]
    """Resource id of the workspace."""
    audit_workspace_id: pulumi.Input[str] | None = None
    """Resource id of a workspace without a daily cap, for the gateway's own log. None: the same."""
    app_insights_id: pulumi.Input[str]
    """Resource id of the Application Insights component."""
    app_insights_connection_string: pulumi.Input[str] = option(secret=True)
    """Its connection string."""


class ExistingNetwork(Options):
    """Subnets and private DNS zones that are there already, such as a hub's."""

    gateway_subnet_id: pulumi.Input[str]
    """Subnet of the gateway, delegated to Microsoft.Web/serverFarms, with a network security group."""
    function_subnet_id: pulumi.Input[str]
    """Subnet of function apps, delegated to Microsoft.App/environments."""
    endpoint_subnet_id: pulumi.Input[str]
    """Subnet of private endpoints."""
    private_dns_zones: Mapping[str, pulumi.Input[str]]
    """Resource ids of the private DNS zones, linked to the network: for blob, queue, sites and Sql."""

    def check(self) -> None:
        missing = sorted({"blob", "queue", "sites", "Sql"} - set(self.private_dns_zones))
        if missing:
            raise self.wrong("private_dns_zones", f"give the zone for {', '.join(missing)}, too")


class ExistingSignIn(Options):
    """A registration in Entra ID that is there already, where registrations need a ticket.

    It needs the redirect URIs `/oauth-callback` under each address of the gateway, a federated credential for the gateway's
    identity, and an administrator's consent to `oauthScopes`.
    """

    client_id: pulumi.Input[str]
    """Client id of the application that users sign in to."""
    principal_object_id: pulumi.Input[str]
    """Object id of its service principal."""


class GivenOptions(Options):
    """What is given instead of made."""

    resource_group_name: pulumi.Input[str] = option(default="", configured=False)
    """Resource group that everything goes to. Empty: one is made."""
    existing_monitoring: ExistingMonitoring | None = option(default=None, configured=False)
    """Log Analytics and Application Insights that are there already; no alerts and no workbook are made then."""
    existing_network: ExistingNetwork | None = option(default=None, configured=False)
    """Subnets and private DNS zones that are there already; instead of vnetEnabled."""
    existing_sign_in: ExistingSignIn | None = option(default=None, configured=False)
    """The registration that users sign in to, which is there already."""
