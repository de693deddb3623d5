"""The program: configuration, the server, its outputs."""

from dataclasses import replace
from pathlib import Path

import pulumi

from secure_mcp import SecureMcpServer, SecureMcpServerArgs, load

# What the sample keeps, and where: the library knows nothing of it.
SNIPPETS = "snippets"
args = load(
    SecureMcpServerArgs,
    code=str(Path(__file__).resolve().parents[1] / "function_app"),
    containers=[SNIPPETS],
    app_settings={"SNIPPETS_CONTAINER": SNIPPETS},
)
if "my_profile" in args.user_token_tools:
    # The tool is there only where it can work.
    args = replace(args, app_settings={**args.app_settings, "MICROSOFT_GRAPH": "https://graph.microsoft.com"})
server = SecureMcpServer("mcp", args)

pulumi.export("mcpUrl", server.mcp_url)
if server.sse_url is not None:
    pulumi.export("sseUrl", server.sse_url)
pulumi.export("gatewayUrl", server.gateway_url)
pulumi.export("entraApplicationId", server.entra_application_id)
pulumi.export("functionAppName", server.function_app_name)
pulumi.export("resourceGroup", server.resource_group_name)
pulumi.export("workbookUrl", server.workbook_url)
pulumi.export(
    "nextSteps",
    pulumi.Output.concat(
        "Claude Code: claude mcp add --transport http mcp ", server.mcp_url,
        "\nVS Code: MCP: Add Server, HTTP, ", server.mcp_url,
        "\nMCP Inspector: npx @modelcontextprotocol/inspector, Streamable HTTP, ", server.mcp_url,
    ),
)  # fmt: skip
