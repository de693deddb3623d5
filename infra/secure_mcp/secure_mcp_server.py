"""A whole secure MCP server: every component, wired."""

from collections.abc import Mapping

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, resources, web

from .args import SecureMcpServerArgs
from .azure.key_vault import KeyVault, KeyVaultReader
from .azure.network import ZONES, Network, PrivateService
from .azure.placement import Placement
from .config import ServerConfig
from .gateway.api_management import Gateway
from .gateway.authorization_server import AuthorizationServer
from .gateway.entra_application import EntraApplication
from .gateway.session_store import SessionStore
from .hosts.function_app import McpFunctionApp
from .monitoring.alerts import GATEWAY_ERRORS, THROTTLING
from .monitoring.monitoring import Monitoring
from .server.mcp_api import McpApi


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

    def __init__(self, name: str, args: SecureMcpServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """
        Args:
            name: Short name, letters, digits and hyphens; part of every resource's name.
            args: What can be chosen, and the code. `load` reads them from the stack's configuration.
            opts: Options, such as a provider.

        Raises:
            ConfigError: a key, a value or a combination cannot work; nothing has been declared then.
        """
        config = ServerConfig.of(args)
        super().__init__("secure-mcp:index:SecureMcpServer", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        suffix = random.RandomString(f"{name}-suffix", length=6, special=False, upper=False, opts=here).result
        group = resources.ResourceGroup(
            f"{name}-rg",
            resource_group_name=pulumi.Output.concat("rg-", name, "-", suffix),
            location=config.location,
            opts=here,
        )
        scope: Placement = {"resource_group_name": group.name, "location": config.location, "suffix": suffix}

        monitoring = Monitoring(
            name,
            {
                **scope,
                "alert_emails": config.alert_emails or (config.apim_publisher_email,),
                "alert_latency_seconds": config.alert_latency_seconds,
            },
            here,
        )
        network = (
            Network(name, {**scope, "address_space": config.vnet_address_space}, here) if config.vnet_enabled else None
        )
        gateway = Gateway(
            name,
            {
                **scope,
                "subscription_id": client.subscription_id,
                "sku": config.apim_sku,
                "publisher_email": config.apim_publisher_email,
                "publisher_name": config.apim_publisher_name,
                "app_insights_id": monitoring.app_insights_id,
                "app_insights_connection_string": monitoring.connection_string,
                "subnet_id": network.gateway_subnet_id if network else None,
                "workspace_id": monitoring.workspace_id,
            },
            here,
        )
        hosts = [gateway.url, *(f"https://{domain}" for domain in config.custom_domains)]
        entra = EntraApplication(
            name,
            {
                "tenant_id": client.tenant_id,
                "login_endpoint": config.login_endpoint,
                "principal_id": gateway.principal_id,
                "oauth_scopes": config.oauth_scopes,
                "redirect_uris": [pulumi.Output.concat(host, "/oauth-callback") for host in hosts],
                "assigned_users": config.assigned_users,
                "assigned_groups": config.assigned_groups,
                "app_roles": config.app_roles,
                "assigned_roles": config.assigned_roles,
            },
            here,
        )
        store = SessionStore(
            name,
            {
                **scope,
                "private": network is not None,
                "locked": config.locked,
                "principal_id": gateway.principal_id,
                "workspace_id": monitoring.workspace_id,
            },
            here,
        )
        function = McpFunctionApp(
            name,
            {
                **scope,
                "subscription_id": client.subscription_id,
                "tenant_id": client.tenant_id,
                "login_endpoint": config.login_endpoint,
                "code": args["code"],
                "backend_auth": config.backend_auth,
                "gateway_client_id": gateway.client_id,
                "gateway_principal_id": gateway.principal_id,
                "audience": entra.backend_client_id,
                "locked": config.locked,
                "app_insights_id": monitoring.app_insights_id,
                "app_insights_connection_string": monitoring.connection_string,
                "subnet_id": network.function_subnet_id if network else None,
                "workspace_id": monitoring.workspace_id,
            },
            here,
        )
        private = {
            "blob": PrivateService(function.storage_account_id, "blob", ZONES["blob"]),
            "code": PrivateService(function.deployment_account_id, "blob", ZONES["blob"]),
            "queue": PrivateService(function.storage_account_id, "queue", ZONES["queue"]),
            "sites": PrivateService(function.site_id, "sites", ZONES["sites"]),
            "cosmos": PrivateService(store.account_id, "Sql", ZONES["Sql"]),
        }
        endpoints = network.connect(private) if network else []
        deployment = [function.deploy(endpoints)] if config.deploy_code else []
        vault = self._key_vault(name, config, scope, client, gateway, monitoring) if config.key_vault_enabled else None
        monitoring.watch(GATEWAY_ERRORS, gateway.resource_id)
        monitoring.watch(THROTTLING, store.account_id)
        settings = config.gateway_settings()
        authorization_server = AuthorizationServer(
            f"{name}-oauth",
            {
                "resource_group_name": group.name,
                "service_name": gateway.name,
                "gateway_url": gateway.url,
                "tenant_id": client.tenant_id,
                "client_id": entra.client_id,
                "identity_client_id": gateway.client_id,
                "session_store_endpoint": store.endpoint,
                "oauth_scopes": config.oauth_scopes,
                "encryption_key_version": config.encryption_key_version,
                "key_vault": vault,
                "settings": settings,
            },
            here,
        )
        backend: dict[str, pulumi.Input[str]] = {"backend_audience": entra.backend_client_id}
        if config.backend_auth == "functionKey":
            # The key of the MCP extension alone; it exists when the host has loaded the code. The master key is never read.
            keys = web.list_web_app_host_keys_output(
                name=function.name,
                resource_group_name=group.name,
                opts=pulumi.InvokeOutputOptions(parent=self, depends_on=deployment),
            )
            backend = {"function_key": pulumi.Output.secret(keys).apply(lambda found: _mcp_key(found.system_keys))}
        McpApi(
            f"{name}-mcp",
            {
                "resource_group_name": group.name,
                "service_name": gateway.name,
                "backend_url": function.mcp_url,
                "policy_parts": authorization_server.policy_parts,
                "settings": settings,
                "key_vault": vault,
                **backend,  # pyright: ignore[reportArgumentType]
            },
            here,
        )
        self.gateway_url = gateway.url
        self.mcp_url = pulumi.Output.concat(gateway.url, "/mcp")
        self.sse_url = pulumi.Output.concat(gateway.url, "/mcp/sse") if config.sse_published else None
        self.entra_application_id = entra.client_id
        self.function_app_name = function.name
        self.resource_group_name = group.name
        self.workbook_url = monitoring.workbook_url
        self.register_outputs({"gatewayUrl": self.gateway_url, "mcpUrl": self.mcp_url})

    def _key_vault(
        self,
        name: str,
        config: ServerConfig,
        scope: Placement,
        client: pulumi.Output[authorization.GetClientConfigResult],
        gateway: Gateway,
        monitoring: Monitoring,
    ) -> KeyVaultReader:
        """A vault, and who reads it.

        A vault that is closed to the outside trusts API Management's system-assigned identity only. Any other is read with the
        user-assigned one, which has its roles long before the slow creation of the service ends.
        https://learn.microsoft.com/azure/api-management/api-management-howto-properties#prerequisites-for-key-vault-integration
        """
        vault = KeyVault(
            name,
            {
                **scope,
                "tenant_id": client.tenant_id,
                "private": config.vnet_enabled,
                "locked": config.locked,
                "workspace_id": monitoring.workspace_id,
            },
            pulumi.ResourceOptions(parent=self),
        )
        return {
            "vault_name": vault.name,
            "resource_group_name": scope["resource_group_name"],
            "subscription_id": client.subscription_id,
            "principal_id": gateway.system_principal_id if config.vnet_enabled else gateway.principal_id,
            "identity_client_id": None if config.vnet_enabled else gateway.client_id,
        }
