"""One server at /notes. Writing needs a scope of its own, deleting a role."""

import pulumi

from secure_mcp import Server

config = pulumi.Config()
platform = pulumi.StackReference(f"{config.require('platform')}/{pulumi.get_stack()}")
server = Server(
    "notes",
    {
        "gateway": platform.require_output("gateway"),
        "path": "notes",
        "display_name": "Notes",
        "address": {"url": config.require("serverUrl")},
        "mcp_scopes": ["notes:read", "notes:write"],
        "tool_scopes": {"save_note": "notes:write"},
        "tool_roles": {"delete_note": "Notes.Delete"},
        "sse_transport": "disabled",
        "assigned_groups": [config.require("group")],
    },
)
pulumi.export("notesUrl", server.url)
