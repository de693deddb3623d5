"""P7: what the lines of the contract say holds at any path, on a gateway with several servers, whose users and limits are others."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from actors.platform import ALICE, SERVERS, Platform, deployed
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
