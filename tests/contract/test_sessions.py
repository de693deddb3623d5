"""M17, M19, M35 to M37: what ends a session, and that "ended" is only said when it is true."""

import asyncio
import json
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.tampered_entra import tampered_entra
from contract.conftest import RACES
from samples import CONFIGURED
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


@pytest.fixture
async def registered(application: Application) -> Application:
    (await application.register()).raise_for_status()
    return application


def assert_error(response: httpx.Response, error: str, status: int = 400) -> None:
    assert (response.status_code, response.json().get("error")) == (status, error), response.text


async def is_dead(application: Application, tokens: dict[str, Any]) -> bool:
    """Whether neither the session key nor the refresh token is good for anything."""
    called = await application.call(tokens["access_token"])
    refreshed = await application.refresh(tokens["refresh_token"])
    return called.status_code == 401 and refreshed.json().get("error") == "invalid_grant"


def events(cloud: LocalCloud) -> list[dict[str, Any]]:
    return [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]


@contextmanager
def store_refusing(cloud: LocalCloud, method: str, status: int) -> Generator[None]:
    """A session store that answers requests of one method with an error."""

    def refusing(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            refused = scope.get("method") == method
            await (Response(status_code=status) if refused else app)(scope, receive, send)

        return answer

    for host, app in cloud.cosmos.hosts.items():
        cloud.network.serve(host, refusing(app), kind="cosmos")
    try:
        yield
    finally:
        for host, app in cloud.cosmos.hosts.items():
            cloud.network.serve(host, app, kind="cosmos")


def without_refresh_token(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tokens.items() if name != "refresh_token"}


async def test_M35_S1_no_session_is_made_without_a_refresh_token_of_entra(
    cloud: LocalCloud, registered: Application
) -> None:
    async with tampered_entra(cloud, without_refresh_token):
        end = await Person().sign_in(registered.authorize_url())
    answer = answer_of(str(end))
    assert "code" not in answer
    assert answer["error"] == "server_error"
    assert events(cloud)[-1]["reason"] == "no refresh token of Entra ID"


async def test_M35_S1_a_session_begun_under_a_key_that_is_gone_goes_on(cloud_with: CloudWith) -> None:
    """Begun under key 1, redeemed under key 2: what it needs to ask Entra ID is sealed anew, so key 3 ends nothing."""
    async with cloud_with() as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        code = await application.code(Person())
        cloud.reconfigure(encryptionKeyVersion="2")
        tokens = (await application.exchange(code)).json()
        cloud.reconfigure(encryptionKeyVersion="3")
        asked: list[str] = []

        def counting(_: LocalCloud, answer: dict[str, Any]) -> dict[str, Any]:
            asked.append("refresh")
            return answer

        async with tampered_entra(cloud, counting):
            refreshed = await application.refresh(tokens["refresh_token"])
        assert refreshed.status_code == 200, refreshed.text
        assert asked == ["refresh"]


async def test_M35_S1_a_session_that_cannot_ask_entra_ends(cloud: LocalCloud, registered: Application) -> None:
    tokens = await registered.tokens(Person())
    with unreadable_sessions(cloud):
        assert_error(await registered.refresh(tokens["refresh_token"]), "invalid_grant")
    assert await is_dead(registered, tokens)


@contextmanager
def unreadable_sessions(cloud: LocalCloud) -> Generator[None]:
    """A session store whose sessions have lost what the gateway needs to ask Entra ID."""

    def forgetting(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def changed(message: Any) -> None:
                if (
                    message["type"] == "http.response.body"
                    and scope["method"] == "GET"
                    and b'"entra"' in message["body"]
                ):
                    document = json.loads(message["body"]) | {"entra": "x" * 90}
                    message = {**message, "body": json.dumps(document).encode()}
                elif message["type"] == "http.response.start" and scope["method"] == "GET":
                    headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
                    message = {**message, "headers": headers}
                await send(message)

            await app(scope, receive, changed)

        return answer

    for host, app in cloud.cosmos.hosts.items():
        cloud.network.serve(host, forgetting(app), kind="cosmos")
    try:
        yield
    finally:
        for host, app in cloud.cosmos.hosts.items():
            cloud.network.serve(host, app, kind="cosmos")


async def test_M35_entra_is_asked_at_every_refresh(cloud: LocalCloud, registered: Application) -> None:
    tokens = await registered.tokens(Person())
    asked: list[str] = []

    def counting(_: LocalCloud, answer: dict[str, Any]) -> dict[str, Any]:
        asked.append("refresh")
        return answer

    async with tampered_entra(cloud, counting):
        for turn in range(3):
            tokens = (await registered.refresh(tokens["refresh_token"])).json()
            assert len(asked) == turn + 1


async def test_M36_S2_a_client_that_is_off_the_allowlist_is_refused_and_ended(cloud_with: CloudWith) -> None:
    async with cloud_with() as cloud:
        listed, other = (
            Application(cloud.gateway_url),
            Application(cloud.gateway_url, redirect_uri="https://a.example/c"),
        )
        by_id = Application(cloud.gateway_url, redirect_uri="https://b.example/c")
        kept, gone, named = await listed.tokens(Person()), await other.tokens(Person()), await by_id.tokens(Person())
        code = await other.code(Person())
        cloud.reconfigure(allowedClients=f'["127.0.0.1", "{by_id.client_id}"]')
        assert_error(await other.refresh(gone["refresh_token"]), "invalid_grant")
        assert_error(await other.exchange(code), "invalid_grant")
        assert await is_dead(other, gone)
        assert (await listed.refresh(kept["refresh_token"])).status_code == 200
        assert (await by_id.refresh(named["refresh_token"])).status_code == 200
        assert [event["reason"] for event in events(cloud) if event["event"] == "session"] == [
            "client not on the allowlist"
        ] * 2


async def test_M36_S2_where_a_client_may_no_longer_be_answered_it_is_refused_and_ended(cloud_with: CloudWith) -> None:
    def agent(*addresses: str) -> str:
        return json.dumps([{"id": "agent", "name": "Agent", "redirectUris": list(addresses)}])

    kept_at, gone_at = "http://127.0.0.1:1/kept", "https://agent.example/gone"
    async with cloud_with(clients=agent(kept_at, gone_at), redirectSchemes='["cursor", "vscode"]') as cloud:
        clients = [
            Application(cloud.gateway_url, redirect_uri="cursor://app/cb"),
            Application(cloud.gateway_url, client_id="agent", redirect_uri=gone_at),
            Application(cloud.gateway_url, redirect_uri="vscode://app/cb"),
            Application(cloud.gateway_url, client_id="agent", redirect_uri=kept_at),
        ]
        signed_in = [await client.tokens(Person()) for client in clients]
        code = await clients[0].code(Person())
        cloud.reconfigure(clients=agent("http://127.0.0.1:2/kept"), redirectSchemes='["vscode"]')
        assert_error(await clients[0].exchange(code), "invalid_grant")
        for client, tokens in zip(clients[:2], signed_in[:2], strict=True):
            assert_error(await client.refresh(tokens["refresh_token"]), "invalid_grant")
            assert await is_dead(client, tokens)
        for client, tokens in zip(clients[2:], signed_in[2:], strict=True):
            assert (await client.refresh(tokens["refresh_token"])).status_code == 200
        assert {event["reason"] for event in events(cloud) if event["event"] == "session"} == {
            "redirect URI no longer allowed"
        }


async def test_M36_a_scope_that_is_gone_is_gone_for_those_who_are_in(cloud_with: CloudWith) -> None:
    async with cloud_with(mcpScopes='["mcp:tools", "extra"]') as cloud:
        both = Application(cloud.gateway_url, scope="mcp:tools extra")
        one = Application(cloud.gateway_url, scope="extra")
        wide, narrow = await both.tokens(Person()), await one.tokens(Person())
        assert wide["scope"] == "mcp:tools extra"
        cloud.reconfigure(mcpScopes='["mcp:tools"]')
        refreshed = (await both.refresh(wide["refresh_token"])).json()
        assert refreshed["scope"] == "mcp:tools"
        assert_error(await both.refresh(refreshed["refresh_token"], scope="mcp:tools extra"), "invalid_scope")
        assert_error(await one.refresh(narrow["refresh_token"]), "invalid_grant")
        assert await is_dead(one, narrow)


async def test_M22_S8_a_scope_that_was_never_granted_is_invalid(registered: Application) -> None:
    tokens = await registered.tokens(Person())
    assert_error(await registered.refresh(tokens["refresh_token"], scope="mcp:tools admin"), "invalid_scope")
    again = await registered.refresh(tokens["refresh_token"], scope="mcp:tools")
    assert again.status_code == 200, "refusing a scope takes nothing away"


async def test_M22_S5_a_repeat_gives_a_key_that_ends_with_the_first_and_is_audited(
    cloud: LocalCloud, registered: Application
) -> None:
    first = await registered.tokens(Person())
    second = (await registered.refresh(first["refresh_token"])).json()
    cloud.clock.advance(100)
    cloud.gateway.traces.clear()
    again = (await registered.refresh(first["refresh_token"])).json()
    assert again["expires_in"] <= second["expires_in"] - 100
    assert ("token", "repeated") in [(event["event"], event["outcome"]) for event in events(cloud)]
    assert (await registered.refresh(second["refresh_token"])).status_code == 200
    assert_error(await registered.refresh(first["refresh_token"]), "invalid_grant")
    assert await is_dead(registered, again)


@CONFIGURED
@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({"refreshGraceSeconds": "0"}, 0),
        ({"refreshGraceSeconds": "20"}, 20),
        ({"refreshGraceSeconds": "300", "sessionMinutes": "5"}, 60),
    ],
)
async def test_M22_the_grace_is_what_was_set_and_a_fifth_of_a_keys_life_at_most(
    cloud_with: CloudWith, config: dict[str, str], seconds: int
) -> None:
    async with cloud_with(**config) as cloud:
        application = Application(cloud.gateway_url)
        first = await application.tokens(Person())
        await application.refresh(first["refresh_token"])
        if seconds:
            cloud.clock.advance(seconds - 3)
            assert (await application.refresh(first["refresh_token"])).status_code == 200
        cloud.clock.advance(4 if seconds else 0)
        assert_error(await application.refresh(first["refresh_token"]), "invalid_grant")


