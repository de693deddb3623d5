"""What the engine deployed, in a local cloud of this process, whose clock and network a test can change."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from mcp.server.mcpserver import MCPServer

from engine.workspace import Workspace
from secure_mcp_local.cloud import LocalCloud


@asynccontextmanager
async def running(
    workspace: Workspace, projects: Iterable[str], hosts: Mapping[str, str] | None = None
) -> AsyncIterator[LocalCloud]:
    """Serves what is deployed, as `secure-mcp local --from-state` does.

    Args:
        workspace: Deployed for this machine's addresses.
        projects: Their folders.
        hosts: MCP servers that run elsewhere, by their host names: each has a tool `whose`, which tells its name.
    """
    roots = [workspace.within(name).project for name in projects]
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(LocalCloud.open(roots, state=workspace.store.folder))
        for host, name in (hosts or {}).items():
            mcp = MCPServer(name, log_level="WARNING")
            mcp.tool(name="whose")(lambda name=name: f"of {name}")
            app = mcp.streamable_http_app(stateless_http=True, json_response=True, host=host)
            await stack.enter_async_context(app.router.lifespan_context(app))
            cloud.network.serve(host, app, kind="functions")
        yield cloud
