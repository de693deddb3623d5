"""P7: what the lines of the contract say holds at any path, on a gateway with several servers, whose users and limits are others."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from actors.platform import ALICE, SECRET, SERVERS, Platform, deployed
from actors.signer import ASSERTION_TYPE, Signer
from secure_mcp_local.testing import Application, Person, answer_of

PATHS = ["notes", "teams/calendar"]
AT = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with deployed(tmp_path_factory.mktemp("stacks")) as platform:
        yield platform


@pytest.fixture
async def signed_in(platform: Platform, path: str) -> tuple[Application, dict[str, Any]]:
    application = platform.application(path)
    return application, await application.tokens(Person())


def events(platform: Platform) -> list[dict[str, str]]:
    return [event for trace in platform.cloud.gateway.traces for event in trace.events("secure-mcp.audit")]


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def page(application: Application, person: Person | None = None, **changes: str | None) -> httpx.Response:
    return await (person or Person()).request(
        "GET", application.authorize_url(**changes), headers={"Sec-Fetch-Site": "none"}
    )


@AT
async def test_P7_M3_M20_metadata_and_answers_have_the_scopes_of_the_server(platform: Platform, path: str) -> None:
    application = platform.application(path)
    metadata = (await application.send("GET", f"/.well-known/oauth-authorization-server/{path}")).json()
    assert metadata["issuer"] == application.gateway_url
    assert metadata["scopes_supported"] == [*SERVERS[path]["mcp_scopes"], "offline_access"]
    application.scope = f"openid {application.scope} offline_access"
    assert (await application.tokens(Person()))["scope"] == f"{SERVERS[path]['mcp_scopes'][0]} offline_access"


@AT
async def test_P7_M6_a_secret_that_was_used_must_be_shown(platform: Platform, path: str) -> None:
    application = platform.application(path)
    secret = (await application.register()).json()["client_secret"]
    code = await application.code(Person())
    tokens = (await application.exchange(code, client_secret=secret)).json()
    assert error(await application.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert (await application.refresh(tokens["refresh_token"], client_secret=secret)).status_code == 200


@AT
async def test_P7_M5_registration_is_the_gateways_and_as_strict(platform: Platform, path: str) -> None:
    application = platform.application(path)
    for uri in (
        "http://app.example.com/cb",
        "https://a:b@app.example.com/",
        "cursor://a:b@c/",
        "https://app.example.com/cb?code=1",
    ):
        assert error(await application.register(redirect_uris=[uri])) == (400, "invalid_redirect_uri")
    many = [f"http://127.0.0.1:{port}/cb" for port in range(4000, 4011)]
    assert (await application.register(redirect_uris=many)).status_code == 201
    assert (
        await application.send("POST", "/register", content=b"{}", headers={"Content-Type": "text/plain"})
    ).status_code == 400


@AT
async def test_P7_M12_entra_hears_of_the_server_and_nothing_of_the_client(platform: Platform, path: str) -> None:
    application, person = platform.application(path), Person()
    await application.register()
    response = await person.submit(
        await page(application, person, prompt="select_account", login_hint="x", claims="{}")
    )
    upstream = parse_qs(urlsplit(response.headers["location"]).query)
    assert upstream["prompt"] == ["select_account"]
    assert not {"resource", "login_hint", "claims"} & set(upstream)
    [server] = [scope for scope in upstream["scope"][0].split() if scope.endswith("/.default")]
    others = [one for one in SERVERS if one != path]
    assert SERVERS[path]["mcp_scopes"][0] not in upstream["scope"][0].split()
    for other in others:
        elsewhere = platform.application(other)
        await elsewhere.register()
        location = (await person.submit(await page(elsewhere, person))).headers["location"]
        assert server not in parse_qs(urlsplit(location).query)["scope"][0]


@AT
async def test_P7_C1_a_client_that_publishes_itself_and_its_key(platform: Platform, path: str) -> None:
    signer = Signer(now=platform.cloud.clock.now)
    client_id = f"https://claude.ai/{path.replace('/', '-')}.json"

    async def document(scope: Scope, receive: Receive, send: Send) -> None:
        content = {
            "client_id": client_id, "client_name": "Published", "redirect_uris": ["http://127.0.0.1:53682/callback"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": signer.jwks,
        }  # fmt: skip
        await JSONResponse(content)(scope, receive, send)

    platform.cloud.network.serve("claude.ai", document)
    application = platform.application(path, client_id=client_id)

    def proof() -> dict[str, str]:
        assertion = signer.assertion(client_id, application.gateway_url)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}

    code = await application.code(Person())
    assert error(await application.exchange(code)) == (401, "invalid_client")
    tokens = (await application.exchange(code, **proof())).json()
    assert (await application.call(tokens["access_token"])).status_code == 200
    assert error(await application.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert (await application.refresh(tokens["refresh_token"], **proof())).status_code == 200


@AT
async def test_P7_C2_a_client_of_the_configuration_uses_every_server(platform: Platform, path: str) -> None:
    application = platform.application(path, client_id="agent", redirect_uri="https://agents.example.com/cb")
    code = await application.code(Person())
    assert error(await application.exchange(code, client_secret=SECRET[1:])) == (401, "invalid_client")
    tokens = (await application.exchange(code, client_secret=SECRET)).json()
    assert (await application.call(tokens["access_token"])).status_code == 200
    # Known to the organisation: errors go to it at once (M9).
    heard = answer_of((await page(application, response_type="x")).headers["location"])
    assert heard["error"] == "unsupported_response_type"


@AT
async def test_P7_M8_M9_who_hears_of_errors_and_how(platform: Platform, path: str) -> None:
    local = platform.application(path)
    await local.register()
    assert (await page(local, redirect_uri="https://evil.example/")).status_code == 400
    heard = await page(local, response_type="x")
    answer = answer_of(heard.headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == ("unsupported_response_type", local.state, local.gateway_url)  # fmt: skip
    stranger = platform.application(path, redirect_uri="https://evil.example/x")
    await stranger.register()
    response = await page(stranger, response_type="x")
    assert (response.status_code, "location" in response.headers) == (400, False)


@AT
async def test_P7_M13_M39_consent_names_the_server_and_is_remembered_where_it_may_be(
    platform: Platform, path: str
) -> None:
    for redirect, remembered in (("https://app.example.com/cb", True), ("http://localhost:1/cb", False)):
        application, person = platform.application(path, redirect_uri=redirect), Person()
        await application.register()
        assert SERVERS[path]["display_name"].replace("&", "&amp;") in (await page(application, person)).text
        await application.code(person)
        assert ((await page(application, person)).status_code == 302) is remembered


@AT
async def test_P7_M17_M19_a_code_presented_twice_ends_its_session_on_record(platform: Platform, path: str) -> None:
    application = platform.application(path)
    await application.register()
    code = await application.code(Person())
    answers = await asyncio.gather(*(application.exchange(code) for _ in range(4)))
    for answer in answers:
        if answer.status_code == 200:
            assert (await application.call(answer.json()["access_token"])).status_code == 401
    refused = [event for event in events(platform) if (event["event"], event["outcome"]) == ("token", "refused")]
    assert refused[-1]["client"] == application.client_id
    assert error(await application.refresh("x")) == (400, "invalid_grant")


@AT
async def test_P7_M22_M35_refresh_tokens_rotate_and_entra_is_asked_for_this_server(
    platform: Platform, signed_in: tuple[Application, dict[str, Any]]
) -> None:
    application, first = signed_in
    second = (await application.refresh(first["refresh_token"])).json()
    again = await application.refresh(first["refresh_token"])
    assert again.status_code == 200, "within the grace"
    third = (await application.refresh(second["refresh_token"])).json()
    assert error(await application.refresh(third["refresh_token"], scope="mail")) == (400, "invalid_scope")
    assert error(await application.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert (await application.call(third["access_token"])).status_code == 401
    tokens = await application.tokens(person := Person())
    platform.cloud.entra.revoke(platform.cloud.entra.user(person.name))
    assert error(await application.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


@AT
async def test_P7_M24_M34_what_reaches_the_host_is_what_was_checked(
    platform: Platform, path: str, signed_in: tuple[Application, dict[str, Any]]
) -> None:
    application, tokens = signed_in
    platform.seen.clear()
    forged = {"X_Mcp_User_Oid": "someone", "X-HTTP-Method": "PUT", "Cookie": "a=b", "x-functions-key": "k"}
    assert (await application.call(tokens["access_token"], headers=forged)).status_code == 200
    [(port, headers)] = platform.seen
    assert int(port) == 20 + list(SERVERS).index(path)
    assert headers["x-mcp-user-oid"] == ALICE
    assert not {"x_mcp_user_oid", "x-http-method", "cookie", "x-functions-key"} & set(headers)
    sent = {"Authorization": f"Bearer {tokens['access_token']}", "Content-Type": "application/json"}
    lax = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a",name:"b"}}'
    assert (await application.send("POST", f"/{path}", content=lax, headers=sent)).status_code == 400
    mismatch = await application.call(tokens["access_token"], "tools/call", {"name": "a"}, headers={"Mcp-Name": "b"})
    assert mismatch.status_code == 400
    assert len(platform.seen) == 1


async def test_P7_M26_S1_origins_are_the_servers_own(platform: Platform) -> None:
    headers = {"Origin": "https://notes.example.com"}
    for path, status in (("notes", 401), ("teams/calendar", 403)):
        answer = await platform.application(path).call(None, headers=headers)
        assert answer.status_code == status
        assert ("access-control-allow-origin" in answer.headers) is (status == 401)


@pytest.mark.parametrize("suffix", ["/sse", "/message"])
async def test_P7_M33_the_deprecated_transport_is_where_it_was_asked_for(platform: Platform, suffix: str) -> None:
    method = "GET" if suffix == "/sse" else "POST"
    found = {path: (await platform.application(path).send(method, f"/{path}{suffix}")).status_code for path in ("mail", *PATHS)}  # fmt: skip
    assert found == {"mail": 401, "notes": 404, "teams/calendar": 404}


@AT
async def test_P7_M32_S8_every_answer_is_for_https_and_keys_live_half_an_hour(
    platform: Platform, path: str, signed_in: tuple[Application, dict[str, Any]]
) -> None:
    application, tokens = signed_in
    assert 1790 <= tokens["expires_in"] <= 1800
    for answer in (await application.call(tokens["access_token"]), await application.call(None)):
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    platform.cloud.clock.advance(1801)
    assert (await application.call(tokens["access_token"])).status_code == 401


@AT
async def test_P7_M37_M38_revocation_and_operators_end_it(
    platform: Platform, signed_in: tuple[Application, dict[str, Any]]
) -> None:
    application, tokens = signed_in
    form = {"token": tokens["access_token"], "client_id": application.client_id}
    assert (await application.send("POST", "/revoke", data=form)).status_code == 200
    assert (await application.call(tokens["access_token"])).status_code == 401
    tokens = await application.tokens(Person())
    async with httpx.AsyncClient(trust_env=False) as http:
        url = platform.cloud.gateway_url + "/sessions/end"
        uri, resource = (await http.post(url)).headers["www-authenticate"].split('"')[1::2]
        token = (await http.get(f"{uri}/local/azure-cli/{resource}/alice")).json()["accessToken"]
        answer = await http.post(url, data={"client": application.client_id}, headers={"Authorization": f"Bearer {token}"})  # fmt: skip
        assert answer.status_code == 200
    platform.cloud.clock.advance(61)
    assert (await application.call(tokens["access_token"])).status_code == 401
    assert error(await application.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


@AT
async def test_P7_M19_client_authentication_is_challenged_by_its_own_scheme(platform: Platform, path: str) -> None:
    application = platform.application(path)
    pair = base64.b64encode(b"unknown:secret").decode()
    form = {"grant_type": "refresh_token", "refresh_token": "x", "resource": application.resource}
    answer = await application.send("POST", "/token", data=form, headers={"Authorization": f"Basic {pair}"})
    assert error(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_P7_M36_what_one_server_takes_away_is_gone_there(platform: Platform) -> None:
    wide = platform.application("notes", scope="notes notes:write")
    narrow = platform.application("notes", scope="notes:write")
    beside = platform.application("teams/calendar")
    tokens = [await application.tokens(Person()) for application in (wide, narrow, beside)]
    notes = '"mcp_scopes": ["notes", "notes:write"], "tool_scopes": {"save": "notes:write"}'
    async with platform.edited("notes", notes, '"mcp_scopes": ["notes"]'):
        assert (await wide.refresh(tokens[0]["refresh_token"])).json()["scope"] == "notes"
        assert error(await narrow.refresh(tokens[1]["refresh_token"])) == (400, "invalid_grant")
        assert (await narrow.call(tokens[1]["access_token"])).status_code == 401
        assert (await beside.refresh(tokens[2]["refresh_token"])).json()["scope"] == "calendar"


async def test_P7_M36_a_client_that_the_gateway_takes_away_is_gone_everywhere(platform: Platform) -> None:
    applications = [platform.application(path, redirect_uri="https://a.example/c") for path in PATHS]
    kept = platform.application("notes")
    tokens = [await application.tokens(Person()) for application in (*applications, kept)]
    async with platform.edited("gateway", '"operators"', '"allowed_clients": ["127.0.0.1"], "operators"'):
        for application, given in zip(applications, tokens, strict=False):
            assert error(await application.refresh(given["refresh_token"])) == (400, "invalid_grant")
            assert (await application.call(given["access_token"])).status_code == 401
        assert (await kept.refresh(tokens[-1]["refresh_token"])).status_code == 200


async def test_P7_M40_failing_is_counted_for_all_servers_together_and_disturbs_nobody_with_a_key(
    platform: Platform,
) -> None:
    applications = [platform.application(path) for path in PATHS]
    keys = [(await application.tokens(Person()))["access_token"] for application in applications]
    async with platform.edited("gateway", '"sign_in_rate_limit": 100000', '"sign_in_rate_limit": 1'):
        answers = [(await applications[turn % 2].call("x")).status_code for turn in range(14)]
        assert answers == [401] * 10 + [429] * 4
        assert [(await each.call(key)).status_code for each, key in zip(applications, keys, strict=True)] == [200, 200]
        known = [await applications[0].send("GET", f"/.well-known/oauth-protected-resource/{PATHS[turn % 2]}") for turn in range(12)]  # fmt: skip
        assert [answer.status_code for answer in known] == [200] * 10 + [429] * 2
