"""B2: a tool can need a scope of its own, for which a client comes back."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
SCOPES = {
    "mcpScopes": '["mcp:tools", "snippets:write", "snippets:delete"]',
    "toolScopes": '{"save_snippet": "snippets:write", "Delete_Snippet": "snippets:delete"}',
}


@pytest.fixture
async def cloud(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with(**SCOPES) as cloud:
        yield cloud


async def signed_in(cloud: LocalCloud, scope: str, person: Person | None = None) -> tuple[Application, dict[str, Any]]:
    application = Application(cloud.gateway_url, scope=scope)
    return application, await application.tokens(person or Person())


async def call(application: Application, tokens: dict[str, Any], tool: Any) -> httpx.Response:
    return await application.call(tokens["access_token"], "tools/call", {"name": tool, "arguments": {}})


def challenged_scopes(response: httpx.Response) -> set[str]:
    header = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in header
    assert "resource_metadata=" in header
    found = re.search(r'scope="([^"]*)"', header)
    assert found
    return set(found[1].split())


async def test_B2_a_tool_without_a_scope_of_its_own_needs_the_first_one_only(cloud: LocalCloud) -> None:
    assert (await call(*await signed_in(cloud, "mcp:tools"), "get_snippet")).status_code == 200


async def test_B2_without_its_scope_a_tool_is_refused_with_what_is_needed(cloud: LocalCloud) -> None:
    application, tokens = await signed_in(cloud, "mcp:tools snippets:delete")
    response = await call(application, tokens, "save_snippet")
    assert response.status_code == 403
    # What the session has is named too, so that the client does not lose it on the way.
    assert challenged_scopes(response) == {"mcp:tools", "snippets:delete", "snippets:write"}
    assert (await call(application, tokens, "delete_snippet")).status_code == 200


async def test_B2_the_client_comes_back_with_the_scope_that_it_was_told(cloud: LocalCloud) -> None:
    person = Person()
    application, tokens = await signed_in(cloud, "mcp:tools", person)
    application.scope = " ".join(sorted(challenged_scopes(await call(application, tokens, "save_snippet"))))
    more = await application.tokens(person)
    assert set(more["scope"].split()) == {"mcp:tools", "snippets:write"}
    assert (await call(application, more, "save_snippet")).status_code == 200
    # The session from before has not become more.
    assert (await call(application, tokens, "save_snippet")).status_code == 403
    refreshed = (await application.refresh(tokens["refresh_token"])).json()
    assert (await call(application, refreshed, "save_snippet")).status_code == 403


@pytest.mark.parametrize("name", ["SAVE_SNIPPET", "Save_Snippet", "delete_snippet", "DELETE_SNIPPET"])
async def test_B2_a_name_in_another_case_is_the_same_tool(cloud: LocalCloud, name: str) -> None:
    assert (await call(*await signed_in(cloud, "mcp:tools"), name)).status_code == 403


async def test_B2_who_asks_for_nothing_gets_what_no_tool_needs(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    await application.register()
    code = await application.code(Person(), scope=None)
    assert (await application.exchange(code)).json()["scope"] == "mcp:tools"


async def test_B2_metadata_and_the_first_challenge_name_what_everybody_needs(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    resource = (await application.send("GET", "/.well-known/oauth-protected-resource/mcp")).json()
    server = (await application.send("GET", "/.well-known/oauth-authorization-server")).json()
    assert resource["scopes_supported"] == ["mcp:tools"]
    assert server["scopes_supported"] == ["mcp:tools", "snippets:write", "snippets:delete", "offline_access"]
    assert 'scope="mcp:tools"' in (await application.call(None)).headers["WWW-Authenticate"]


async def test_B2_a_remembered_approval_does_not_cover_more(cloud: LocalCloud) -> None:
    person, navigation = Person(), {"Sec-Fetch-Site": "none"}
    # Approvals are remembered where the client can be told apart: a program on this computer is always asked.
    application = Application(cloud.gateway_url, "https://app.example.com/callback")
    await application.tokens(person)
    again = await person.request("GET", application.authorize_url(), headers=navigation)
    assert again.status_code == 302, "the same again is remembered"
    application.scope = "mcp:tools snippets:write"
    page = await person.request("GET", application.authorize_url(), headers=navigation)
    assert page.status_code == 200
    assert "snippets:write" in page.text


async def test_B2_B5_a_refused_tool_is_on_record(cloud: LocalCloud) -> None:
    await call(*await signed_in(cloud, "mcp:tools"), "save_snippet")
    events = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    refused = [event for event in events if event.get("outcome") == "refused"]
    assert [(event["event"], event["reason"], event["tool"]) for event in refused] == [
        ("tool", "scope", "save_snippet")
    ]
