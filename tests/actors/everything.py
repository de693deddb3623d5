"""An MCP server with a little of everything, behind a port of its own: what the conformance suite's scenarios call."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp.server.mcpserver import Audio, Context, Image, MCPServer
from mcp_types import EmbeddedResource, TextContent, TextResourceContents
from starlette.types import ASGIApp

from apim_policies.listener import bind

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SILENCE = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")


def server() -> MCPServer:
    mcp = MCPServer("everything")

    @mcp.tool()
    def test_simple_text() -> str:
        """Simple text."""
        return "This is a simple text response for testing."

    @mcp.tool()
    def test_image_content() -> Image:
        """An image."""
        return Image(data=PIXEL, format="png")

    @mcp.tool()
    def test_audio_content() -> Audio:
        """A sound."""
        return Audio(data=SILENCE, format="wav")

    @mcp.tool()
    def test_embedded_resource() -> EmbeddedResource:
        """A resource."""
        contents = TextResourceContents(
            uri="test://embedded-resource", mime_type="text/plain", text="This is an embedded resource content."
        )
        return EmbeddedResource(type="resource", resource=contents)

    @mcp.tool()
    def test_multiple_content_types() -> list[object]:
        """Several kinds."""
        contents = TextResourceContents(uri="test://mixed", mime_type="application/json", text='{"test":"data"}')
        return [
            TextContent(type="text", text="Multiple content types test:"),
            Image(data=PIXEL, format="png"),
            EmbeddedResource(type="resource", resource=contents),
        ]

    @mcp.tool()
    async def test_tool_with_progress(ctx: Context) -> str:
        """Progress."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
        return "done"

    @mcp.tool()
    def test_error_handling() -> str:
        """Fails."""
        raise ValueError("This tool intentionally returns an error for testing")

    @mcp.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @mcp.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PIXEL

    @mcp.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'

    @mcp.prompt()
    def test_simple_prompt() -> str:
        """A prompt."""
        return "This is a simple prompt for testing."

    @mcp.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A prompt with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    return mcp


@asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """An app at a loopback address, with its lifespan."""

    port, sockets = bind(port)
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", interface="asgi3"))
    task = asyncio.create_task(running.serve(sockets))
    while not running.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield f"http://localhost:{port}"
    finally:
        running.should_exit = True
        await task
