"""M38: an operator ends all sessions of a user or of a client, through the gateway."""

from typing import Any

import httpx
import pytest

from contract.conftest import CloudWith
from contract.test_sessions import assert_error, events, is_dead, store_refusing
from secure_mcp_local.cli.sessions import Ending, end, login_of
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.testing import Application, Person

ALICE, BOB = "a11ce000-0000-4000-8000-000000000001", "b0b00000-0000-4000-8000-000000000002"


async def signed_in(cloud: LocalCloud, name: str) -> tuple[Application, dict[str, Any]]:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    return application, await application.tokens(Person(name))


async def ended(cloud: LocalCloud, person: str = "alice", **form: str) -> httpx.Response:
    ending = Ending(cloud.gateway_url, form.get("user", ""), form.get("client", ""), "", person)

    async def token() -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            challenge = (await http.post(ending.url)).headers["www-authenticate"]
            uri, resource = challenge.split('"')[1::2]
            answer = await http.get(f"{uri}/local/azure-cli/{resource}/{person}")
            return str(answer.json().get("accessToken", "none"))

    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(ending.url, data=form, headers={"Authorization": f"Bearer {await token()}"})


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
        for token in ("", "nonsense", tokens["access_token"]):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await http.post(operated.gateway_url + "/sessions/end", data={"user": BOB}, headers=headers)
            assert answer.status_code == 401
            assert "resource_id" in answer.headers["www-authenticate"]
    operated.clock.advance(61)
    assert (await application.call(tokens["access_token"])).status_code == 200


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


def test_the_command_gives_a_token_to_no_address_that_asks_for_it() -> None:
    with pytest.raises(LocalCloudError, match="--application"):
        end(Ending("https://gateway.example.com", BOB, "", "", ""))
    with pytest.raises(LocalCloudError, match="no address"):
        end(Ending("http://gateway.example.com", BOB, "", "", ""))

    def elsewhere(request: httpx.Request) -> httpx.Response:
        challenge = 'Bearer authorization_uri="https://login.example/t", resource_id="x"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=request)

    with (
        httpx.Client(transport=httpx.MockTransport(elsewhere)) as http,
        pytest.raises(LocalCloudError, match="no gateway of a local cloud"),
    ):
        login_of(Ending("http://localhost:1", BOB, "", "", "alice"), http)
