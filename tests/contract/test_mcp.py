"""The MCP API: who gets in, what reaches the server behind it, how it answers."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from samples import CONFIGURED
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


@pytest.fixture
async def key(application: Application) -> str:
    return (await application.tokens(Person()))["access_token"]


def challenge_of(response: httpx.Response) -> str:
    assert response.status_code in {401, 403}, response.text
    return response.headers["www-authenticate"]


async def test_M2_without_a_token_the_challenge_has_no_error(application: Application) -> None:
    challenge = challenge_of(await application.call(None))
    assert challenge.startswith("Bearer ")
    metadata = f"{application.gateway_url}/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{metadata}"' in challenge
    assert 'scope="mcp:tools"' in challenge
    assert "error" not in challenge


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_M2_M27_every_method_is_routed_and_challenged(application: Application, method: str, path: str) -> None:
    response = await application.send(method, path)
    assert response.status_code == 401
    assert "resource_metadata" in response.headers["www-authenticate"]


GARBAGE = ["x", "not base64 !", "ÿ", "A" * 20000, "eyJhbGciOiJub25lIn0.e30.", "====", "AQ", "Q" * 86, "%00", "null"]


@pytest.mark.parametrize("token", GARBAGE)
async def test_M2_garbage_is_an_invalid_token(application: Application, token: str) -> None:
    header = b"Bearer " + token.encode("latin-1")
    response = await application.call(None, headers={"Authorization": header})
    assert response.status_code == 401
    assert 'error="invalid_token"' in challenge_of(response)


async def test_M2_other_schemes_are_no_token(application: Application) -> None:
    assert "error" not in challenge_of(await application.call(None, headers={"Authorization": "Basic YTpi"}))


async def test_M2_an_expired_key_is_an_invalid_token(cloud: LocalCloud, application: Application, key: str) -> None:
    cloud.clock.advance(3601)
    assert 'error="invalid_token"' in challenge_of(await application.call(key))


async def test_M23_one_changed_character_anywhere_closes_the_door(application: Application, key: str) -> None:
    assert (await application.call(key)).status_code == 200
    for place in range(len(key)):
        other = "A" if key[place] != "A" else "B"
        response = await application.call(key[:place] + other + key[place + 1 :])
        assert response.status_code == 401, place


@pytest.mark.parametrize("change", [lambda key: key + "A", lambda key: key[:-1], lambda key: key + "=", str.swapcase])
async def test_M23_only_the_exact_text_of_a_key_opens(application: Application, key: str, change: Any) -> None:
    assert (await application.call(change(key))).status_code == 401


async def test_M23_a_refresh_token_is_no_session_key(application: Application) -> None:
    tokens = await application.tokens(Person())
    assert (await application.call(tokens["refresh_token"])).status_code == 401


async def test_M23_tokens_of_entra_do_not_open(cloud: LocalCloud, application: Application) -> None:
    now = int(cloud.clock.now())
    claims = {"iss": cloud.entra.issuer.issuer, "sub": "x", "oid": "x", "aud": "x", "iat": now, "exp": now + 600}
    assert (await application.call(cloud.entra.issuer.sign(claims))).status_code == 401


async def test_M23_a_token_in_the_query_string_is_none(application: Application, key: str) -> None:
    response = await application.call(None, query={"access_token": key})
    assert response.status_code == 401
    assert "error" not in challenge_of(response)


async def test_M23_two_tokens_are_none(application: Application, key: str) -> None:
    headers = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
    response = await application.send("POST", "/mcp", json={}, headers=headers)
    assert response.status_code == 401


class Backend:
    """Stands where the function app is, and remembers what reached it."""

    def __init__(self) -> None:
        self.requests: list[tuple[Request, bytes]] = []
        self.answer: Response | None = None
        self.app = Starlette(routes=[Route("/{path:path}", self.respond, methods=["GET", "POST", "DELETE"])])

    async def respond(self, request: Request) -> Response:
        self.requests.append((request, await request.body()))
        return self.answer or JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})


@pytest.fixture
def backend(cloud: LocalCloud) -> Any:
    host = next(iter(cloud.functions.hosts))
    original = cloud.functions.hosts[host]
    stand_in = Backend()
    cloud.network.serve(host, stand_in.app)
    yield stand_in
    cloud.network.serve(host, original, kind="functions")


async def test_M24_nothing_that_passes_for_a_credential_or_an_identity_goes_on(
    application: Application, key: str, backend: Backend
) -> None:
    forged = {
        "Cookie": "a=b",
        "x-functions-key": "k",
        "X-Functions-ClientId": "x",
        "X-MS-CLIENT-PRINCIPAL": "x",
        "x-ms-client-principal-id": "x",
        "X-MS-TOKEN-AAD-ACCESS-TOKEN": "x",
        "X-ARR-ClientCert": "x",
        "X-ZUMO-AUTH": "x",
        "X-MCP-User-OID": "00000000-0000-0000-0000-000000000000",
        "x-mcp-user-name": "mallory",
        "x-mcp-user-roles": "admin",
        "X-Original-URL": "/admin",
        "Proxy-Authorization": "x",
        "Mcp-Session-Id": "kept",
    }
    response = await application.call(
        key, headers=forged, query={"code": "k", "access_token": "t", "subscription-key": "s", "kept": "1"}
    )
    assert response.status_code == 200, response.text
    [(request, _)] = backend.requests
    assert key not in str(request.headers)
    for name, value in forged.items():
        if name == "Mcp-Session-Id":
            assert request.headers[name] == "kept"
        else:
            assert value not in request.headers.getlist(name), name
    assert request.headers["authorization"].startswith("Bearer eyJ")
    assert request.headers["x-mcp-user-oid"] not in {"", "00000000-0000-0000-0000-000000000000"}
    assert request.headers["x-mcp-user-name"] == "Alice%20Adams"
    assert dict(request.query_params) == {"kept": "1"}


@pytest.mark.parametrize(
    "name",
    [
        "X_Mcp_User_Oid", "x_mcp_user_name", "X-Mcp_User-Oid", "X.Mcp.User.Oid", "X-MCP-USER-ROLES", "x_mcp_caller",
        "X-HTTP-Method", "X_HTTP_Method", "X-HTTP-Method-Override", "X-Method-Override", "x_method_override",
        "Disguised-Host", "disguised_host", "X-Rewrite-Url", "X_Rewrite_URL", "X-Original-URL", "x_original_url",
        "Client-Ip", "client_ip", "True-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "X_Real_IP",
        "X_Forwarded_For", "X-Forwarded-Host", "Forwarded", "X_Functions_Key", "x_ms_client_principal", "X-MS-Client-Principal",
        "Proxy", "Proxy_Authorization", "Remote-User", "X_Remote_User", "X-Auth-User", "SSL_Client_Cert", "Cookie2",
        "secure_mcp_lookup", "Ocp-Apim-Subscription-Key", "Ocp-Apim-Debug-Authorization", "ocp_apim_trace",
        "Remote-Groups", "Remote_Email", "OIDC_CLAIM_sub", "X-Envoy-Original-Path", "x_envoy_external_address", "X-Middleware-Subrequest",
        "X-Consumer-Username", "X-Userinfo", "X-Goog-Authenticated-User-Email", "x_amzn_oidc_data", "Tailscale-User-Login", "Proxy_Client_IP",
        "WL-Proxy-Client-IP", "X-Originating-IP",
    ],
)  # fmt: skip
async def test_M24_A3_no_spelling_of_what_only_a_proxy_says_goes_on(
    application: Application, key: str, backend: Backend, name: str
) -> None:
    response = await application.call(key, headers={name: "forged", "X-MCP-Toolsets": "kept"})
    assert response.status_code == 200, response.text
    [(request, _)] = backend.requests
    assert "forged" not in request.headers.values()
    assert request.headers["x-mcp-toolsets"] == "kept", "what a server takes from its client passes"
    assert request.method == "POST"


async def test_M24_what_a_platform_sends_with_every_call_is_no_flood(
    application: Application, key: str, backend: Backend
) -> None:
    """App Service puts some fifteen of these before whoever runs there."""
    names = [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-TlsVersion", "X-ARR-LOG-ID", "X-ARR-SSL", "X-AppService-Proto",
        "X-SITE-DEPLOYMENT-ID", "X-WAWS-Unencoded-URL", "X-Original-URL", "X-Client-IP", "X-Client-Port", "Client-IP", "Disguised-Host", "Was-Default-Hostname",
    ]  # fmt: skip
    assert (await application.call(key, headers=dict.fromkeys(names, "x"))).status_code == 200


async def test_M24_a_flood_of_foreign_headers_is_refused(application: Application, key: str, backend: Backend) -> None:
    response = await application.call(key, headers={f"x-ms-forged-{n}": "x" for n in range(40)})
    assert response.status_code == 400
    assert backend.requests == []


@pytest.mark.parametrize("status", [401, 403])
async def test_M25_a_refusal_by_the_server_is_a_bad_gateway(
    application: Application, key: str, backend: Backend, status: int
) -> None:
    # A claims challenge of the server's is one as well (https://learn.microsoft.com/entra/identity-platform/claims-challenge).
    for challenge in ("Bearer inner", 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ"'):
        backend.answer = JSONResponse({"secret": "detail"}, status, headers={"WWW-Authenticate": challenge})
        response = await application.call(key)
        assert response.status_code == 502
        assert "www-authenticate" not in response.headers
        assert "detail" not in response.text
        assert "claims" not in response.text


@pytest.mark.parametrize(("status", "shown"), [(500, 502), (501, 502), (502, 502), (503, 503), (504, 504)])
async def test_M25_a_failure_of_the_server_has_none_of_its_words(
    application: Application, key: str, backend: Backend, status: int, shown: int
) -> None:
    """API Management itself would let it through: https://learn.microsoft.com/azure/api-management/forward-request-policy."""
    backend.answer = PlainTextResponse("Traceback: secret detail", status)
    response = await application.call(key)
    assert (response.status_code, response.headers["content-type"]) == (shown, "application/json")
    assert response.json()["error"]["code"] == -32603
    assert "detail" not in response.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 399])
