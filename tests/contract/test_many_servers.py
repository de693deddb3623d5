"""P1 to P8: many servers on one gateway, which carries no list of them. The gateway and each server are stacks of their own."""

import base64
import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from actors.platform import SERVERS, THREE, Platform, deployed
from secure_mcp import ConfigError, GatewayReference
from secure_mcp_local.azure.entra.directory import Directory
from secure_mcp_local.testing import Application, Person, answer_of


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with deployed(tmp_path_factory.mktemp("stacks")) as platform:
        yield platform


async def signed_in(platform: Platform, path: str, person: Person | None = None) -> tuple[Application, dict[str, Any]]:
    application = platform.application(path)
    return application, await application.tokens(person or Person())


async def test_P1_each_token_opens_its_own_server_and_no_other(platform: Platform) -> None:
    signed = {path: await signed_in(platform, path) for path in THREE}
    for at in THREE:
        for spelling in (f"/{at}", f"/{at}/", f"/{at.upper()}", f"/{at.title()}/"):
            for of in THREE:
                application = replace(signed[of][0], path=spelling)
                response = await application.call(signed[of][1]["access_token"])
                assert response.status_code == (200 if of == at else 401), (of, spelling)
                if of != at:
                    challenge = response.headers["www-authenticate"]
                    assert 'error="invalid_token"' in challenge
                    # As it was typed, a slash at its end included.
                    assert re.search(f'/.well-known/oauth-protected-resource/{at}/?"', challenge, re.IGNORECASE), (
                        challenge
                    )
    for method, path in (("GET", "/mail/sse"), ("POST", "/mail/message"), ("GET", "/mail"), ("DELETE", "/mail")):
        headers = {"Authorization": f"Bearer {signed['notes'][1]['access_token']}"}
        assert (await signed["notes"][0].send(method, path, headers=headers)).status_code == 401


async def test_P1_refresh_keeps_the_resource(platform: Platform) -> None:
    application, tokens = await signed_in(platform, "notes")
    refused = await application.refresh(tokens["refresh_token"], resource=f"{application.gateway_url}/mail")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    refreshed = (await application.refresh(tokens["refresh_token"])).json()
    assert (await application.call(refreshed["access_token"])).status_code == 200
    assert (await replace(application, path="/mail").call(refreshed["access_token"])).status_code == 401


async def test_P1_a_code_for_one_server_is_none_for_another(platform: Platform) -> None:
    application = platform.application("notes")
    await application.register()
    code = await application.code(Person())
    refused = await application.exchange(code, resource=f"{application.gateway_url}/mail")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize(
    "path", ["nothing", "notes/other", "notes//", "authorize", "../notes", "notes%2f", "foreign", "a/b/c"]
)
async def test_P2_what_no_server_publishes_is_no_target(platform: Platform, path: str) -> None:
    application = platform.application("notes")
    await application.register()
    end = await Person().sign_in(application.authorize_url(resource=f"{application.gateway_url}/{path}"))
    assert isinstance(end, str)
    assert answer_of(end)["error"] == "invalid_target"
    assert answer_of(end)["iss"] == application.gateway_url


async def test_P2_a_server_comes_and_goes_while_others_are_in_use(platform: Platform) -> None:
    """Added in a stack of its own, known; removed, refused; another one in its place, nothing inherited."""
    others = {path: await signed_in(platform, path) for path in THREE}

    async def nobody_notices() -> None:
        for application, tokens in others.values():
            assert (await application.call(tokens["access_token"])).status_code == 200

    fourth = {"mcp-fourth", "resource-metadata-fourth"}
    platform.hidden |= fourth
    await platform.deploy()
    application = platform.application("fourth")
    await application.register()
    end = await Person().sign_in(application.authorize_url())
    assert answer_of(str(end))["error"] == "invalid_target"

    platform.hidden -= fourth
    await platform.deploy()
    await nobody_notices()
    person = Person()
    tokens = await application.tokens(person)
    assert (await application.call(tokens["access_token"])).status_code == 200

    platform.hidden |= fourth
    await platform.deploy()
    await nobody_notices()
    assert (await application.call(tokens["access_token"])).status_code == 404
    platform.cloud.clock.advance(300)
    refused = await application.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    platform.hidden -= fourth
    await platform.deploy()
    tokens = await application.tokens(person)
    platform.ids["mcp-fourth-id"] = "another-server"
    await platform.deploy()
    assert (await application.call(tokens["access_token"])).status_code == 401
    refused = await application.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    # Nor does an approval that was remembered for the one before.
    page = await person.request("GET", application.authorize_url(), headers={"Sec-Fetch-Site": "none"})
    assert page.status_code == 200
    assert "Allow" in page.text
    platform.ids.clear()
    await platform.deploy()


