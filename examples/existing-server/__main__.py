"""Only the gateway's components, in front of an MCP server that is there already and validates tokens of Entra ID."""

import pulumi
from pulumi_azure_native import authorization, resources

from secure_mcp import (
    AuthorizationServer,
    EntraApplication,
    Gateway,
    McpApi,
    Monitoring,
    SessionStore,
)

config = pulumi.Config()
location = pulumi.Config("azure-native").require("location")
client = authorization.get_client_config_output()
group = resources.ResourceGroup("existing", resource_group_name="rg-existing-mcp", location=location)
place = {"resource_group_name": group.name, "location": location, "suffix": pulumi.get_stack()}

monitoring = Monitoring("existing", {**place})
gateway = Gateway(
    "existing",
    {
        **place,
        "subscription_id": client.subscription_id,
        "apim_publisher_email": config.require("publisherEmail"),
        "apim_publisher_name": "existing-server",
        "app_insights_id": monitoring.app_insights_id,
        "app_insights_connection_string": monitoring.connection_string,
        "workspace_id": monitoring.workspace_id,
    },
)
entra = EntraApplication(
    "existing",
    {
        "tenant_id": client.tenant_id,
        "principal_id": gateway.principal_id,
        "redirect_uris": [pulumi.Output.concat(gateway.url, "/oauth-callback")],
    },
)
store = SessionStore(
    "existing",
    {
        **place,
        "principal_id": gateway.principal_id,
        "workspace_id": monitoring.workspace_id,
    },
)
oauth = AuthorizationServer(
    "existing-oauth",
    {
        "resource_group_name": group.name,
        "service_name": gateway.name,
        "gateway_url": gateway.url,
        "tenant_id": client.tenant_id,
        "client_id": entra.client_id,
        "identity_client_id": gateway.client_id,
        "session_store_endpoint": store.endpoint,
    },
)
McpApi(
    "existing-mcp",
    {
        "resource_group_name": group.name,
        "service_name": gateway.name,
        "backend_url": config.require("serverUrl"),
        "backend_audience": config.require("serverAudience"),
        "policy_parts": oauth.policy_parts,
        "sse_transport": "disabled",
    },
)
pulumi.export("mcpUrl", pulumi.Output.concat(gateway.url, "/mcp"))