async def test_M25_nobody_is_sent_past_the_gateway(
    application: Application, key: str, backend: Backend, status: int
) -> None:
    """Frameworks do it for a slash at the end, with the host's own name: a client would post its call there, and sign in where that host says."""
    backend.answer = PlainTextResponse("detail", status, headers={"Location": "https://elsewhere.example/mcp/"})
    response = await application.call(key)
    assert (response.status_code, response.json()["error"]["code"]) == (502, -32603)
    assert "location" not in response.headers
    assert "detail" not in response.text


@pytest.mark.parametrize(
    "name",
    ["Alt-Svc", "Clear-Site-Data", "NEL", "Report-To", "Set-Cookie", "WWW-Authenticate", "Server", "X-Powered-By"],
)
async def test_M25_no_server_speaks_for_the_whole_address(
    application: Application, key: str, backend: Backend, name: str
) -> None:
    """The sign-in and other teams' servers are there, too."""
    backend.answer = JSONResponse({"result": 1}, headers={name: "x", "X-Own": "x"})
    response = await application.call(key)
    assert (response.status_code, response.headers["x-own"]) == (200, "x")
    assert name not in response.headers


async def test_M23_no_cache_in_between_gives_an_answer_to_others(
    application: Application, key: str, backend: Backend
) -> None:
    """One in front of the gateway looks at no keys; without these words it would keep nothing of a request with one (RFC 9111, section 3.5)."""
    lasting = {
        "Cache-Control": "public, s-maxage=600",
        "CDN-Cache-Control": "max-age=600",
        "Surrogate-Control": "max-age=600",
    }
    backend.answer = JSONResponse({"result": 1}, headers=lasting)
    for method in ("GET", "POST"):
        headers = {"Authorization": f"Bearer {key}"}
        body = {"json": {"jsonrpc": "2.0", "id": 1, "method": "ping"}} if method == "POST" else {}
        answer = await application.send(method, "/mcp", headers=headers, **body)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert not {"cdn-cache-control", "surrogate-control"} & set(answer.headers)


