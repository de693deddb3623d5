"""One server at /teams/calendar, with its own users, origins and limits."""

import pulumi

from secure_mcp import Server

config = pulumi.Config()
platform = pulumi.StackReference(f"{config.require('platform')}/{pulumi.get_stack()}")
server = Server(
    "calendar",
    {
        "gateway": platform.require_output("gateway"),
        "path": "teams/calendar",
        "display_name": "Calendar",
        "address": {"url": config.require("serverUrl")},
        "mcp_scopes": ["calendar"],
        "mcp_rate_limit": 30,
        "allowed_origins": ["https://calendar.example.com"],
        "sse_transport": "disabled",
        "assigned_groups": [config.require("group")],
    },
)
pulumi.export("calendarUrl", server.url)
