"""The main job with the official Python client, unmodified: discovery, registration, sign-in, tools, refresh."""

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from actors.python_client import Keyring, connect, sign_in, text_of
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_signs_in_and_keeps_a_snippet_over_streamable_http(cloud: LocalCloud, mode: str) -> None:
    keyring = Keyring()
    async with connect(cloud, Person("alice"), keyring, mode) as (client, _):
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"hello_mcp", "save_snippet", "get_snippet", "list_snippets", "delete_snippet"}
        await client.call_tool("save_snippet", {"name": f"greeting-{mode}", "content": "print('hi')"})
        read = await client.call_tool("get_snippet", {"name": f"greeting-{mode}"})
    assert "print('hi')" in text_of(read)
    assert keyring.tokens is not None
    assert keyring.tokens.access_token.count(".") < 2, "a JWT reached the client"


async def test_signs_in_and_calls_a_tool_over_the_deprecated_sse_transport(cloud: LocalCloud) -> None:
    cloud.reconfigure(sseTransport="enabled")
    try:
        url = cloud.gateway_url + "/mcp/sse"
        auth = sign_in(url, Person("alice"), Keyring())

        def http_client(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, trust_env=False)

        transport = sse_client(url, auth=auth, httpx_client_factory=http_client)
        async with Client(transport, mode="legacy") as client:
            assert "hello" in text_of(await client.call_tool("hello_mcp", {})).lower()
    finally:
        cloud.reconfigure(sseTransport="disabled")


async def test_B2_comes_back_for_the_scope_that_a_tool_needs(cloud: LocalCloud) -> None:
    cloud.reconfigure(mcpScopes='["mcp:tools", "snippets:write"]', toolScopes='{"save_snippet": "snippets:write"}')
    keyring = Keyring()
    try:
        async with connect(cloud, Person("alice"), keyring) as (client, _):
            assert "hello" in text_of(await client.call_tool("hello_mcp", {})).lower()
            assert [tokens.scope for tokens in keyring.issued] == ["mcp:tools offline_access"]
            await client.call_tool("save_snippet", {"name": "stepped-up", "content": "x = 1"})
            assert "x = 1" in text_of(await client.call_tool("get_snippet", {"name": "stepped-up"}))
    finally:
        cloud.reconfigure(mcpScopes='["mcp:tools"]', toolScopes="{}")
    assert [set((tokens.scope or "").split()) for tokens in keyring.issued] == [
        {"mcp:tools", "offline_access"},
        {"mcp:tools", "offline_access", "snippets:write"},
    ]


async def test_snippets_belong_to_the_person_who_saved_them(cloud: LocalCloud) -> None:
    async with connect(cloud, Person("alice"), Keyring()) as (client, _):
        await client.call_tool("save_snippet", {"name": "private", "content": "alice's own"})
    async with connect(cloud, Person("bob"), Keyring()) as (client, _):
        read = await client.call_tool("get_snippet", {"name": "private"})
        assert "alice's own" not in text_of(read)
        assert "private" not in text_of(await client.call_tool("list_snippets", {}))
    async with connect(cloud, Person("alice"), Keyring()) as (client, _):
        assert "private" in text_of(await client.call_tool("list_snippets", {}))
        await client.call_tool("delete_snippet", {"name": "private"})
        assert "private" not in text_of(await client.call_tool("list_snippets", {}))


async def test_refreshes_when_the_session_key_has_expired(cloud: LocalCloud) -> None:
    keyring = Keyring()
    async with connect(cloud, Person("alice"), keyring) as (client, auth):
        await client.call_tool("hello_mcp", {})
        cloud.clock.advance(3601)
        auth.context.token_expiry_time = 0
        await client.call_tool("hello_mcp", {})
    first, second = keyring.issued
    assert first.access_token != second.access_token
    assert first.refresh_token != second.refresh_token


async def test_a_person_without_an_assignment_is_refused_by_entra(application: Application) -> None:
    (await application.register()).raise_for_status()
    end = await Person("mallory").sign_in(application.authorize_url())
    assert not isinstance(end, str), f"signed in: {end}"
    assert "AADSTS50105" in end.text
