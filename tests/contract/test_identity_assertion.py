"""E1, E2, E3: enterprise-managed authorization, assertions of configured identity providers for sessions."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from actors.assertion_agent import (
    ALL,
    CLIENT,
    CLIENTS,
    CONFIG,
    CORP,
    DIRECTORY,
    GRANT,
    KEY,
    KEYED,
    OTHER,
    PARTNER,
    PROVIDERS,
    PUBLIC,
    REDIRECT,
    SECRET,
    SHARED,
    WRONG,
    Agent,
    now,
)
from actors.identity_provider import IdentityProvider
from actors.policy_options import PolicyOptions
from actors.signer import ASSERTION_TYPE, UNSET
from contract.conftest import RACES
from secure_mcp.options import ConfigError
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


class Host:
    """An MCP server that keeps what it was told."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers.append({name.decode().lower(): value.decode() for name, value in scope["headers"]})
        await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


HOST = Host()


@pytest.fixture(scope="module")
async def cloud() -> Any:
    backend = "http://localhost:9/mcp"
    async with LocalCloud.open(
        Path(__file__).parents[2], stack="dev", config=CONFIG, port=0, backend=backend
    ) as running:
        running.network.serve("localhost:9", HOST)
        for provider in ALL:
            provider.signer.now = running.clock.now
            running.network.serve(provider.host, provider.app)
        KEY.now = running.clock.now
        yield running


@pytest.fixture
def agent(cloud: LocalCloud) -> Agent:
    return Agent(cloud)


def assert_refused(answer: httpx.Response, error: str = "invalid_grant", status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "access_token" not in answer.json()


async def test_E1_an_assertion_opens_the_server_for_its_user(cloud: LocalCloud, agent: Agent) -> None:
    answer = await agent.bring(agent.assertion())
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert 0 < tokens["expires_in"] <= 1800
    assert (tokens["scope"], tokens["resource"]) == ("mcp:tools", agent.application.resource)
    assert answer.headers["cache-control"] == "no-store"
    HOST.headers.clear()
    assert (await agent.application.call(tokens["access_token"])).status_code == 200
    (seen,) = HOST.headers
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", seen["x-mcp-user-oid"])
    assert (
        await agent.application.call(tokens["access_token"], "tools/call", {"name": "delete_snippet"})
    ).status_code == 200
    forbidden = await agent.application.call(tokens["access_token"], "tools/call", {"name": "save_snippet"})
    assert forbidden.status_code == 403, "neither scope nor role"


async def test_E1_it_is_off_unless_it_is_configured(cloud_with: CloudWith) -> None:
    async with cloud_with(clients=json.dumps(CLIENTS)) as plain:
        agent = Agent(plain)
        assert_refused(await agent.bring(agent.assertion()), "unsupported_grant_type")
        metadata = (await agent.application.send("GET", "/.well-known/oauth-authorization-server")).json()
        assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]
        assert "authorization_grant_profiles_supported" not in metadata