async def test_M32_what_passes_through_has_strict_transport_security(
    application: Application, key: str, backend: Backend
) -> None:
    backend.answer = JSONResponse({}, headers={"Strict-Transport-Security": "max-age=0"})
    assert (await application.call(key)).headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:6275", "http://LOCALHOST.evil"])
async def test_M26_a_foreign_origin_is_refused(application: Application, key: str, origin: str) -> None:
    response = await application.call(key, headers={"Origin": origin})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


async def test_M26_an_allowed_origin_and_none_are_fine(application: Application, key: str) -> None:
    assert (await application.call(key, headers={"Origin": "http://localhost:6274"})).status_code == 200
    assert (await application.call(key)).status_code == 200


@CONFIGURED
@pytest.mark.parametrize(
    "allowed",
    ["tauri://localhost", "vscode-webview://0abc-d", "chrome-extension://abcdefgh", "capacitor://localhost:81"],
)
async def test_M26_D23_any_serialised_origin_can_be_allowed_and_is_compared_exactly(
    cloud_with: CloudWith, allowed: str
) -> None:
    async with cloud_with(allowedOrigins=json.dumps([allowed, "https://app.example.com"])) as cloud:
        application = Application(cloud.gateway_url)
        key = (await application.tokens(Person()))["access_token"]
        for origin in (allowed, "https://app.example.com"):
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            }
            preflight = await application.send("OPTIONS", "/mcp", headers=asked)
            assert preflight.headers["access-control-allow-origin"] in {origin, "*"}
            called = await application.call(key, headers={"Origin": origin})
            assert called.status_code == 200
            assert called.headers["access-control-allow-origin"] in {origin, "*"}
            assert "access-control-allow-credentials" not in called.headers
        for origin in (
            allowed + "x",
            allowed.upper(),
            allowed + "/",
            "http://localhost",
            "https://localhost",
            "null",
            "https://evil.example",
        ):
            assert (await application.call(key, headers={"Origin": origin})).status_code == 403, origin


