"""The MCP server: its tools. Contents of snippets and call contexts are never logged."""

import asyncio
import logging
import os
from collections.abc import Callable

import azure.functions as func

from caller import Caller, user_token
from snippets import SnippetRefused, Snippets, container
from user_profile import ProfileRefused, read

# The SDKs log each request with its address, which holds names of snippets and the ids of their owners.
logging.getLogger("azure").setLevel(logging.WARNING)

app = func.FunctionApp()


async def _answer(context: func.MCPToolContext, work: Callable[[Snippets], str]) -> str:
    """Does something with the caller's snippets, in a thread: the storage client blocks, and all calls share one loop."""
    caller = Caller.of(context)
    try:
        return await asyncio.to_thread(lambda: work(Snippets(container(), caller.object_id)))
    except SnippetRefused as refused:
        return str(refused)


@app.mcp_tool()
async def hello_mcp(context: func.MCPToolContext) -> str:
    """Says hello, to see that the server can be reached and who it thinks you are."""
    return f"Hello, {Caller.of(context).name or 'you'}! This is an MCP server on Azure Functions."


@app.mcp_tool()
@app.mcp_tool_property(arg_name="name", description="Name to keep the snippet under. An older one is replaced.")
@app.mcp_tool_property(arg_name="content", description="The text, up to 256 KiB.")
async def save_snippet(context: func.MCPToolContext, name: str, content: str) -> str:
    """Saves a text under a name. Only you can read it."""
    return await _answer(context, lambda snippets: f"Saved {snippets.save(name, content)!r}.")


@app.mcp_tool()
@app.mcp_tool_property(arg_name="name", description="Name of one of your snippets.")
async def get_snippet(context: func.MCPToolContext, name: str) -> str:
    """Returns the text of a snippet of yours, and nothing else."""
    return await _answer(context, lambda snippets: snippets.read(name))


@app.mcp_tool()
async def list_snippets(context: func.MCPToolContext) -> str:
    """Lists the names of your snippets, one on each line."""
    return await _answer(context, lambda snippets: "\n".join(snippets.names()) or "You have no snippets.")


@app.mcp_tool()
@app.mcp_tool_property(arg_name="name", description="Name of one of your snippets.")
async def delete_snippet(context: func.MCPToolContext, name: str) -> str:
    """Deletes a snippet of yours. It cannot be brought back."""
    return await _answer(context, lambda snippets: f"Deleted {snippets.delete(name)!r}.")


# Only where the gateway sends the user's token along: userTokenScopes names the tool, and the deployment says where Microsoft Graph is.
GRAPH = os.environ.get("MICROSOFT_GRAPH", "")
if GRAPH:

    @app.mcp_tool()
    async def my_profile(context: func.MCPToolContext) -> str:
        """Says who you are at Microsoft Graph: name, mail address and job. It is read in your name."""
        try:
            profile = await asyncio.to_thread(read, GRAPH, user_token(context))
        except ProfileRefused as refused:
            return str(refused)
        wanted = {"displayName": "Name", "mail": "Mail", "jobTitle": "Job"}
        return "\n".join(f"{title}: {profile[key]}" for key, title in wanted.items() if profile.get(key))