async def test_P2_an_unknown_one_is_remembered_for_a_minute_and_looked_up_once(platform: Platform) -> None:
    asked: list[str] = []

    async def foreign(request: Request) -> JSONResponse:
        asked.append(request.url.path)
        return JSONResponse({}, 404)

    platform.foreign = foreign
    application = platform.application("notes")
    await application.register()
    for _ in range(3):
        await Person().sign_in(application.authorize_url(resource=f"{application.gateway_url}/later"))
    assert len(asked) == 1
    platform.cloud.clock.advance(61)
    await Person().sign_in(application.authorize_url(resource=f"{application.gateway_url}/later"))
    assert len(asked) == 2
    platform.foreign = None


async def test_P2_no_look_up_before_client_and_redirect_are_known(platform: Platform) -> None:
    asked: list[str] = []

    async def foreign(request: Request) -> JSONResponse:
        asked.append(request.url.path)
        return JSONResponse({}, 404)

    platform.foreign = foreign
    application = platform.application("notes")
    await application.register()
    for changes in ({"client_id": "11111111-1111-4111-8111-111111111111"}, {"redirect_uri": "https://evil.example/"}):
        page = await Person().request(
            "GET", application.authorize_url(resource=f"{application.gateway_url}/early", **changes)
        )
        assert page.status_code == 400
    assert asked == []
    platform.foreign = None


async def test_P2_a_look_up_that_fails_is_no_answer(platform: Platform) -> None:
    async def foreign(request: Request) -> JSONResponse:
        return JSONResponse({}, 500)

    platform.foreign = foreign
    application = platform.application("notes")
    await application.register()
    end = await Person().sign_in(application.authorize_url(resource=f"{application.gateway_url}/broken"))
    assert answer_of(str(end))["error"] == "temporarily_unavailable"
    application, tokens = await signed_in(platform, "notes")
    platform.cloud.clock.advance(121)
    async with _gateway_that_cannot_ask_itself(platform):
        response = await application.refresh(tokens["refresh_token"])
        assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert (await application.refresh(tokens["refresh_token"])).status_code == 200
    platform.foreign = None


class _gateway_that_cannot_ask_itself:
    def __init__(self, platform: Platform) -> None:
        self._network = platform.cloud.network
        self._host = platform.cloud.gateway_url.removeprefix("http://")

    async def __aenter__(self) -> None:
        self._app = self._network._routes[self._host]  # pyright: ignore[reportPrivateUsage]
        self._network.serve(self._host, JSONResponse({}, 500))

    async def __aexit__(self, *_: object) -> None:
        self._network._routes[self._host] = self._app  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("forgery", ["metadata", "relayed", "replayed"])
async def test_P2_a_foreign_api_cannot_forge_a_server(platform: Platform, forgery: str) -> None:
    """It gets the gateway's question, and can ask the metadata of a real server with it."""
    url = platform.cloud.gateway_url
    captured: list[str] = []

    async def foreign(request: Request) -> Any:
        question = {"secure-mcp-lookup": request.headers["secure-mcp-lookup"]}
        captured.append(question["secure-mcp-lookup"])
        if forgery == "metadata":
            return JSONResponse(
                {"id": "x", "path": "forged", "application": "x", "scopes": ["notes"], "baseScopes": ["notes"]}
            )
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{url}/.well-known/oauth-protected-resource/notes", headers=question)
        return PlainTextResponse(answer.text)

    platform.foreign = foreign
    application = platform.application("notes")
    await application.register()
    if forgery == "replayed":
        await Person().sign_in(application.authorize_url(resource=f"{url}/first-{forgery}"))
    end = await Person().sign_in(application.authorize_url(resource=f"{url}/forged-{forgery}"))
    assert answer_of(str(end))["error"] == "invalid_target"
    assert captured
    # What it captured opens nothing either: the answer is the public one.
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            f"{url}/.well-known/oauth-protected-resource/notes", headers={"secure-mcp-lookup": captured[-1]}
        )
    assert answer.json()["resource"] == f"{url}/notes"
    assert "application" not in answer.text
    platform.foreign = None


