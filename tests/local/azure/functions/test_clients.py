"""The official Python client, unmodified, over both transports."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

TOOLS = ["hello_mcp", "save_snippet", "get_snippet", "list_snippets", "delete_snippet"]


class Bridge(httpx2.AsyncBaseTransport):
    """The local network as the client's own HTTP library sees it."""

    def __init__(self, network: Any) -> None:
        self._client = network.client()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._client.send(
            self._client.build_request(
                request.method, str(request.url), headers=list(request.headers.raw), content=await request.aread()
            ),
            stream=True,
        )

        class Body(httpx2.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for chunk in answer.aiter_raw():
                    yield chunk

            async def aclose(self) -> None:
                await answer.aclose()

        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=Body())

    async def aclose(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def connect(app: Any, transport: str, user: str) -> AsyncGenerator[Client]:
    headers = {name: value for name, value in app.headers(user).items() if name != "Accept"}
    if transport == "sse":

        def factory(*_: Any, **__: Any) -> httpx2.AsyncClient:
            return httpx2.AsyncClient(transport=Bridge(app.network), headers=headers, timeout=60)

        async with Client(sse_client(f"{app.url}/sse", httpx_client_factory=factory), mode="legacy") as client:
            yield client
    else:
        async with (
            httpx2.AsyncClient(transport=Bridge(app.network), headers=headers, timeout=60) as http,
            Client(streamable_http_client(app.url, http_client=http), mode=transport) as client,
        ):
            yield client


async def text(client: Client, tool: str, **arguments: str) -> str:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return "".join(block.text for block in result.content if block.type == "text")


@pytest.mark.parametrize("transport", ["legacy", "auto", "sse"])
async def test_every_tool_for_two_users(app: Any, alice: str, bob: str, transport: str) -> None:
    async with connect(app, transport, alice) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        assert (await text(client, "hello_mcp")).startswith("Hello, Alice!")
        assert await text(client, "save_snippet", name=transport, content="päckchen\n") == f"Saved '{transport}'."
        assert await text(client, "get_snippet", name=transport) == "päckchen\n"
        assert transport in await text(client, "list_snippets")
        async with connect(app, transport, bob) as other:
            assert await text(other, "get_snippet", name=transport) == f"You have no snippet named '{transport}'."
            assert await text(other, "list_snippets") == "You have no snippets."
            assert "no snippet" in await text(other, "delete_snippet", name=transport)
        assert await text(client, "delete_snippet", name=transport) == f"Deleted '{transport}'."
        assert await text(client, "get_snippet", name=transport) == f"You have no snippet named '{transport}'."


async def test_the_newest_version_is_spoken(app: Any, alice: str) -> None:
    async with connect(app, "legacy", alice) as client:
        assert client.protocol_version == "2025-11-25"
        assert client.server_info is not None
        assert client.server_info.name == "snippets"


async def test_a_big_snippet_passes_both_ways(app: Any, alice: str) -> None:
    content = "0123456789abcdef" * 16384
    async with connect(app, "legacy", alice) as client:
        await text(client, "save_snippet", name="big", content=content)
        assert await text(client, "get_snippet", name="big") == content
        await text(client, "delete_snippet", name="big")
