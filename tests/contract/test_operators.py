"""M38: an operator lists sessions and ends all of a user or of a client, through the gateway."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from contract.conftest import CloudWith
from contract.test_sessions import assert_error, events, is_dead, store_refusing
from samples import CONFIGURED
from secure_mcp_local.cli.app import app
from secure_mcp_local.cli.sessions import Asked, end, login_of, sessions, show
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.testing import Application, Person

ALICE, BOB = "a11ce000-0000-4000-8000-000000000001", "b0b00000-0000-4000-8000-000000000002"


async def signed_in(cloud: LocalCloud, name: str) -> tuple[Application, dict[str, Any]]:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    return application, await application.tokens(Person(name))


async def ended(cloud: LocalCloud, person: str = "alice", **form: str) -> httpx.Response:
    return await asked(cloud, "end", person, **form)


async def asked(cloud: LocalCloud, operation: str, person: str = "alice", **form: str) -> httpx.Response:
    url = f"{cloud.gateway_url}/sessions/{operation}"
    async with httpx.AsyncClient(trust_env=False) as http:
        challenge = (await http.post(url)).headers["www-authenticate"]
        uri, resource = challenge.split('"')[1::2]
        token = (await http.get(f"{uri}/local/azure-cli/{resource}/{person}")).json().get("accessToken", "none")
        return await http.post(url, data=form, headers={"Authorization": f"Bearer {token}"})


async def listed(cloud: LocalCloud, user: str = "", client: str = "") -> list[dict[str, Any]]:
    """What the command says."""
    return await asyncio.to_thread(sessions, Asked(cloud.gateway_url, user, client, "", "alice"))


def documents(cloud: LocalCloud) -> list[Mapping[str, Any]]:
    return [document for container in cloud.cosmos.containers for document in container.documents()]


@pytest.fixture
async def operated(cloud_with: CloudWith) -> Any:
    async with cloud_with(operators=f'["{ALICE}"]') as cloud:
        yield cloud


async def test_M38_all_sessions_of_a_user_end_within_a_minute_and_nobody_elses(operated: LocalCloud) -> None:
    first, second = await signed_in(operated, "bob"), await signed_in(operated, "bob")
    other = await signed_in(operated, "alice")
    for application, tokens in (first, second, other):
        assert (await application.call(tokens["access_token"])).status_code == 200
    (await ended(operated, user=BOB)).raise_for_status()
    # Whoever was called a moment ago is called from memory, for a minute at most; nobody is refreshed.
    operated.clock.advance(61)
    assert await is_dead(*first)
    assert await is_dead(*second)
    assert (await other[0].call(other[1]["access_token"])).status_code == 200
    assert (await other[0].refresh(other[1]["refresh_token"])).status_code == 200
    # Bob may come again.
    again, tokens = await signed_in(operated, "bob")
    assert (await again.call(tokens["access_token"])).status_code == 200
    [event] = [event for event in events(operated) if event["event"] == "sessions"]
    assert (event["outcome"], event["operator"], event["user"]) == ("ended", ALICE, BOB)


async def test_M38_a_refresh_is_refused_at_once(operated: LocalCloud) -> None:
    application, tokens = await signed_in(operated, "bob")
    (await ended(operated, user=BOB.upper())).raise_for_status()
    assert_error(await application.refresh(tokens["refresh_token"]), "invalid_grant")
    assert [event["reason"] for event in events(operated) if event["event"] == "session"][-1] == "by an operator"


async def test_M38_all_sessions_of_a_client_end(operated: LocalCloud) -> None:
    application, tokens = await signed_in(operated, "bob")
    other, others = await signed_in(operated, "bob")
    theirs = await application.tokens(Person("alice"))
    for _ in range(2):  # the second time replaces the first one's document
        (await ended(operated, client=application.client_id or "")).raise_for_status()
    operated.clock.advance(61)
    assert await is_dead(application, tokens)
    assert await is_dead(application, theirs)
    assert (await other.call(others["access_token"])).status_code == 200


async def test_M38_only_an_operator_can(operated: LocalCloud) -> None:
    application, tokens = await signed_in(operated, "bob")
    assert (await ended(operated, "bob", user=ALICE)).status_code == 403
    assert (await asked(operated, "list", "bob")).status_code == 403
    async with httpx.AsyncClient(trust_env=False) as http:
        # What Entra ID says of a user who signs in at the gateway has the same audience, and the roles.
        challenge = (await http.post(operated.gateway_url + "/sessions/end")).headers["www-authenticate"]
        issuer, now = operated.entra.issuer, int(operated.clock.now())
        identity = {
            "iss": issuer.issuer, "aud": challenge.split('"')[3], "iat": now, "nbf": now, "exp": now + 3600, "oid": ALICE,
            "tid": issuer.tenant, "roles": ["Sessions.End"], "ver": "2.0",
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {issuer.sign(identity)}"}
        answer = await http.post(operated.gateway_url + "/sessions/end", data={"user": BOB}, headers=headers)
        assert answer.status_code == 403
        for operation in ("end", "list"):
            for token in ("", "nonsense", tokens["access_token"]):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                url = f"{operated.gateway_url}/sessions/{operation}"
                answer = await http.post(url, data={"user": BOB}, headers=headers)
                assert answer.status_code == 401
                assert "resource_id" in answer.headers["www-authenticate"]
    operated.clock.advance(61)
    assert (await application.call(tokens["access_token"])).status_code == 200


async def test_M38_sessions_are_listed_with_user_client_server_and_times(operated: LocalCloud) -> None:
    began = int(operated.clock.now())
    first, tokens = await signed_in(operated, "bob")
    second, _ = await signed_in(operated, "alice")
    operated.clock.advance(1800)
    (await first.refresh(tokens["refresh_token"])).raise_for_status()
    found = {one["client"]: one for one in await listed(operated)}
    one, other = found[first.client_id or ""], found[second.client_id or ""]
    assert (one["user"], one["name"], one["caller"]) == (BOB, "Bob Brown", "user")
    assert (one["server"], one["redirect"]) == (operated.gateway_url + "/mcp", first.redirect_uri)
    assert one["began"] - began in range(60)
    assert one["used"] - one["began"] in range(1800, 1860)
    # refreshDays from its last refresh, never over sessionDays from its beginning.
    assert one["ends"] - one["used"] in range(14 * 86400 - 1, 14 * 86400 + 2)
    assert other["used"] == other["began"]
    assert [one["user"] for one in await listed(operated, user=ALICE)] == [ALICE]
    assert [one["client"] for one in await listed(operated, client=first.client_id or "")] == [first.client_id]
    assert (
        events(operated)[-1] | {"operator": ALICE, "outcome": "listed", "client": first.client_id}
        == events(operated)[-1]
    )


async def test_M38_nothing_that_opens_a_session_is_listed(operated: LocalCloud) -> None:
    _, tokens = await signed_in(operated, "bob")
    answer = await asked(operated, "list")
    assert answer.json()["sessions"]
    assert answer.headers["cache-control"] == "no-store"
    [stored] = [document for document in documents(operated) if document["id"].startswith("session-")]
    for secret in (tokens["access_token"], tokens["refresh_token"], stored["id"], stored["entra"], stored["_etag"]):
        assert secret not in answer.text
    assert set(answer.json()["sessions"][0]) == {
        "user", "name", "caller", "client", "redirect", "server", "scope", "began", "used", "ends",
    }  # fmt: skip


async def test_M38_what_was_ended_is_not_listed_and_what_began_after_is(operated: LocalCloud) -> None:
    application, _ = await signed_in(operated, "bob")
    (await ended(operated, user=BOB)).raise_for_status()
    (await ended(operated, client="another")).raise_for_status()
    assert await listed(operated) == []
    assert await listed(operated, client=application.client_id or "") == []
    operated.clock.advance(1)
    await application.tokens(Person("bob"))
    assert len(await listed(operated)) == 1
    operated.clock.advance(1)
    (await ended(operated, client=application.client_id or "")).raise_for_status()
    assert await listed(operated) == []


async def test_M38_a_sign_in_whose_code_nobody_has_brought_is_no_session(operated: LocalCloud) -> None:
    application = Application(operated.gateway_url)
    (await application.register()).raise_for_status()
    await Person("bob").sign_in(application.authorize_url())
    assert any(document.get("state") == "pending" for document in documents(operated))
    assert await listed(operated) == []


async def test_M38_more_sessions_than_a_page_has_are_all_listed(operated: LocalCloud) -> None:
    await signed_in(operated, "bob")
    store = next(c for c in operated.cosmos.containers if c.name == "sessions")
    [stored] = [document for document in store.documents() if document["id"].startswith("session-")]
    plain = {name: value for name, value in stored.items() if not name.startswith("_")}
    for number in range(450):
        copy = plain | {"id": f"session-copy-{number}", "clientId": f"client-{number}"}
        store.create(json.dumps(copy).encode(), copy["id"])
    first = (await asked(operated, "list")).json()
    assert len(first["sessions"]) <= 200
    assert first["next"]
    assert len({one["client"] for one in await listed(operated)}) == 451
    assert_error(await asked(operated, "list", next="Grüße"), "invalid_request")


async def test_M38_a_list_that_the_store_does_not_give_is_no_empty_one(operated: LocalCloud) -> None:
    with store_refusing(operated, "POST", 503):
        assert_error(await asked(operated, "list"), "temporarily_unavailable", 503)
        with pytest.raises(LocalCloudError, match="cannot be read: 503"):
            await listed(operated)
    assert [event for event in events(operated) if event["event"] == "sessions"] == []


async def test_the_command_prints_a_line_each_without_signs_that_a_terminal_obeys(
    operated: LocalCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    await signed_in(operated, "bob")
    operated.cosmos.edit("session-", user={"oid": BOB, "name": "=Bob\x1b[2J", "roles": []})
    arguments = ["sessions", "list", operated.gateway_url, "--user", BOB]
    told = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert told.exit_code == 0, told.output
    head, line = told.stdout.splitlines()
    assert head.split() == ["user", "client", "server", "created", "last", "used", "ends"]
    assert line.startswith(f"Bob?[2J {BOB}  ")
    assert "(127.0.0.1)  /mcp    20" in line
    assert "1 session; times are UTC" in told.stderr
    told = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json"])
    [one] = json.loads(told.stdout)
    assert (one["user"], one["server"]) == (BOB, operated.gateway_url + "/mcp")
    asked_for = Asked(operated.gateway_url, ALICE, "", "", "alice")
    await asyncio.to_thread(show, asked_for, as_json=False)
    assert capsys.readouterr().err == "0 sessions; times are UTC\n"


@pytest.mark.parametrize("form", [{"user": BOB, "client": "x"}, {"user": "bob"}, {"client": "x" * 513}])
async def test_M38_whose_sessions_are_listed_is_clear(operated: LocalCloud, form: dict[str, str]) -> None:
    assert_error(await asked(operated, "list", **form), "invalid_request")


@CONFIGURED
@pytest.mark.parametrize("form", [{}, {"user": BOB, "client": "x"}, {"user": "bob"}, {"client": "x" * 513}])
async def test_M38_what_is_asked_for_is_clear(operated: LocalCloud, form: dict[str, str]) -> None:
    assert_error(await ended(operated, **form), "invalid_request")


async def test_M38_ended_is_said_only_when_the_store_took_it(operated: LocalCloud) -> None:
    with store_refusing(operated, "POST", 503):
        assert_error(await ended(operated, user=BOB), "temporarily_unavailable", 503)
    assert [event for event in events(operated) if event["event"] == "sessions"] == []


async def test_M38_who_cannot_be_looked_up_is_not_let_through(operated: LocalCloud) -> None:
    application, tokens = await signed_in(operated, "bob")
    with store_refusing(operated, "GET", 503):
        assert (await application.call(tokens["access_token"])).status_code == 503
        assert (await application.refresh(tokens["refresh_token"])).status_code == 503


async def test_without_operators_nobody_can(cloud: LocalCloud) -> None:
    assert (await ended(cloud, user=BOB)).status_code == 401
    assert (await asked(cloud, "list")).status_code == 401


def test_the_command_gives_a_token_to_no_address_that_asks_for_it() -> None:
    with pytest.raises(LocalCloudError, match="--application"):
        end(Asked("https://gateway.example.com", BOB, "", "", ""))
    with pytest.raises(LocalCloudError, match="no address"):
        end(Asked("http://gateway.example.com", BOB, "", "", ""))

    def elsewhere(request: httpx.Request) -> httpx.Response:
        challenge = 'Bearer authorization_uri="https://login.example/t", resource_id="x"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=request)

    with (
        httpx.Client(transport=httpx.MockTransport(elsewhere)) as http,
        pytest.raises(LocalCloudError, match="no gateway of a local cloud"),
    ):
        login_of(Asked("http://localhost:1", BOB, "", "", "alice"), http)
