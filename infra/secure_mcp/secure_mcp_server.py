"""A whole secure MCP server: every component, wired."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, resources, web

from .azure.key_vault import KeyVault, KeyVaultArgs, KeyVaultReader
from .azure.network import ZONES, Network, NetworkArgs, PrivateService
from .azure.tags import tagged
from .gateway.api_management import Gateway, GatewayArgs
from .gateway.authorization_server import AuthorizationServer, AuthorizationServerArgs
from .gateway.entra_application import EntraApplication, EntraApplicationArgs
from .gateway.options import ApiManagementOptions, GatewayOptions, SignInOptions
from .gateway.session_store import SessionStore, SessionStoreArgs
from .hosts.function_app import McpFunctionApp, McpFunctionAppArgs
from .hosts.options import FunctionAppOptions
from .monitoring.alerts import GATEWAY_ERRORS, THROTTLING
from .monitoring.budget import declare_budget
from .monitoring.monitoring import Monitoring, MonitoringArgs
from .monitoring.options import MonitoringOptions
from .options import Taken
from .server.mcp_api import McpApi, McpApiArgs
from .server.options import AssignmentOptions, ServerOptions


class SecureMcpServerArgs(FunctionAppOptions, ServerOptions, GatewayOptions):
    """Everything that can be chosen about a server with a gateway of its own, and its code."""


GROUPS = (
    ("Gateway", "What servers share.", GatewayOptions),
    ("Server", "What is one MCP server's.", ServerOptions),
    ("Function app", "What runs a server that is deployed with its code.", FunctionAppOptions),
)
"""Tables of `docs/options.md`: title, introduction, class."""


def _mcp_key(system_keys: Mapping[str, str] | None) -> str:
    """The key of the MCP extension.

    Raises:
        RunError: the function app has none yet.
    """
    if not system_keys or "mcp_extension" not in system_keys:
        raise pulumi.RunError(
            "the function app has no key of the MCP extension yet: its host makes one when it has loaded the code. "
            "Deploy the code, then run pulumi up again"
        )
    return system_keys["mcp_extension"]


class SecureMcpServer(pulumi.ComponentResource):
    """A remote MCP server that only signed-in, assigned users reach, through API Management."""

    gateway_url: pulumi.Output[str]
    """Public address of the gateway, without a trailing slash."""
    mcp_url: pulumi.Output[str]
    """Address that MCP clients are given."""
    sse_url: pulumi.Output[str] | None
    """Address of the deprecated HTTP+SSE transport, if it is published."""
    entra_application_id: pulumi.Output[str]
    """Client id of the application that users sign in to."""
    function_app_name: pulumi.Output[str]
    """Name of the function app that runs the server."""
    resource_group_name: pulumi.Output[str]
    """Resource group that everything is in."""
    workbook_url: pulumi.Output[str]
    """Address of the workbook in the portal of Azure's public cloud."""

    def __init__(
        self, name: str, args: SecureMcpServerArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        Args:
            name: Short name, letters, digits and hyphens; part of every resource's name.
            args: What can be chosen, and the code. `load` reads them from the stack's configuration.
            opts: Options, such as a provider.

        Raises:
            ConfigError: a key, a value or a combination cannot work; nothing has been declared then.
        """
        args = SecureMcpServerArgs.of(args)
        tagging = pulumi.ResourceOptions(transformations=[tagged(args.tags)])
        super().__init__("secure-mcp:index:SecureMcpServer", name, None, pulumi.ResourceOptions.merge(opts, tagging))
        here = pulumi.ResourceOptions(parent=self)
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        suffix = random.RandomString(
            f"{name}-suffix",
            length=6,
            special=False,
            upper=False,
            # Another region, other names: what was deleted there keeps its name for days (API Management) or months (vaults).
            keepers={"location": args.location},
            opts=here,
        ).result
        group = resources.ResourceGroup(
            f"{name}-rg",
            resource_group_name=pulumi.Output.concat("rg-", name, "-", suffix),
            location=args.location,
            opts=here,
        )
        # What is in the group goes with it.
        inside = pulumi.ResourceOptions(parent=self, deleted_with=group)
        scope: dict[str, Any] = {"resource_group_name": group.name, "location": args.location, "suffix": suffix}

        emails = args.alert_emails or (args.apim_publisher_email,)
        monitored: dict[str, Any] = {**args.part(MonitoringOptions), "alert_emails": emails}
        if args.monthly_budget:
            declare_budget(f"{name}-budget", group.id, args.monthly_budget, emails, inside)
        monitoring = Monitoring(
            name,
            MonitoringArgs(
                **scope,
                **monitored,
            ),
            inside,
        )
        network = (
            Network(name, NetworkArgs(**scope, vnet_address_space=args.vnet_address_space), inside)
            if args.vnet_enabled
            else None
        )
        gateway = Gateway(
            name,
            GatewayArgs(
                **scope,
                **args.part(ApiManagementOptions),
                subscription_id=client.subscription_id,
                app_insights_id=monitoring.app_insights_id,
                app_insights_connection_string=monitoring.connection_string,
                subnet_id=network.gateway_subnet_id if network else None,
                workspace_id=monitoring.audit_workspace_id,
            ),
            inside,
        )
        hosts = [gateway.url, *(f"https://{domain}" for domain in args.custom_domains)]
        entra = EntraApplication(
            name,
            EntraApplicationArgs(
                **args.part(SignInOptions),
                **args.part(AssignmentOptions),
                tenant_id=client.tenant_id,
                principal_id=gateway.principal_id,
                redirect_uris=[pulumi.Output.concat(host, "/oauth-callback") for host in hosts],
                app_roles=args.app_roles,
            ),
            here,
        )
        store = SessionStore(
            name,
            SessionStoreArgs(
                **scope,
                private=network is not None,
                zone_redundant=args.zone_redundant,
                principal_id=gateway.principal_id,
                workspace_id=monitoring.workspace_id,
            ),
            inside,
        )
        function = McpFunctionApp(
            name,
            McpFunctionAppArgs(
                **scope,
                **args.part(FunctionAppOptions),
                zone_redundant=args.zone_redundant,
                subscription_id=client.subscription_id,
                tenant_id=client.tenant_id,
                login_endpoint=args.login_endpoint,
                backend_auth=args.backend_auth,
                gateway_client_id=gateway.client_id,
                gateway_principal_id=gateway.principal_id,
                audience=entra.backend_client_id,
                app_insights_id=monitoring.app_insights_id,
                app_insights_connection_string=monitoring.connection_string,
                subnet_id=network.function_subnet_id if network else None,
                workspace_id=monitoring.workspace_id,
            ),
            inside,
        )
        private = {
            "blob": PrivateService(function.storage_account_id, "blob", ZONES["blob"]),
            "code": PrivateService(function.deployment_account_id, "blob", ZONES["blob"]),
            "queue": PrivateService(function.storage_account_id, "queue", ZONES["queue"]),
            "sites": PrivateService(function.site_id, "sites", ZONES["sites"]),
            "cosmos": PrivateService(store.account_id, "Sql", ZONES["Sql"]),
        }
        # The app's own link to the network and the parts of the store come first.
        endpoints = network.connect(private, [function.site, *store.contents]) if network else []
        deployment = [function.deploy(endpoints)] if args.deploy_code else []
        vault, reader = None, None
        if args.key_vault_enabled:
            vault, reader = self._key_vault(name, args, scope, client.tenant_id, gateway, monitoring, inside)
        monitoring.watch(GATEWAY_ERRORS, gateway.resource_id)
        monitoring.watch(THROTTLING, store.account_id)
        authorization_server = AuthorizationServer(
            f"{name}-oauth",
            AuthorizationServerArgs(
                **args.part(AuthorizationServerArgs),
                resource_group_name=group.name,
                service_name=gateway.name,
                gateway_url=gateway.url,
                tenant_id=client.tenant_id,
                client_id=entra.client_id,
                identity_client_id=gateway.client_id,
                session_store_endpoint=store.endpoint,
                key_vault=reader,
            ),
            inside,
        )
        backend: dict[str, Any] = {"backend_audience": entra.backend_client_id}
        if args.backend_auth == "functionKey":
            # The key of the MCP extension alone; it exists when the host has loaded the code. The master key is never read.
            keys = web.list_web_app_host_keys_output(
                name=function.name,
                resource_group_name=group.name,
                opts=pulumi.InvokeOutputOptions(parent=self, depends_on=deployment),
            )
            backend = {"function_key": pulumi.Output.secret(keys).apply(lambda found: _mcp_key(found.system_keys))}
        mcp_api = McpApi(
            f"{name}-mcp",
            McpApiArgs(
                **args.part(ServerOptions),
                **backend,
                resource_group_name=group.name,
                service_name=gateway.name,
                backend_url=function.mcp_url,
                policy_parts=authorization_server.policy_parts,
                key_vault=reader,
            ),
            inside,
        )
        if args.locked:
            # Last, so that they are the first to go.
            store.lock(endpoints)
            function.lock(endpoints)
            if vault is not None:
                vault.lock([*authorization_server.secrets, *mcp_api.secrets])
        self.gateway_url = gateway.url
        self.mcp_url = pulumi.Output.concat(gateway.url, "/mcp")
        self.sse_url = pulumi.Output.concat(gateway.url, "/mcp/sse") if args.sse_published else None
        self.entra_application_id = entra.client_id
        self.function_app_name = function.name
        self.resource_group_name = group.name
        self.workbook_url = monitoring.workbook_url
        self.register_outputs({"gatewayUrl": self.gateway_url, "mcpUrl": self.mcp_url})

    def _key_vault(
        self,
        name: str,
        args: SecureMcpServerArgs,
        scope: dict[str, Any],
        tenant_id: pulumi.Input[str],
        gateway: Gateway,
        monitoring: Monitoring,
        opts: pulumi.ResourceOptions,
    ) -> tuple[KeyVault, KeyVaultReader]:
        """A vault, and who reads it.

        A vault that is closed to the outside trusts API Management's system-assigned identity only. Any other is read with the
        user-assigned one, which has its roles long before the slow creation of the service ends.
        https://learn.microsoft.com/azure/api-management/api-management-howto-properties#prerequisites-for-key-vault-integration
        """
        closed = args.key_vault_closed
        vault = KeyVault(
            name,
            KeyVaultArgs(
                **scope,
                tenant_id=tenant_id,
                private=closed,
                reader_principal_id=gateway.system_principal_id if closed else gateway.principal_id,
                workspace_id=monitoring.audit_workspace_id,
            ),
            opts,
        )
        return vault, KeyVaultReader(
            vault_name=vault.name,
            resource_group_name=scope["resource_group_name"],
            identity_client_id=None if closed else gateway.client_id,
            role_in_force=vault.role_in_force,
        )