async def test_M27_mcp_headers_pass_both_ways(application: Application, key: str, backend: Backend) -> None:
    backend.answer = JSONResponse({}, headers={"Mcp-Session-Id": "out", "MCP-Protocol-Version": "2025-06-18"})
    sent = {
        "Mcp-Session-Id": "in",
        "MCP-Protocol-Version": "2025-06-18",
        "Last-Event-ID": "7",
        "Mcp-Method": "ping",
        "Mcp-Name": "n",
    }
    response = await application.call(key, headers=sent)
    [(request, _)] = backend.requests
    assert {name: request.headers[name] for name in sent} == sent
    assert response.headers["mcp-session-id"] == "out"
    assert response.headers["mcp-protocol-version"] == "2025-06-18"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_M27_get_and_delete_reach_the_server(
    application: Application, key: str, backend: Backend, method: str
) -> None:
    response = await application.send(method, "/mcp", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    [(request, _)] = backend.requests
    assert request.method == method


async def test_M28_events_pass_as_they_come(application: Application, key: str, backend: Backend) -> None:
    import anyio

    async def events() -> AsyncIterator[bytes]:
        yield b"event: message\ndata: first\n\n"
        await anyio.sleep(2)
        yield b"event: message\ndata: second\n\n"

    backend.answer = StreamingResponse(events(), media_type="text/event-stream")
    start = time.monotonic()
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream(
            "POST",
            application.gateway_url + "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
            headers={"Authorization": f"Bearer {key}"},
        ) as response,
    ):
        chunks = response.aiter_bytes()
        assert b"first" in await anext(chunks)
        assert time.monotonic() - start < 1
        assert b"second" in await anext(chunks)


async def test_M29_server_discover_lets_newer_clients_fall_back(application: Application, key: str) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "server/discover"}
    response = await application.call(key, "server/discover", headers=headers)
    assert response.status_code == 400
    without = await application.call(key, "server/discover")
    assert without.status_code not in {202, 401, 403}
    assert without.status_code < 500


async def test_B1_S10_an_unsupported_protocol_version_lists_the_supported_ones(
    application: Application, key: str, backend: Backend
) -> None:
    response = await application.call(key, headers={"MCP-Protocol-Version": "2026-07-28"})
    assert response.status_code == 400
    answer = response.json()
    assert answer["id"] == 1
    assert answer["error"]["code"] == -32022
    assert "2025-11-25" in answer["error"]["data"]["supported"]
    assert backend.requests == []


@pytest.mark.parametrize(
    "body",
    [
        '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"a"}}',
        '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","params":{"name":"a"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"nAME":"b"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{"name":"a"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b"},"params":{"name":"a"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b","name":"a"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b","n\\u0061me":"a"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b", "name" : "a"}}',
    ],
)
async def test_B2_B5_what_servers_may_read_in_two_ways_is_refused(
    application: Application, key: str, backend: Backend, body: str
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    response = await application.send("POST", "/mcp", content=body, headers=headers)
    assert response.status_code == 400
    assert backend.requests == []


@pytest.mark.parametrize(
    "params",
    [
        "",
        ',"params":null',
        ',"params":{}',
        ',"params":{"name":""}',
        ',"params":{"name":["a"]}',
        ',"params":{"tool":"a"}',
    ],
)
async def test_B2_B5_a_call_that_names_no_tool_reaches_no_server(
    cloud: LocalCloud, application: Application, key: str, backend: Backend, params: str
) -> None:
    """One that takes a tool of its own choice would run what no scope and no role was looked up for."""
    cloud.gateway.traces.clear()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = '{"jsonrpc":"2.0","id":7,"method":"tools/call"' + params + "}"
    response = await application.send("POST", "/mcp", content=body, headers=headers)
    assert (response.status_code, response.json()["id"], response.json()["error"]["code"]) == (400, 7, -32602)
    assert backend.requests == []
    told = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    assert [(event["event"], event["outcome"], event["reason"]) for event in told] == [("tool", "refused", "name")]


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": 'a quote " and a name "name": in it', "name": "Name", "Method": {"Params": 1}},
        {"text": "a backslash at its end \\", "list": [{"name": 1}, {"name": 2}], "": "", '"': 'quoted \\" name'},
        {"time": "2024-02-29T01:02:03Z", "number": 1e300, "é": "ü😀\u0000"},
    ],
)
async def test_B2_B5_what_a_tool_is_given_may_look_like_anything(
    application: Application, key: str, backend: Backend, arguments: dict[str, Any]
) -> None:
    params = {"name": "save", "arguments": arguments, "_meta": {"progressToken": "p"}}
    assert (await application.call(key, "tools/call", params)).status_code == 200
    _, body = backend.requests[0]
    assert json.loads(body)["params"] == params


