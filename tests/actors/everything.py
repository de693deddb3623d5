"""An MCP server with a little of everything, behind a port of its own: what the conformance suite's scenarios call."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from mcp.server.mcpserver import Audio, Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.mcpserver.tools import Tool
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    JSONRPCMessage,
    PromptReference,
    RequestParams,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
from pydantic import ConfigDict, Field
from starlette.applications import Starlette
from starlette.types import ASGIApp

from actors.asking import add_questions
from actors.jobs import Jobs
from apim_policies.listener import bind

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SILENCE = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")


# A schema with what JSON Schema 2020-12 added.
_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


class Events(EventStore):
    """What was sent on each stream, for clients that come back."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self.sent.append((stream_id, message))
        return str(len(self.sent))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= len(self.sent):
            return None
        stream, _ = self.sent[int(last_event_id) - 1]
        for number, (of, message) in enumerate(self.sent[int(last_event_id) :], int(last_event_id) + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def _add_contents(mcp: MCPServer) -> None:
    """Tools that answer with every kind of content."""

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
        return embedded("test://embedded-resource", "This is an embedded resource content.")

    @mcp.tool()
    def test_multiple_content_types() -> list[ContentBlock]:
        """Several kinds."""
        return [
            TextContent(type="text", text="Multiple content types test:"),
            pixel(),
            embedded("test://mixed", "data"),
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
        raise ToolError("This tool intentionally returns an error for testing")

    @mcp.tool()
    def who(ctx: Context) -> str:
        """Whom the gateway speaks for."""
        return (ctx.headers or {}).get("x-mcp-user-oid", "")

    @mcp.tool()
    def test_region(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], size: int = 1) -> str:
        """One of its arguments comes as a header as well, for those on the way who route by it."""
        return f"{size} in {region}"


def _add_streams(mcp: MCPServer) -> None:
    """Tools that say something outside of their answer."""

    @mcp.tool()
    async def test_tool_with_logging(ctx: Context) -> str:
        """Three messages of a log."""
        for word in ("started", "working", "ended"):
            await ctx.info(word)
        return "done"

    @mcp.tool()
    async def test_logging_tool(ctx: Context) -> str:
        """A message of a log."""
        await ctx.info("seen only by who asked for it")
        return "done"

    @mcp.tool()
    async def test_reconnection(ctx: Context) -> str:
        """Leaves its client alone in the middle."""
        await ctx.info("before")
        await ctx.close_sse_stream()
        await asyncio.sleep(0.2)
        await ctx.info("after")
        return "done"

    @mcp.tool()
    async def test_trigger_tool_change(ctx: Context) -> str:
        """Tells those who listen that tools have changed."""
        await ctx.notify_tools_changed()
        return "done"

    @mcp.tool()
    async def test_trigger_prompt_change(ctx: Context) -> str:
        """Tells those who listen that prompts have changed."""
        await ctx.notify_prompts_changed()
        return "done"

    @mcp.tool()
    async def test_trigger_resource_update(ctx: Context, uri: str) -> str:
        """Tells those who listen that a resource has changed."""
        await ctx.notify_resource_updated(uri)
        return "done"


def _add_resources(mcp: MCPServer) -> None:
    @mcp.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @mcp.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PIXEL

    @mcp.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content."

    @mcp.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'


def _add_prompts(mcp: MCPServer) -> None:
    @mcp.prompt()
    def test_simple_prompt() -> str:
        """A prompt."""
        return "This is a simple prompt for testing."

    @mcp.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A prompt with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @mcp.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        """A prompt with a resource."""
        return [UserMessage(content=embedded(resourceUri, "Embedded resource content for testing."))]

    @mcp.prompt()
    def test_prompt_with_image() -> list[UserMessage]:
        """A prompt with an image."""
        return [UserMessage(content=pixel())]

    @mcp.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        return Completion(values=[argument.value + "ing"])


def _add_what_2026_removed(mcp: MCPServer) -> None:
    """Methods of the versions before, which the SDK leaves to the server."""

    class Anything(RequestParams):
        model_config = ConfigDict(extra="allow")

    async def taken(ctx: object, params: Anything) -> EmptyResult:
        return EmptyResult()

    for method in ("logging/setLevel", "resources/subscribe", "resources/unsubscribe"):
        mcp._lowlevel_server.add_request_handler(method, Anything, taken)


def pixel() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(PIXEL).decode(), mime_type="image/png")


def embedded(uri: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type="text/plain", text=text))


def server() -> MCPServer:
    """Of both eras."""

    def json_schema_2020_12_tool(name: str = "") -> str:
        """Tool with JSON Schema 2020-12 features."""
        return name

    schemed = Tool.from_function(json_schema_2020_12_tool).model_copy(update={"parameters": _SCHEMA})
    mcp = MCPServer("everything", version="1", tools=[schemed], extensions=[Jobs()])
    for add in (_add_contents, _add_streams, add_questions, _add_resources, _add_prompts, _add_what_2026_removed):
        add(mcp)
    return mcp


def app() -> Starlette:
    """The server over streamable HTTP, whose streams of the older versions can be taken up again."""
    return server().streamable_http_app(event_store=Events(), retry_interval=100)


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
