"""What an organisation has already, and gives to a gateway instead of having it made."""

from collections.abc import Mapping

import pulumi

from ..options import Options, Rule, matches, option

IDENTITIES = Rule(
    r"/subscriptions/[^/]+/resource[gG]roups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+",
    "give the resource id of a user-assigned identity, as az identity show --query id prints it",
)
VAULT_IDS = Rule(
    r"/subscriptions/[^/]+/resource[gG]roups/[^/]+/providers/Microsoft\.KeyVault/vaults/[A-Za-z0-9-]+",
    "give the resource id of a key vault, as az keyvault show --query id prints it",
)
PREFIXES = Rule(
    r"[a-z][a-z0-9]*(-[a-z0-9]+)*-", "give small letters and digits with a hyphen at the end, such as secure-mcp-"
)


class ExistingApiManagement(Options):
    """An API Management instance that is there already, in the subscription of the deployment, maybe with other people's APIs.

    Nothing of the instance itself is changed: no policy, diagnostic, logger or setting of all its APIs. What is added has ids of its
    own. Its policy for all APIs applies to ours, too; the root path must be free for the OAuth API.
    """

    name: pulumi.Input[str]
    """Name of the instance, of a v2 tier. With a network it must be integrated into it already."""
    resource_group_name: pulumi.Input[str]
    """Its resource group."""
    identity_id: pulumi.Input[str] = option(matches(IDENTITIES))
    """Resource id of a user-assigned identity that is attached to it, and that no policy of others uses."""
    prefix: str = option(matches(PREFIXES), default="secure-mcp-")
    """What the ids and display names of all that is added begin with."""
    azure_monitor_logger: bool = True
    """Whether it has the logger azuremonitor. Our APIs then say for themselves that no body, header or query string is logged,
    whatever the instance logs of others. Without that logger there must be no Azure Monitor diagnostic, either."""


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


class ExistingKeyVault(Options):
    """A key vault that is there already, in the subscription of the deployment, maybe with other people's secrets.

    It needs role-based access. The gateway's identity gets *Key Vault Secrets User* on each of our secrets, and none on the vault;
    whoever deploys needs what writes secrets and assigns roles there. Secrets stay when they are no longer needed: Pulumi would
    delete them through the vault itself, in which whoever deploys may have no role.
    """

    vault_id: pulumi.Input[str] = option(matches(VAULT_IDS))
    """Resource id of the vault."""
    prefix: str = option(matches(PREFIXES), default="secure-mcp-")
    """What the names of our secrets begin with; no other gateway with this vault has it."""
    closed: bool = False
    """Whether it is closed to networks. It must let trusted Azure services in; API Management then reads it with its system-assigned
    identity."""


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
    existing_api_management: ExistingApiManagement | None = option(default=None, configured=False)
    """An API Management instance that is there already; options of the instance are refused then."""
    existing_monitoring: ExistingMonitoring | None = option(default=None, configured=False)
    """Log Analytics and Application Insights that are there already; no alerts and no workbook are made then."""
    existing_network: ExistingNetwork | None = option(default=None, configured=False)
    """Subnets and private DNS zones that are there already; instead of vnetEnabled."""
    existing_key_vault: ExistingKeyVault | None = option(default=None, configured=False)
    """A key vault that is there already, for the gateway's secrets; instead of keyVaultEnabled."""
    existing_sign_in: ExistingSignIn | None = option(default=None, configured=False)
    """The registration that users sign in to, which is there already."""
