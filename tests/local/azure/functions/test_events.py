"""The deprecated transport: one stream of events, messages by other requests."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@asynccontextmanager
async def stream(app: Any, user: str, query: str = "", **headers: str) -> AsyncGenerator[tuple[str, Any]]:
    """The address of the endpoint event, and the events after it."""
    async with (
        app.network.client() as client,
        client.stream("GET", f"{app.url}/sse{query}", headers=app.headers(user, **headers)) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = (chunk.decode() async for chunk in response.aiter_raw())
        first = await anext(events)
        assert first.startswith("event: endpoint\ndata: ")
        yield first.removeprefix("event: endpoint\ndata: ").rstrip("\n"), events


async def test_answers_come_on_the_stream(app: Any, alice: str) -> None:
    async with stream(app, alice) as (endpoint, events):
        assert endpoint.startswith("message?azmcpcs=")
        assert "code" not in endpoint
        accepted = await app.post(PING, f"/{endpoint}")
        assert (accepted.status_code, accepted.text) == (202, "Accepted")
        assert await anext(events) == 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'


async def test_tools_work_for_whoever_opened_the_stream(app: Any, alice: str, bob: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    save = {"name": "save_snippet", "arguments": {"name": "sse", "content": "x"}}
    async with stream(app, bob) as (endpoint, events):
        await app.post(call | {"params": save}, f"/{endpoint}", headers=app.headers(alice))
        assert "Saved" in await anext(events)
    assert (await app.call("get_snippet", {"name": "sse"}, bob))["result"]["content"][0]["text"] == "x"
    assert "no snippet" in (await app.call("delete_snippet", {"name": "sse"}, alice))["result"]["content"][0]["text"]
    await app.call("delete_snippet", {"name": "sse"}, bob)


@pytest.mark.parametrize("carrier", ["query", "header"])
async def test_M33_the_key_that_opened_the_stream_is_told_to_whoever_reads_it(
    app: Any, alice: str, carrier: str
) -> None:
    query, headers = ("?code=secret", {}) if carrier == "query" else ("", {"x-functions-key": "secret"})
    async with stream(app, alice, query, **headers) as (endpoint, _):
        assert endpoint.endswith("&code=secret")


async def test_a_message_needs_a_stream(app: Any, alice: str) -> None:
    async with stream(app, alice) as (endpoint, _):
        pass
    refused = await app.post(PING, f"/{endpoint}")
    assert refused.status_code == 400
    assert "No active session" in refused.text
    for path, reason in (("/message", "Missing service context."), ("/message?azmcpcs=x", "Invalid client state.")):
        refused = await app.post(PING, path)
        assert refused.status_code == 400
        assert json.loads(refused.text).startswith(reason)


async def test_methods_of_the_two_addresses(app: Any) -> None:
    assert (await app.post(PING, "/sse")).status_code == 405


async def test_silence_is_broken_by_pings(app: Any, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from secure_mcp_local.azure.functions import extension

    monkeypatch.setattr(extension, "_PING", 0.05)
    async with stream(app, alice) as (_, events):
        assert '"method":"ping"' in await anext(events)
