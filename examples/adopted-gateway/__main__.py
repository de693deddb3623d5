"""An MCP server on an API Management that others use already, in a hub's network. `before/` declares what is there."""

import pulumi

from secure_mcp import Gateway, Server

config = pulumi.Config()
hub = pulumi.StackReference(config.require("hub"))
network = hub.require_output("network")
gateway = Gateway(
    "adopted",
    {
        "location": pulumi.Config("azure-native").require("location"),
        "apim_publisher_email": config.require("publisherEmail"),
        "existing_api_management": {
            "name": hub.require_output("service"),
            "resource_group_name": hub.require_output("group"),
            "identity_id": hub.require_output("identity"),
            # The instance has no diagnostics of Azure Monitor.
            "azure_monitor_logger": False,
        },
        "existing_network": {
            "gateway_subnet_id": network["gateway_subnet_id"],
            "function_subnet_id": network["function_subnet_id"],
            "endpoint_subnet_id": network["endpoint_subnet_id"],
            "private_dns_zones": {
                kind: network["private_dns_zones"][kind] for kind in ("blob", "queue", "sites", "Sql")
            },
        },
    },
)
server = Server(
    "notes",
    {
        "gateway": gateway.reference,
        "path": "notes",
        "address": {"url": config.require("serverUrl")},
        "sse_transport": "disabled",
        "assigned_groups": [config.require("group")],
    },
)
pulumi.export("mcpUrl", server.url)
