"""B2: a tool can need an app role of the user's, which Entra ID gives and takes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from actors.tampered_entra import tampered_entra, with_claims
from samples import CONFIGURED
from secure_mcp_local.azure.entra.users import User, default_users
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
ALICE, BOB, _ = (user.oid for user in default_users())
EDITORS = "00000000-0000-4000-8000-0000000ed170"
ROLES = {
    "toolRoles": '{"save_snippet": "Snippets.Write", "Delete_Snippet": "Snippets.Delete"}',
    "assignedGroups": "[]",
    "assignedUsers": f'["{ALICE}"]',
    # Alice and Bob are in the group; Bob is nobody without it.
    "assignedRoles": f'{{"{EDITORS}": "Snippets.Write", "{BOB}": "Snippets.Delete Snippets.Write"}}',
}


@pytest.fixture
async def cloud(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with(**ROLES) as cloud:
        yield cloud


def user(cloud: LocalCloud, name: str) -> User:
    return next(user for user in cloud.entra.users if user.id == name)


async def signed_in(cloud: LocalCloud, name: str = "alice") -> tuple[Application, dict[str, Any]]:
    application = Application(cloud.gateway_url)
    return application, await application.tokens(Person(name))


async def call(application: Application, tokens: dict[str, Any], tool: Any) -> httpx.Response:
    return await application.call(tokens["access_token"], "tools/call", {"name": tool, "arguments": {}})


async def test_B2_a_role_opens_the_tools_that_need_it(cloud: LocalCloud) -> None:
    application, tokens = await signed_in(cloud)
    assert (await call(application, tokens, "save_snippet")).status_code == 200
    assert (await call(application, tokens, "get_snippet")).status_code == 200
    assert (await call(application, tokens, "delete_snippet")).status_code == 403
    # Who has a role may sign in; Bob has two.
    application, tokens = await signed_in(cloud, "bob")
    for tool in ("save_snippet", "delete_snippet", "get_snippet"):
        assert (await call(application, tokens, tool)).status_code == 200


async def test_B2_no_sign_in_is_asked_for_that_cannot_help(cloud: LocalCloud) -> None:
    response = await call(*await signed_in(cloud), "delete_snippet")
    assert "WWW-Authenticate" not in response.headers
    assert response.json()["error"]["message"] == (
        "The tool needs the role Snippets.Delete. Whoever runs the server can assign it to you in Entra ID."
    )


@pytest.mark.parametrize("name", ["DELETE_SNIPPET", "Delete_Snippet", "delete_snippet"])
async def test_B2_a_name_in_another_case_needs_the_same_role(cloud: LocalCloud, name: str) -> None:
    assert (await call(*await signed_in(cloud), name)).status_code == 403


async def test_B2_a_role_that_was_taken_ends_with_the_next_refresh(cloud: LocalCloud) -> None:
    application, tokens = await signed_in(cloud)
    assert (await call(application, tokens, "save_snippet")).status_code == 200
    user(cloud, "alice").employee = False
    refreshed = (await application.refresh(tokens["refresh_token"])).json()
    # Sessions are kept in the gateway's cache for a minute.
    cloud.clock.advance(61)
    for key in (tokens, refreshed):
        assert (await call(application, key, "save_snippet")).status_code == 403
        assert (await call(application, key, "get_snippet")).status_code == 200


async def test_B2_a_role_that_was_given_counts_with_the_next_refresh(cloud: LocalCloud) -> None:
    user(cloud, "alice").employee = False
    application, tokens = await signed_in(cloud)
    assert (await call(application, tokens, "save_snippet")).status_code == 403
    user(cloud, "alice").employee = True
    refreshed = (await application.refresh(tokens["refresh_token"])).json()
    cloud.clock.advance(61)
    assert (await call(application, refreshed, "save_snippet")).status_code == 200


async def test_B2_a_session_from_before_there_were_roles_has_none(cloud: LocalCloud) -> None:
    application, tokens = await signed_in(cloud)
    cloud.cosmos.edit("session-", user={"oid": ALICE, "name": "=alice"})
    assert (await call(application, tokens, "save_snippet")).status_code == 403
    assert (await call(application, tokens, "get_snippet")).status_code == 200
    assert (await application.refresh(tokens["refresh_token"])).status_code == 200
    cloud.clock.advance(61)
    assert (await call(application, tokens, "save_snippet")).status_code == 200


WRONG = {
    "another tenant": (with_claims(tid=BOB), 503),
    "another audience": (with_claims(aud=BOB), 503),
    "expired": (with_claims(exp=1), 503),
    "none": (lambda cloud, tokens: {name: value for name, value in tokens.items() if name != "id_token"}, 503),
    "another user": (with_claims(oid=BOB, roles=["Snippets.Delete"]), 400),
    # Each token agrees with the other, or with the session, and with nothing else.
    "another user, in every token": (with_claims(of=["id_token", "access_token"], oid=BOB), 400),
    "another user's access token": (with_claims(of=["access_token"], oid=BOB, roles=["Snippets.Delete"]), 400),
    "no user": (with_claims(oid=None), 400),
}


@CONFIGURED
@pytest.mark.parametrize("name", WRONG)
async def test_B2_M16_a_refresh_believes_no_wrong_id_token(cloud: LocalCloud, name: str) -> None:
    tamper, status = WRONG[name]
    application, tokens = await signed_in(cloud)
    async with tampered_entra(cloud, tamper):
        assert (await application.refresh(tokens["refresh_token"])).status_code == status
    cloud.clock.advance(61)
    # Whose sign-in was answered for another is signed in no more; trouble with Entra ID ends nothing.
    assert (await call(application, tokens, "get_snippet")).status_code == (401 if status == 400 else 200)
    assert (await call(application, tokens, "delete_snippet")).status_code in {401, 403}


async def test_B2_B5_a_refused_role_is_on_record(cloud: LocalCloud) -> None:
    await call(*await signed_in(cloud), "delete_snippet")
    events = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    refused = [event for event in events if event.get("outcome") == "refused"]
    assert [(event["event"], event["reason"], event["tool"], event["user"]) for event in refused] == [
        ("tool", "role", "delete_snippet", ALICE)
    ]
