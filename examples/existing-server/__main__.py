"""A gateway, in front of an MCP server that is there already and validates tokens of Entra ID."""

import pulumi

from secure_mcp import Gateway, Server

config = pulumi.Config()
gateway = Gateway(
    "existing",
    {
        "location": pulumi.Config("azure-native").require("location"),
        "apim_publisher_email": config.require("publisherEmail"),
        "apim_publisher_name": "existing-server",
    },
)
server = Server(
    "existing",
    {
        "gateway": gateway.reference,
        # It may have a registration of its own already: pulumi config set serverAudience CLIENT-ID. Else it gets one here.
        "address": {"url": config.require("serverUrl"), "audience": config.get("serverAudience")},
        "assigned_groups": [config.require("group")],
    },
)
pulumi.export("mcpUrl", server.url)