async def test_E1_the_metadata_says_so_by_the_profiles_name(agent: Agent) -> None:
    metadata = (await agent.application.send("GET", "/.well-known/oauth-authorization-server")).json()
    assert GRANT in metadata["grant_types_supported"]
    assert metadata["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]


async def test_E1_a_provider_lets_nobody_in_unless_it_says_where(agent: Agent) -> None:
    assert_refused(await agent.bring(agent.assertion(PARTNER)))


async def test_E1_a_provider_with_tenants_lets_one_of_them_in(agent: Agent) -> None:
    assert (await agent.bring(agent.assertion(SHARED, tenant="t-1"))).status_code == 200
    assert (await agent.bring(agent.assertion(tenant=None))).status_code == 200, "null is none"


async def test_E1_a_provider_names_its_clients(cloud: LocalCloud) -> None:
    other = Agent(cloud, OTHER, SECRET[::-1])
    assert_refused(await other.bring(other.assertion(CORP)))


async def test_E1_a_client_with_a_key(cloud: LocalCloud) -> None:
    agent = Agent(cloud, KEYED, "")
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": KEY.assertion(KEYED, cloud.gateway_url)}
    answer = await agent.bring(agent.assertion(), client_secret=None, **proof)
    assert answer.status_code == 200, answer.text


async def test_E2_the_client_authenticates(cloud: LocalCloud, agent: Agent) -> None:
    for wrong in (None, SECRET[:-1]):
        assert_refused(await agent.bring(agent.assertion(), client_secret=wrong), "invalid_client", 401)
    public = Agent(cloud, PUBLIC)
    assert_refused(await public.bring(public.assertion(), client_secret=None))


async def test_E2_a_session_of_a_registered_client_cannot_be_had(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    await application.register()
    stranger = Agent(cloud, application.client_id)
    assert_refused(await stranger.bring(stranger.assertion(), client_secret=None))


@pytest.mark.parametrize("wrong", WRONG)
async def test_E2_whatever_is_wrong_with_an_assertion_is_an_invalid_grant(agent: Agent, wrong: str) -> None:
    assert_refused(await agent.bring(WRONG[wrong](agent)))


async def test_E2_what_is_allowed_is_allowed(agent: Agent) -> None:
    """The same assertions as above, with nothing wrong: the refusals have the reason that they say."""
    for right in (
        agent.assertion(aud=[agent.issuer]),
        agent.assertion(exp=int(now()) - 30),
        agent.assertion(iat=int(now()) + 30, nbf=int(now()) + 30),
        agent.assertion(resource=f"{agent.application.resource}/"),
        agent.assertion(scope=UNSET, name=UNSET),
        agent.assertion(header={"typ": "OAuth-ID-JAG+JWT", "kid": None}),
    ):
        answer = await agent.bring(right)
        assert answer.status_code == 200, answer.text


async def test_E2_without_an_assertion(agent: Agent) -> None:
    assert_refused(await agent.bring(None), "invalid_request")


async def test_E2_every_byte_counts(agent: Agent) -> None:
    assertion = agent.assertion()
    for at in range(0, len(assertion), 41):
        flipped = assertion[:at] + ("A" if assertion[at] != "A" else "B") + assertion[at + 1 :]
        assert_refused(await agent.bring(flipped))
    assert (await agent.bring(assertion)).status_code == 200


async def test_E2_the_resource_asked_for_is_the_assertions(agent: Agent) -> None:
    ours = agent.application.resource
    assert_refused(await agent.bring(agent.assertion(), resource=f"{agent.issuer}/other"), "invalid_target")
    assert (await agent.bring(agent.assertion(), resource=ours)).status_code == 200


@pytest.mark.parametrize(
    ("said", "asked", "granted"),
    [
        ("mcp:tools", None, "mcp:tools"),
        ("mcp:tools snippets:write", None, "mcp:tools snippets:write"),
        ("mcp:tools snippets:write", "mcp:tools", "mcp:tools"),
        ("mcp:tools snippets:write unknown", None, "mcp:tools snippets:write"),
        (UNSET, None, "mcp:tools"),
        ("mcp:tools", "mcp:tools offline_access", "mcp:tools"),
    ],
)
async def test_E2_scopes_are_those_of_the_assertion_or_fewer(
    agent: Agent, said: Any, asked: str | None, granted: str
) -> None:
    answer = await agent.bring(agent.assertion(scope=said), scope=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == granted


@pytest.mark.parametrize(
    ("said", "asked"), [("mcp:tools", "snippets:write"), (UNSET, "snippets:write"), ("unknown", None), ("", None)]
)
async def test_E2_a_scope_that_the_assertion_does_not_give(agent: Agent, said: Any, asked: str | None) -> None:
    assert_refused(await agent.bring(agent.assertion(scope=said), scope=asked), "invalid_scope")


async def test_E2_an_assertion_is_good_once(cloud: LocalCloud, agent: Agent) -> None:
    assertion = agent.assertion()
    assert (await agent.bring(assertion)).status_code == 200
    cloud.gateway.cache.clear()
    assert_refused(await agent.bring(assertion))
    # As another text, but the same id.
    again = agent.assertion(jti=json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))["jti"], name="X")
    assert_refused(await agent.bring(again))
    cloud.clock.advance(330)
    assert_refused(await agent.bring(assertion))


async def test_E2_an_id_is_one_of_its_issuer(agent: Agent) -> None:
    same = str(uuid4())
    assert (await agent.bring(agent.assertion(CORP, jti=same))).status_code == 200
    assert (await agent.bring(agent.assertion(DIRECTORY, jti=same, oid=str(uuid4())))).status_code == 200


@RACES
async def test_E2_of_eight_at_once_exactly_one_two_hundred_times(agent: Agent, rounds: range) -> None:
    async with httpx.AsyncClient(base_url=agent.application.gateway_url, trust_env=False, timeout=60) as client:
        for round in rounds:
            form = {"grant_type": GRANT, "assertion": agent.assertion(), "client_id": CLIENT, "client_secret": SECRET}
            answers = await asyncio.gather(*(client.post("/token", data=form) for _ in range(8)))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses == [200, *[400] * 7], f"round {round}: {statuses}"


async def test_E2_a_failing_store_admits_nobody_and_keys_that_cannot_be_read_are_no_refusal(
    cloud: LocalCloud, agent: Agent
) -> None:
    cloud.network.faults.active.add("cosmos-503")
    try:
        assert_refused(await agent.bring(agent.assertion()), "temporarily_unavailable", 503)
    finally:
        cloud.network.faults.active.clear()
    cloud.gateway.cache.clear()
    CORP.answers = False
    try:
        assert_refused(await agent.bring(agent.assertion()), "temporarily_unavailable", 503)
    finally:
        CORP.answers = True
        cloud.gateway.cache.clear()


async def test_E2_where_no_keys_are_known_nobody_is_refused_for_another_who_asks(
    cloud: LocalCloud, agent: Agent
) -> None:
    cloud.gateway.cache.clear()
    CORP.answers, CORP.asked = False, 0
    try:
        for _ in range(3):
            assert_refused(await agent.bring(agent.assertion()), "temporarily_unavailable", 503)
    finally:
        CORP.answers = True
    assert CORP.asked == 1, "an address that gives no keys is not asked by everybody who wants them"
    cloud.clock.advance(5)
    answers = await asyncio.gather(*(agent.bring(agent.assertion()) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8


async def test_E2_two_providers_do_not_share_a_user(agent: Agent) -> None:
    async def user(provider: IdentityProvider, **changes: Any) -> str:
        key = (await agent.bring(agent.assertion(provider, **changes))).json()["access_token"]
        HOST.headers.clear()
        assert (await agent.application.call(key)).status_code == 200
        return HOST.headers[0]["x-mcp-user-oid"]

    oid = str(uuid4())
    ids = [
        await user(CORP, sub="u-0001"),
        await user(CORP, sub="u-0002"),
        await user(CORP, sub=oid, oid=oid),
        await user(DIRECTORY, sub="u-0001", oid=oid),
    ]
    assert len(set(ids)) == 4
    assert ids[3] == oid
    assert await user(CORP, sub="u-0001") == ids[0], "the same at every exchange"
    assert_refused(await agent.bring(agent.assertion(DIRECTORY)))
    assert_refused(await agent.bring(agent.assertion(DIRECTORY, oid="u-0001")))


async def test_E3_the_session_is_short_bound_and_has_no_refresh_token(cloud: LocalCloud, agent: Agent) -> None:
    tokens = (await agent.bring(agent.assertion())).json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "resource"}
    key = tokens["access_token"]
    assert_refused(await agent.application.refresh(key, client_secret=SECRET))
    assert (await agent.application.call(key)).status_code == 200
    other = Application(cloud.gateway_url, path="/other")
    assert (await other.call(key)).status_code in {401, 404}
    cloud.clock.advance(tokens["expires_in"] + 1)
    assert (await agent.application.call(key)).status_code == 401
    again = (await agent.bring(agent.assertion())).json()["access_token"]
    form = {"token": again, "client_id": CLIENT, "client_secret": SECRET}
    assert (await agent.application.send("POST", "/revoke", data=form)).status_code == 200
    assert (await agent.application.call(again)).status_code == 401


async def test_E3_other_sessions_are_refreshed_as_before(cloud: LocalCloud) -> None:
    agent = Application(cloud.gateway_url, client_id=PUBLIC, redirect_uri=REDIRECT)
    tokens = await agent.tokens(Person())
    assert "refresh_token" in tokens
    assert (await agent.refresh(tokens["refresh_token"])).json()["refresh_token"]


async def test_E3_the_assertion_is_written_down_nowhere(
    cloud: LocalCloud, agent: Agent, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    cloud.gateway.traces.clear()
    HOST.headers.clear()
    good, bad, stale = agent.assertion(), agent.assertion(aud="https://as.example.com"), agent.assertion(exp=1)
    answers = [await agent.bring(assertion) for assertion in (good, bad, stale, good)]
    await agent.application.call(answers[0].json()["access_token"])
    for fault in ("cosmos-503", "cosmos-lost", "functions-500", "identity-unavailable", "entra-down"):
        cloud.network.faults.active.add(fault)
        try:
            answers.append(await agent.bring(good))
        finally:
            cloud.network.faults.active.discard(fault)
    traced = [
        json.dumps([trace.as_dict(), *map(dict, trace.events("secure-mcp.audit"))], default=str)
        for trace in cloud.gateway.traces
    ]
    assert "".join(traced).count("secure-mcp.audit") >= 5
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("httpcore")]
    places = [*traced, *logged, *capfd.readouterr(), json.dumps(HOST.headers)]
    places += [answer.text + json.dumps(dict(answer.headers)) for answer in answers]
    places += [json.dumps([cloud.cosmos.kept(), str(vars(cloud.gateway.cache))], default=str)]
    for assertion in (good, bad, stale):
        for part in assertion.split(".")[1:]:
            assert not [place for place in places if part in place]
    assert SECRET not in "".join([*traced, *logged])


async def test_E3_B5_who_came_is_an_audit_event(cloud: LocalCloud, agent: Agent) -> None:
    cloud.gateway.traces.clear()
    await agent.bring(agent.assertion())
    await agent.bring(agent.assertion(aud="https://as.example.com"))
    events = [dict(event) for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    seen = [(event["event"], event["outcome"]) for event in events]
    assert seen == [("sign-in", "succeeded"), ("token", "issued"), ("token", "refused")]
    assert events[0]["provider"] == CORP.issuer
    assert events[0]["client"] == events[1]["client"] == events[2]["client"] == CLIENT
    assert events[0]["user"] == events[1]["user"]
    assert events[0]["server"] == "mcp"
    assert (events[2]["reason"], events[2]["grant"]) == ("invalid_grant", GRANT)


async def test_E2_the_id_of_a_user_can_be_calculated(cloud: LocalCloud, agent: Agent) -> None:
    """docs/identity.md says how: an operator ends the sessions of a user by it."""
    key = (await agent.bring(agent.assertion(sub="u-0003"))).json()["access_token"]
    digest = hashlib.sha256(f"{CORP.issuer}\nu-0003".encode()).hexdigest()
    id = f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"
    HOST.headers.clear()
    assert (await agent.application.call(key)).status_code == 200
    assert HOST.headers[0]["x-mcp-user-oid"] == id


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"clients": [PUBLIC]}, "must be one of clients that has a secret or keys"),
        ({"clients": ["nobody"]}, "must be one of clients that has a secret or keys"),
        ({"clients": []}, "at least one"),
        ({"keysUri": ""}, "give one of keys and keysUri"),
        ({"keys": [KEY.public]}, "give one of keys and keysUri"),
        ({"issuer": "http://login.corp.example.com"}, "issuer identifier"),
        ({"servers": {"MCP": ""}}, "paths of servers"),
        ({"servers": {"mcp": "a  b"}}, "app roles"),
        ({"userClaim": "email"}, "use one of sub, oid"),
    ],
)
def test_E1_a_provider_that_cannot_be_is_refused(changes: dict[str, Any], problem: str) -> None:
    names = {"keysUri": "keys_uri", "userClaim": "user_claim", "redirectUris": "redirect_uris"}
    provider = {names.get(k, k): v for k, v in (PROVIDERS[0] | changes).items()}
    clients = [{names.get(k, k): v for k, v in client.items()} for client in CLIENTS]
    with pytest.raises(ConfigError, match=problem):
        PolicyOptions.of({"clients": clients, "identity_providers": [provider]})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({}, "same issuer"), ({"issuer": "https://a.example.com", "user_claim": "oid"}, "could claim the same user")],
)
def test_E2_two_providers_that_could_claim_one_user_are_refused(changes: dict[str, Any], problem: str) -> None:
    clients = [{"id": CLIENT, "name": "Desk agent", "secret": SECRET}]
    first = {"issuer": CORP.issuer, "keys_uri": f"{CORP.issuer}/keys", "clients": [CLIENT], "user_claim": "oid"}
    with pytest.raises(ConfigError, match=problem):
        PolicyOptions.of({"clients": clients, "identity_providers": [first, first | changes]})
