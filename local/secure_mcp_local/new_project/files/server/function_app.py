"""The MCP server: its tools."""

import json
from urllib.parse import unquote

import azure.functions as func

app = func.FunctionApp()


@app.mcp_tool()
@app.mcp_tool_property(arg_name="text", description="Any text.")
async def count_words(context: func.MCPToolContext, text: str) -> str:
    """Counts the words of a text."""
    print(f"counting for {user(context)}")
    return f"{len(text.split())} words, {user(context)}."


def user(context: func.MCPToolContext) -> str:
    """Who calls, as the gateway says. Nobody else can call this app, so it is true."""
    headers = json.loads(json.dumps(context["transport"]))["properties"]["headers"]
    return unquote({name.lower(): value for name, value in headers.items()}.get("x-mcp-user-name", ""))