async def test_M30_too_little_scope_is_a_challenge_but_expiry_comes_first(
    cloud: LocalCloud, application: Application
) -> None:
    tokens = await application.tokens(Person())
    cloud.cosmos.edit("session-", scope="other")
    cloud.gateway.cache.clear()
    response = await application.call(tokens["access_token"])
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in challenge_of(response)
    cloud.clock.advance(3601)
    assert (await application.call(tokens["access_token"])).status_code == 401


@pytest.mark.parametrize("path", ["/mcp", "/token", "/register", "/revoke", "/.well-known/oauth-protected-resource"])
async def test_S1_browsers_may_call_from_allowed_origins(application: Application, path: str) -> None:
    asked = {
        "Origin": "http://localhost:6274",
        "Access-Control-Request-Method": "POST" if "well-known" not in path else "GET",
        "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
    }
    response = await application.send("OPTIONS", path, headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "http://localhost:6274"
    allowed = response.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "mcp-protocol-version"))
    foreign = await application.send("OPTIONS", path, headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers


MCP_HEADERS = ("mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "last-event-id")


async def test_S1_mcp_headers_and_the_parameters_that_a_server_declares(cloud_with: CloudWith) -> None:
    async with cloud_with(mcpParamHeaders='["Region"]', allowedOrigins='["https://app.example.com"]') as cloud:
        application = Application(cloud.gateway_url)
        asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = ",".join([*MCP_HEADERS, "mcp-param-region"])
        response = await application.send("OPTIONS", "/mcp", headers=asked)
        allowed = response.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in (*MCP_HEADERS, "mcp-param-region"))
        key = (await application.tokens(Person()))["access_token"]
        for token in (key, None, "x"):
            answer = await application.call(token, headers={"Origin": "https://app.example.com"})
            exposed = answer.headers["access-control-expose-headers"].lower()
            assert all(name in exposed for name in ("www-authenticate", "mcp-session-id", "mcp-protocol-version")), (
                token
            )


async def test_S1_the_challenge_can_be_read_by_a_browser(application: Application) -> None:
    response = await application.call(None, headers={"Origin": "http://localhost:6274"})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "http://localhost:6274"
    assert "www-authenticate" in response.headers["access-control-expose-headers"].lower()


async def test_S11_the_server_hears_who_the_user_is(cloud: LocalCloud, backend: Backend) -> None:
    seen = []
    for name in ("alice", "bob"):
        application = Application(cloud.gateway_url)
        tokens = await application.tokens(Person(name))
        await application.call(tokens["access_token"])
        seen.append(backend.requests[-1][0].headers["x-mcp-user-oid"])
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"x"',
        b"\xff",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        b"{}",
        b'{"jsonrpc":2.0}',
    ],
)
async def test_a_body_that_is_no_message_is_refused_before_the_server(
    application: Application, key: str, backend: Backend, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    response = await application.send("POST", "/mcp", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32700
    assert backend.requests == []


async def test_the_body_reaches_the_server_as_it_was_sent(application: Application, key: str, backend: Backend) -> None:
    body = b'{"jsonrpc":"2.0", "id":1,\n"method":"tools/call","params":{"name":"save","at":"2026-01-02T03:04:05+01:00","n":1.10}}'
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    await application.send("POST", "/mcp", content=body, headers=headers)
    assert backend.requests[0][1] == body
