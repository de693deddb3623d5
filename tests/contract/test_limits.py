"""Rate limits and sizes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from samples import CONFIGURED
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


async def test_S7_each_limit_answers_429_with_retry_after(cloud_with: CloudWith) -> None:
    async with cloud_with(signInRateLimit="5", mcpRateLimit="4") as cloud:
        application, person = Application(cloud.gateway_url), Person()
        tokens = await application.tokens(person)
        for attempt in range(4):
            assert (await application.call(tokens["access_token"])).status_code == 200, attempt
        refused = await application.call(tokens["access_token"])
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["error"]["message"]

        for method, path in [("POST", "/register"), ("GET", "/authorize"), ("POST", "/token"), ("POST", "/revoke")]:
            answers = [await application.send(method, path) for _ in range(6)]
            assert answers[-1].status_code == 429, path
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        page = await application.send("GET", "/authorize")
        assert page.headers["content-type"].startswith("text/html")

        cloud.clock.advance(61)
        assert (await application.call(tokens["access_token"])).status_code == 200
        assert (await application.send("POST", "/token")).status_code == 400


async def test_S7_the_limit_of_the_mcp_api_is_each_users_own(cloud_with: CloudWith) -> None:
    async with cloud_with(mcpRateLimit="3") as cloud:
        alice, bob = Application(cloud.gateway_url), Application(cloud.gateway_url)
        hers = (await alice.tokens(Person("alice")))["access_token"]
        his = (await bob.tokens(Person("bob")))["access_token"]
        assert [(await alice.call(hers)).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert (await bob.call(his)).status_code == 200


def refusals(cloud: LocalCloud) -> list[object]:
    return [
        event
        for trace in cloud.gateway.traces
        for event in trace.events("secure-mcp.audit")
        if event["event"] == "mcp" and event["outcome"] == "refused"
    ]


def counted(cloud: LocalCloud) -> int:
    return sum(m["name"] == "Refusals past a limit" for trace in cloud.gateway.traces for m in trace.metrics)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, {"Origin": "https://evil.example"}],
    ids=["no key", "a wrong key", "another scheme", "a foreign origin"],
)
async def test_M40_A1_failing_is_not_free(cloud_with: CloudWith, headers: dict[str, str]) -> None:
    async with cloud_with(signInRateLimit="1") as cloud:
        application = Application(cloud.gateway_url)
        answers = [await application.call(None, headers=headers) for _ in range(15)]
        assert [answer.status_code for answer in answers[10:]] == [429] * 5
        assert 429 not in [answer.status_code for answer in answers[:10]]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert len(refusals(cloud)) <= 10, "past the limit nothing is logged one by one"
        assert counted(cloud) == 5
        cloud.clock.advance(61)
        assert (await application.call(None)).status_code == 401


async def test_M40_who_has_a_key_is_not_disturbed_by_who_fails_at_the_same_address(cloud_with: CloudWith) -> None:
    async with cloud_with(signInRateLimit="5") as cloud:
        application = Application(cloud.gateway_url)
        key = (await application.tokens(Person()))["access_token"]
        assert [(await application.call(None)).status_code for _ in range(51)][-1] == 429
        assert [(await application.call(key)).status_code for _ in range(5)] == [200] * 5


@CONFIGURED
@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration/mcp",
    ],
)
async def test_M40_A1_well_knowns_are_limited_generously(cloud_with: CloudWith, path: str) -> None:
    async with cloud_with(signInRateLimit="1") as cloud:
        application = Application(cloud.gateway_url)
        answers = [await application.send("GET", path) for _ in range(12)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert counted(cloud) == 2
        # The gateway's own question about a server is not an address's.
        await application.register()
        assert (await Person().request("GET", application.authorize_url())).status_code == 200


async def test_sizes_a_long_query_is_refused_by_the_platform(application: Application) -> None:
    await application.register()
    response = await application.send("GET", application.authorize_url(state="x" * 2100))
    assert 400 <= response.status_code < 500
    assert "location" not in response.headers


async def test_sizes_the_longest_flow_stays_below_the_limit_of_the_query_string(application: Application) -> None:
    application.redirect_uri = "https://app.example.com/" + "r" * 480
    await application.register(client_name="n" * 100)
    person = Person()
    end = await person.sign_in(application.authorize_url(state="s" * 500))
    assert isinstance(end, str)
    for response in person.visited:
        assert len(response.request.url.query) <= 2048, response.request.url


@pytest.mark.parametrize("chunked", [False, True])
async def test_sizes_a_message_of_more_than_2_mib_is_refused(application: Application, chunked: bool) -> None:
    key = (await application.tokens(Person()))["access_token"]
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"' + b"x" * (2 * 1024 * 1024) + b'"}}'

    async def pieces() -> object:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    response = await application.send("POST", "/mcp", content=pieces() if chunked else body, headers=headers)
    assert response.status_code in {400, 413}


async def test_sizes_a_message_of_just_under_2_mib_passes(application: Application) -> None:
    key = (await application.tokens(Person()))["access_token"]
    response = await application.call(key, "ping", {"x": "x" * (2 * 1024 * 1024 - 200)})
    assert response.status_code == 200, response.text


BY_ADDRESS = {
    "POST /register": 1, "GET /authorize": 1, "GET /consent": 1, "POST /consent": 1, "GET /oauth-callback": 1, "POST /token": 1,
    "POST /revoke": 1, "GET /": 1, "POST /sessions/end": 1, "POST /sessions/list": 1, "POST /mcp": 10,
    "GET /.well-known/oauth-authorization-server": 10, "GET /.well-known/oauth-protected-resource/mcp": 10,
}  # fmt: skip
"""Every operation that is limited by its caller's address, and how often one may call where signInRateLimit is 1. Nobody has a key here."""


async def refused(cloud: LocalCloud, call: str, first: str, *others: str) -> list[bool]:
    """Which other addresses are past the limit of an operation when the first one has used it up, within the same minute."""
    method, path = call.split()
    found: list[bool] = []
    for address in [*[first] * BY_ADDRESS[call], *others]:
        transport = httpx.ASGITransport(cloud.gateway.app, client=(address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=cloud.gateway_url) as client:
            found.append((await client.request(method, path)).status_code == 429)
    assert not any(found[: BY_ADDRESS[call]])
    cloud.clock.advance(61)
    return found[BY_ADDRESS[call] :]


async def test_S7_M40_an_ipv6_network_is_one_caller(cloud_with: CloudWith) -> None:
    async with cloud_with(signInRateLimit="1", operators='["00000000-0000-4000-8000-0000000000aa"]') as cloud:
        for call in BY_ADDRESS:
            network = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:DB8:0001:0002:ffff:ffff:ffff:ffff"]
            assert all(await refused(cloud, call, *network)), call
            networks = ["2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:0:2::1", "::1"]
            assert not any(await refused(cloud, call, *networks)), call
            assert all(await refused(cloud, call, "192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201")), call
            assert not any(await refused(cloud, call, "::ffff:192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3")), call
            assert all(await refused(cloud, call, "fe80::1%3", "fe80::1%4", "fe80::2")), call
            assert all(await refused(cloud, call, "192.0.2.1:443", "192.0.2.1:444", "unknown", "")), call
