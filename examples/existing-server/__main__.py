"""Only the gateway's components, in front of an MCP server that is there already and validates tokens of Entra ID."""

import pulumi
import pulumi_random as random
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
# New with each deployment: names of what was deleted are taken for days.
suffix = random.RandomString("suffix", length=6, special=False, upper=False, keepers={"location": location}).result
group = resources.ResourceGroup(
    "existing", resource_group_name=pulumi.Output.concat("rg-existing-mcp-", suffix), location=location
)
place = {"resource_group_name": group.name, "location": location, "suffix": suffix}
# What is in the group is not deleted one by one: it goes with it.
inside = pulumi.ResourceOptions(deleted_with=group)

monitoring = Monitoring("existing", {**place}, inside)
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
    inside,
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
    inside,
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
    inside,
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
    inside,
)
pulumi.export("mcpUrl", pulumi.Output.concat(gateway.url, "/mcp"))