async def test_P2_a_question_that_comes_back_is_not_asked_again(platform: Platform) -> None:
    answer = await platform.application("notes").send(
        "GET", "/.well-known/oauth-authorization-server/notes", headers={"secure-mcp-lookup": "x"}
    )
    assert answer.status_code == 404


async def test_P3_consent_and_audit_name_the_server(platform: Platform) -> None:
    person, application = Person(), platform.application("notes")
    await application.register()
    page = await person.request("GET", application.authorize_url())
    assert "Notes &amp; more" in page.text
    assert f"{application.gateway_url}/notes" in page.text
    await application.tokens(person)
    events = [event for trace in platform.cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    named = {
        (event["event"], event["server"]) for event in events if event["outcome"] in {"succeeded", "issued", "allowed"}
    }
    assert {("consent", "notes"), ("sign-in", "notes"), ("token", "notes")} <= named


async def test_P3_an_approval_is_for_one_server(platform: Platform) -> None:
    person, application = Person(), platform.application("notes", redirect_uri="https://app.example.com/cb")
    await application.register()
    await application.code(person)
    own = {"Sec-Fetch-Site": "none"}
    again = await person.request("GET", application.authorize_url(), headers=own)
    assert again.status_code == 302
    # Also where the other one has a scope of the same name.
    for path, scope in (("mail", "mail"), ("fourth", "notes")):
        other = {"resource": f"{application.gateway_url}/{path}", "scope": scope}
        page = await person.request("GET", application.authorize_url(**other), headers=own)
        assert page.status_code == 200
        assert f"{application.gateway_url}/{path}" in page.text


async def test_P4_another_servers_users_are_denied(platform: Platform) -> None:
    application = platform.application("bobs")
    await application.register()
    alice = Person("alice")
    end = await alice.sign_in(application.authorize_url())
    assert isinstance(end, str)
    assert answer_of(end)["error"] == "access_denied"
    assert "not assigned" in answer_of(end)["error_description"]
    page = alice.visited[-1]
    assert page.status_code == 403
    assert "You may not use <strong>Bob&#39;s</strong>" in page.text
    assert "signed in as <strong>Alice Adams</strong>, who is not assigned to this server" in page.text
    # The application gets the answer, by a click or by itself, and no code.
    assert f'href="{html.escape(end)}"' in page.text
    assert page.headers["refresh"] == f"10; url={end}"
    assert "code" not in answer_of(end)
    assert "code" in answer_of(str(await Person("bob").sign_in(application.authorize_url())))


async def test_P4_who_is_no_longer_assigned_is_out_at_the_next_refresh(platform: Platform) -> None:
    application, tokens = await signed_in(platform, "mail", Person("bob"))
    bob = next(user for user in platform.cloud.entra.users if user.id == "bob")
    bob.employee = False
    try:
        refused = await application.refresh(tokens["refresh_token"])
    finally:
        bob.employee = True
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    platform.cloud.clock.advance(61)
    assert (await application.call(tokens["access_token"])).status_code == 401


async def test_P4_a_role_counts_at_its_own_server(platform: Platform) -> None:
    for name, status in (("alice", 200), ("bob", 403)):
        application, tokens = await signed_in(platform, "notes", Person(name))
        call = await application.call(tokens["access_token"], "tools/call", {"name": "drop", "arguments": {}})
        assert call.status_code == status, name
    application, tokens = await signed_in(platform, "mail", Person("bob"))
    call = await application.call(tokens["access_token"], "tools/call", {"name": "drop", "arguments": {}})
    assert call.status_code == 200


async def test_P5_scopes_origins_and_versions_are_the_servers_own(platform: Platform) -> None:
    notes, mail = await signed_in(platform, "notes"), await signed_in(platform, "mail")
    end = await Person().sign_in(mail[0].authorize_url(scope="notes"))
    assert answer_of(str(end))["error"] == "invalid_scope"
    origin = {"Origin": "https://notes.example.com"}
    assert (await notes[0].call(notes[1]["access_token"], headers=origin)).status_code == 200
    assert (await mail[0].call(mail[1]["access_token"], headers=origin)).status_code == 403
    calendar = await signed_in(platform, "teams/calendar")
    newest = {"MCP-Protocol-Version": "2025-11-25"}
    assert (await notes[0].call(notes[1]["access_token"], headers=newest)).status_code == 200
    assert (await calendar[0].call(calendar[1]["access_token"], headers=newest)).status_code == 400
    step_up = await notes[0].call(notes[1]["access_token"], "tools/call", {"name": "save", "arguments": {}})
    assert 'scope="notes notes:write"' in step_up.headers["www-authenticate"]
    metadata = (await notes[0].send("GET", "/.well-known/oauth-protected-resource/notes")).json()
    assert metadata["scopes_supported"] == ["notes"]
    assert metadata["resource"] == notes[0].resource


async def test_P5_limits_count_by_user_and_server(platform: Platform) -> None:
    fourth, mail = await signed_in(platform, "fourth"), await signed_in(platform, "mail")
    # What a user does at one server takes nothing away at another, whose limit is smaller.
    for _ in range(4):
        await mail[0].call(mail[1]["access_token"])
    answers = [(await fourth[0].call(fourth[1]["access_token"])).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert (await mail[0].call(mail[1]["access_token"])).status_code == 200
    bob = await signed_in(platform, "fourth", Person("bob"))
    assert (await bob[0].call(bob[1]["access_token"])).status_code == 200


async def test_P6_the_gateways_token_is_for_one_host(platform: Platform) -> None:
    platform.seen.clear()
    for path in THREE:
        application, tokens = await signed_in(platform, path)
        await application.call(tokens["access_token"])
    audiences = {}
    for port, headers in platform.seen:
        payload = headers["authorization"].removeprefix("Bearer ").split(".")[1]
        audiences[port] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["aud"]
    assert len(set(audiences.values())) == len(THREE)
    names = {app.client_id: app.name for app in Directory.from_recording(platform.cloud.recording).applications}
    assert [names[audience].split(" ")[0] for audience in audiences.values()] == ["notes", "teams-calendar", "mail"]


async def test_S6_the_authorization_server_is_found_under_the_path_of_each_server(platform: Platform) -> None:
    application = platform.application("notes")
    for document in ("oauth-authorization-server", "openid-configuration"):
        for path in THREE:
            answer = await application.send("GET", f"/.well-known/{document}/{path}")
            assert answer.json()["issuer"] == application.gateway_url
            assert answer.json()["scopes_supported"] == [*SERVERS[path]["mcp_scopes"], "offline_access"]
        for path in ("nothing", "teams", "notes/more", "a/b/c"):
            assert (await application.send("GET", f"/.well-known/{document}/{path}")).status_code == 404
        assert (await application.send("GET", f"/.well-known/{document}")).json()["issuer"] == application.gateway_url


REFERENCE = {
    "url": "u", "service_name": "s", "service_resource_group_name": "g", "policy_parts": [], "tenant_id": "t",
    "sign_in_principal_id": "p", "identity_client_id": "i", "identity_principal_id": "j", "subscription_id": "x",
}  # fmt: skip


def test_P8_a_newer_gateway_may_say_more_and_an_older_one_is_told_what_is_needed() -> None:
    assert GatewayReference.read(REFERENCE | {"contract": 9, "somethingNew": 1}).url == "u"
    with pytest.raises(ConfigError, match="update the gateway's stack first"):
        GatewayReference.read(REFERENCE | {"contract": 0})
    with pytest.raises(ConfigError, match="use a newer secure-mcp here"):
        GatewayReference.read(REFERENCE | {"contract": 9, "oldest_contract": 2})