async def test_M38_S7_a_session_has_an_absolute_life(cloud_with: CloudWith) -> None:
    async with cloud_with(sessionDays="30", refreshDays="14", sessionMinutes="60") as cloud:
        application = Application(cloud.gateway_url)
        tokens = await application.tokens(Person())
        for _ in range(3):
            cloud.clock.advance(9.99 * 86400)
            tokens = (await application.refresh(tokens["refresh_token"])).json()
        assert tokens["expires_in"] <= 0.03 * 86400 + 60, "no key outlives the session"
        cloud.clock.advance(0.04 * 86400)
        assert (await application.call(tokens["access_token"])).status_code == 401
        assert_error(await application.refresh(tokens["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("status", [403, 429, 449, 500, 503])
@pytest.mark.parametrize("how", ["refresh token reused", "code replayed", "revocation"])
async def test_M37_S3_a_session_that_the_store_did_not_end_is_not_said_to_be_ended(
    cloud: LocalCloud, registered: Application, how: str, status: int
) -> None:
    code = await registered.code(Person())
    first = (await registered.exchange(code)).json()
    latest = (await registered.refresh(first["refresh_token"])).json()

    async def ending() -> httpx.Response:
        if how == "code replayed":
            return await registered.exchange(code)
        if how == "revocation":
            form = {"token": first["refresh_token"], "client_id": registered.client_id}
            return await registered.send("POST", "/revoke", data=form)
        return await registered.refresh(first["refresh_token"])

    cloud.clock.advance(301)
    cloud.gateway.traces.clear()
    with store_refusing(cloud, "DELETE", status):
        assert_error(await ending(), "temporarily_unavailable", 503)
    assert [event["outcome"] for event in events(cloud) if event["event"] == "session"] == ["not revoked"]
    assert (await ending()).status_code == (200 if how == "revocation" else 400), "asked again, it ends"
    assert [event["outcome"] for event in events(cloud) if event["event"] == "session"] == ["not revoked", "revoked"]
    assert await is_dead(registered, latest)


async def test_M37_a_revocation_whose_session_cannot_be_looked_up_is_not_said_to_be_done(
    cloud: LocalCloud, registered: Application
) -> None:
    # Of a client without a secret nothing else is looked up.
    await registered.register(token_endpoint_auth_method="none")
    tokens = await registered.tokens(Person())
    form = {"token": tokens["refresh_token"], "client_id": registered.client_id}
    before = len(events(cloud))
    with store_refusing(cloud, "GET", 503):
        assert_error(await registered.send("POST", "/revoke", data=form), "temporarily_unavailable", 503)
    told = [event for event in events(cloud)[before:] if event["event"] in {"revocation", "session"}]
    assert [(event["event"], event["outcome"], event["reason"]) for event in told] == [
        ("revocation", "refused", "temporarily_unavailable")
    ]
    assert (await registered.refresh(tokens["refresh_token"])).status_code == 200, "and it was not"


async def test_M37_a_notice_of_revocation_outlives_every_session_key(cloud_with: CloudWith) -> None:
    """Where the store did not take it, the notice alone keeps a key out: as long as a key can live, whatever was set when."""
    async with cloud_with(sessionMinutes="60") as cloud:
        application = Application(cloud.gateway_url)
        tokens = await application.tokens(Person())
        cloud.reconfigure(sessionMinutes="5")
        form = {"token": tokens["refresh_token"], "client_id": application.client_id}
        with store_refusing(cloud, "DELETE", 503):
            assert (await application.send("POST", "/revoke", data=form)).status_code == 503
        for _ in range(11):
            cloud.clock.advance(325)
            assert (await application.call(tokens["access_token"])).status_code == 401


@pytest.mark.parametrize("status", [500, 503])
async def test_M37_a_denial_that_was_not_kept_is_not_audited(
    cloud: LocalCloud, registered: Application, status: int
) -> None:
    cloud.gateway.traces.clear()
    with store_refusing(cloud, "DELETE", status):
        end = await Person(answer="deny").sign_in(registered.authorize_url())
    assert isinstance(end, httpx.Response)
    assert end.status_code == 503
    assert "denied" not in [event["outcome"] for event in events(cloud)]


async def test_M14_a_sign_in_that_cannot_be_taken_up_now_can_be_later(
    cloud: LocalCloud, registered: Application
) -> None:
    person = Person()
    with store_refusing(cloud, "DELETE", 503):
        end = await person.sign_in(registered.authorize_url())
    assert isinstance(end, httpx.Response)
    assert end.status_code == 503
    again = await person.request("GET", str(end.request.url))
    assert "code" in answer_of(again.headers["location"])


@RACES
async def test_M17_S4_a_code_presented_at_once_makes_one_session_and_ends_it(
    cloud_with: CloudWith, rounds: range
) -> None:
    """Two parties held the code, in whatever order their requests meet. Who is told to try again (503: on a busy machine the store may take
    longer than the gateway waits) does so.
    """
    async with cloud_with() as cloud:
        application, person = Application(cloud.gateway_url), Person()
        (await application.register()).raise_for_status()

        async def exchanged(code: str) -> httpx.Response:
            answer = await application.exchange(code)
            for _ in range(2):
                if answer.status_code == 503:
                    answer = await application.exchange(code)
            return answer

        for _ in rounds:
            code = await application.code(person)
            answers = await asyncio.gather(*(exchanged(code) for _ in range(8)))
            assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
            [tokens] = [answer.json() for answer in answers if answer.status_code == 200]
            assert await is_dead(application, tokens)


# What is found out before the client is looked up, or of one that is not registered.
UNKNOWN = {"unsupported_grant_type", "invalid_client"}


@pytest.mark.parametrize(
    ("form", "error", "status"),
    [
        ({}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": "authorization_code"}, "invalid_request", 400),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", 400),
        ({"grant_type": "authorization_code", "code": "x", "resource": "https://x.example/"}, "invalid_target", 400),
        ({"grant_type": "refresh_token", "client_id": "unknown", "refresh_token": "x"}, "invalid_client", 401),
    ],
)
async def test_M19_D22_every_refusal_at_token_is_an_audit_event(
    cloud: LocalCloud, registered: Application, form: dict[str, str], error: str, status: int
) -> None:
    cloud.gateway.traces.clear()
    sent = {"client_id": registered.client_id} | form if form else form
    assert_error(await registered.send("POST", "/token", data=sent), error, status)
    [event] = [event for event in events(cloud) if event["event"] == "token"]
    assert (event["outcome"], event["reason"]) == ("refused", error)
    assert event["client"] == ("unknown" if error in UNKNOWN or not form else registered.client_id)


async def test_M19_D3_an_unknown_client_is_401_and_challenged_by_its_own_scheme(registered: Application) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    plain = await registered.send("POST", "/token", data=form | {"client_id": "unknown"})
    assert_error(plain, "invalid_client", 401)
    assert "www-authenticate" not in plain.headers
    basic = await registered.send("POST", "/token", data=form, auth=("unknown", "secret"))
    assert_error(basic, "invalid_client", 401)
    assert basic.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({}, "invalid_request"),
        ({"token": "x"}, "invalid_request"),
        ({"token": "x", "client_id": "00000000-0000-4000-8000-000000000000"}, "invalid_client"),
        ({"token": "x", "client_secret": "wrong"}, "invalid_client"),
        ({"token": "THEIRS"}, "token of another client"),
    ],
)
async def test_M19_a_refusal_at_revoke_is_audited(cloud: LocalCloud, form: dict[str, str], reason: str) -> None:
    application, other = Application(cloud.gateway_url), Application(cloud.gateway_url)
    theirs = (await other.tokens(Person("bob")))["refresh_token"]
    await application.register()
    sent = {name: theirs if value == "THEIRS" else value for name, value in form.items()}
    if reason != "invalid_request":
        sent = {"client_id": application.client_id} | sent
    before = len(events(cloud))
    await application.send("POST", "/revoke", data=sent)
    told = [event for event in events(cloud)[before:] if event["event"] == "revocation"]
    assert [(event["outcome"], event["reason"]) for event in told] == [("refused", reason)]
    assert theirs not in str(told)
    assert (await other.refresh(theirs)).status_code == 200
