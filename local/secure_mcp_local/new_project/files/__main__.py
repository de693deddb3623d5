"""An MCP server and its gateway."""

import pulumi

from secure_mcp import SecureMcpServer

config = pulumi.Config()
server = SecureMcpServer(
    "${PROJECT}",
    {
        "location": pulumi.Config("azure-native").require("location"),
        "apim_publisher_email": config.require("publisherEmail"),
        "assigned_groups": config.require_object("groups"),
        "code": "server",
    },
)
pulumi.export("url", server.mcp_url)
