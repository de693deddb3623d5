"""What can be wrong with a gateway, by the check of the doctor that finds it."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from actors.flawed_gateway import (
    Flaw,
    Forward,
    answers,
    deaf,
    fields_of,
    forgetful,
    header,
    hears,
    members,
    on,
    says,
    text,
    with_header,
)
from secure_mcp_local.doctor.checks.grants import ASSERTIONS, PROFILE, WORKLOADS

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJlbnRyYSJ9.c2lnbmF0dXJl"
PRM, PRM_ROOT = "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"
ASM = "/.well-known/oauth-authorization-server"
TOKENS = {"access_token": "k" * 60, "refresh_token": "r" * 60, "token_type": "Bearer", "expires_in": 60, "scope": "x"}


def oauth_error(matches: Callable[[httpx.Request], bool], error: str, status: int = 400) -> Flaw:
    return answers(matches, status, json={"error": error}, headers={"Cache-Control": "no-store"})


def tokens_for(matches: Callable[[httpx.Request], bool]) -> Flaw:
    return answers(matches, 200, json=TOKENS, headers={"Cache-Control": "no-store"})


def location(matches: Callable[[httpx.Request], bool], change: Callable[[str], str]) -> Flaw:
    """Some redirects lead somewhere else."""

    def changed(response: httpx.Response) -> None:
        if "location" in response.headers:
            response.headers["location"] = change(response.headers["location"])

    return says(matches, changed)


def query(**changes: str | None) -> Callable[[str], str]:
    """A change of parameters of an address; None leaves one out."""

    def change(url: str) -> str:
        parameters = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | changes
        kept = {name: value for name, value in parameters.items() if value is not None}
        return f"{url.partition('?')[0]}?{urlencode(kept)}"

    return change


def echoes_host(request: httpx.Request) -> bool:
    return request.headers["host"] == "doctor.invalid"


def takes_any_redirect(request: httpx.Request) -> bool:
    return request.url.path == "/register" and b"javascript:" in request.content.lower()


def twice(name: str) -> Callable[[httpx.Request], bool]:
    return lambda request: len(parse_qs((request.content or request.url.query).decode()).get(name, [])) > 1


def message(method: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.url.path == "/mcp" and f'"{method}"'.encode() in request.content


def keyed(request: httpx.Request) -> bool:
    return request.url.path == "/mcp" and request.headers.get("authorization", "").startswith("Bearer ")


def result(**members: object) -> dict[str, object]:
    return {"json": {"jsonrpc": "2.0", "id": 1, "result": members}}


def forgery(request: httpx.Request) -> bool:
    return request.url.path == "/consent" and (
        "cookie" not in request.headers or "invalid" in request.headers["origin"]
    )


def as_own_client(*paths: str) -> Flaw:
    """The gateway does not look whose token it is: every client passes for the first."""
    known: list[str] = []

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.url.path in {"/token", *paths} and (sent := fields_of(request).get("client_id", "")):
            known.append(sent)
        if request.url.path in paths and known:
            return await hears(on(request.url.path), client_id=known[0])(request, forward)
        return await forward(request)

    return flaw


def widened(response: httpx.Response) -> None:
    response.headers["set-cookie"] = response.headers.get("set-cookie", "").replace("__Host-", "")


# For each check, gateways at which it must fail. Factories, because some flaws remember.
FLAWS: dict[str, list[Callable[[], Flaw]]] = {
    "challenge": [
        lambda: header(on("/mcp"), "www-authenticate", None),
        lambda: header(on("/mcp"), "www-authenticate", lambda value: value.replace("scope", "scape")),
        lambda: header(on("/mcp"), "www-authenticate", lambda value: value + ', error="invalid_token"'),
        lambda: header(on("/mcp"), "www-authenticate", lambda value: value.replace("/mcp", "/other")),
        lambda: answers(on("/mcp"), 403),
        lambda: answers(on("/mcp"), 200, **result()),
    ],
    "methods": [lambda: answers(on("/mcp", "GET"), 200, text="data:"), lambda: answers(on("/mcp", "DELETE"), 404)],
    "garbage": [
        lambda: answers(with_header(on("/mcp"), "authorization", "Bearer AAAA"), 500),
        lambda: header(on("/mcp"), "www-authenticate", lambda value: value.partition(", error")[0]),
    ],
    "foreign-jwt": [lambda: answers(with_header(on("/mcp"), "authorization", "Bearer eyJ"), 200, **result())],
    "query-token": [
        lambda: answers(on("/mcp", access_token="*"), 200, **result()),
        lambda: answers(on("/mcp", access_token="*"), 401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}),
    ],
    "origin": [
        lambda: deaf(on("/mcp"), "origin"),
        lambda: header(on("/mcp"), "access-control-allow-origin", "*"),
    ],
    "host": [
        lambda: answers(echoes_host, 200, json={"resource": "https://doctor.invalid/mcp"}),
        lambda: answers(echoes_host, 401, headers={"WWW-Authenticate": 'Bearer resource_metadata="https://doctor.invalid"'}),
    ],
    "cors-foreign": [lambda: header(on("*", "OPTIONS"), "access-control-allow-origin", "*")],
    "cors-allowed": [
        lambda: header(on("/mcp", "POST"), "access-control-expose-headers", None),
        lambda: header(on("/mcp", "POST"), "access-control-allow-origin", None),
        lambda: header(on("/token", "OPTIONS"), "access-control-allow-origin", None),
        lambda: header(on("/mcp", "OPTIONS"), "access-control-allow-headers", "content-type"),
    ],
    "resource-metadata": [
        lambda: text(on(PRM), '/mcp"', '/mcp/"'),
        lambda: answers(on(PRM_ROOT), 401),
        lambda: members(on(PRM), authorization_servers=[]),
        lambda: header(on(PRM), "content-type", "text/html"),
    ],
    "server-metadata": [
        lambda: members(on(ASM), issuer="http://localhost/"),
        lambda: members(on(ASM), response_types_supported=...),
        lambda: members(on(ASM), grant_types_supported=["authorization_code", "password"]),
        lambda: members(on(ASM), grant_types_supported=...),
        lambda: answers(on(ASM), 500),
        lambda: answers(on(ASM), 200, text="<html>"),
    ],
    "pkce-advertised": [
        lambda: members(on(ASM), code_challenge_methods_supported=["S256", "plain"]),
        lambda: members(on(ASM), code_challenge_methods_supported=...),
    ],
    "public-clients": [
        lambda: members(on(ASM), token_endpoint_auth_methods_supported=...),
        lambda: members(on(ASM), token_endpoint_auth_methods_supported=["client_secret_basic"]),
    ],
    "endpoints": [
        lambda: answers(on("/revoke"), 404),
        lambda: answers(on("/register"), 500),
        lambda: members(on(ASM), token_endpoint=...),
        lambda: members(on(ASM), jwks_endpoint="http://doctor.invalid/keys"),
    ],
    "issuer-parameter": [lambda: members(on(ASM), authorization_response_iss_parameter_supported=...)],
    "aliases": [
        lambda: answers(on("/.well-known/openid-configuration"), 404),
        lambda: members(on(ASM + "/mcp"), issuer="https://other.invalid"),
    ],
    "unknown-well-knowns": [lambda: answers(on("/.well-known/secure-mcp-doctor"), 401)],
    "register": [
        lambda: oauth_error(on("/register"), "invalid_redirect_uri"),
        lambda: members(on("/register"), client_secret="s"),
        lambda: members(on("/register"), client_id=...),
        lambda: header(on("/register"), "cache-control", None),
    ],
    "register-echo": [
        lambda: members(on("/register"), client_uri=""),
        lambda: members(on("/register"), token_endpoint_auth_method="none"),
        lambda: members(on("/register"), client_secret=...),
        lambda: members(on("/register"), redirect_uris=["https://doctor.invalid/callback"]),
        lambda: members(on("/register"), client_name="another"),
    ],
    "register-refuses": [
        lambda: answers(takes_any_redirect, 201, json={"client_id": "x"}),
        lambda: answers(takes_any_redirect, 500),
    ],
    "register-garbage": [
        lambda: answers(lambda r: r.url.path == "/register" and not r.content.startswith(b"{"), 500),
        lambda: answers(lambda r: r.url.path == "/register" and len(r.content) > 60000, 201, json={"client_id": "x"}),
    ],
    "unknown-client": [
        lambda: answers(on("/authorize", client_id=""), 302, headers={"Location": "http://127.0.0.1/callback?error=x"}),
        lambda: text(on("/authorize"), "</h1>", "</h1> secure-mcp-doctor-<i>"),
    ],
    "redirect-mismatch": [
        lambda: answers(on("/authorize", redirect_uri="https://doctor.invalid/elsewhere"), 302, headers={"Location": "/"}),
        lambda: answers(on("/authorize", redirect_uri="javascript:alert(1)"), 200, text="fine"),
        lambda: answers(lambda r: b"%3A444" in r.url.query, 200, text="fine"),
    ],
    "loopback-port": [lambda: answers(on("/authorize", redirect_uri="http://127.0.0.1:1/callback"), 400)],
    "pkce-required": [
        lambda: hears(on("/authorize", code_challenge=""), code_challenge="c" * 43, code_challenge_method="S256"),
        lambda: hears(on("/authorize", code_challenge="short"), code_challenge="c" * 43),
        lambda: answers(on("/authorize", code_challenge=""), 400, text="no redirect"),
    ],
    "plain-refused": [
        lambda: hears(on("/authorize", code_challenge_method="plain"), code_challenge_method="S256"),
        lambda: hears(on("/authorize", code_challenge_method=""), code_challenge_method="S256"),
    ],
    "wrong-resource": [lambda: hears(on("/authorize", resource="*"), resource=None)],
    "resource-tolerated": [lambda: answers(on("/authorize", resource=""), 400)],
    "later-errors": [
        lambda: location(on("/authorize"), query(iss=None)),
        lambda: location(on("/authorize"), query(iss="https://other.invalid")),
        lambda: location(on("/authorize"), query(state="a b/c==%")),
        lambda: location(on("/authorize"), query(code="x")),
        lambda: hears(on("/authorize", response_type=""), response_type="code"),
        lambda: location(on("/authorize", scope="secure-mcp-doctor"), query(error="invalid_request")),
    ],
    "repeated-parameters": [
        lambda: hears(twice("redirect_uri")),
        lambda: hears(twice("code_challenge_method"), code_challenge_method="S256"),
    ],
    "consent": [
        lambda: answers(on("/authorize"), 302, headers={"Location": "https://login.microsoftonline.com/"}),
        lambda: text(on("/authorize"), "&lt;i&gt;", "<i>"),
        lambda: text(on("/authorize"), "doctor.invalid", "somewhere"),
        lambda: text(on("/authorize"), "mcp:tools", ""),
        lambda: text(on("/authorize"), 'value="deny"', 'value="x"'),
        lambda: answers(on("/authorize"), 200, html="<p>Sign in</p>"),
    ],
    "consent-headers": [
        lambda: header(on("/authorize"), "content-security-policy", None),
        lambda: header(on("/authorize"), "content-security-policy", "default-src 'none'"),
        lambda: header(on("/authorize"), "content-security-policy", lambda v: v + "; script-src 'unsafe-inline'"),
        lambda: header(on("/authorize"), "x-frame-options", "SAMEORIGIN"),
        lambda: header(on("/authorize"), "cache-control", "private"),
        lambda: text(on("/authorize"), "</form>", "</form><script>1</script>"),
        lambda: text(on("/authorize"), "<form", '<form onsubmit="x()"'),
        lambda: text(on("/authorize"), "</form>", '</form><img src="https://doctor.invalid/x.png">'),
    ],
    "consent-forgery": [
        lambda: answers(lambda r: r.url.path == "/consent" and "cookie" not in r.headers, 303, headers={"Location": "/x"}),
        lambda: deaf(on("/consent"), "origin"),
        lambda: answers(forgery, 200, html="fine"),
    ],
    "consent-warning": [
        lambda: text(on("/authorize"), "this computer", "the program"),
        lambda: text(on("/authorize"), "</h1>", "</h1> on this computer"),
    ],
    "consent-denied": [
        lambda: answers(on("/consent", action="deny"), 200, html="you denied"),
        lambda: location(on("/consent", action="deny"), query(state=None)),
        lambda: hears(on("/consent", action="deny"), action="allow"),
    ],
    "upstream-request": [
        lambda: location(on("/consent"), query(resource="https://x.invalid")),
        lambda: location(on("/consent"), query(prompt="none")),
        lambda: location(on("/consent"), query(scope="openid mcp:tools")),
        lambda: location(on("/consent"), query(redirect_uri="https://doctor.invalid/callback")),
    ],
    "upstream-pkce": [
        lambda: location(on("/consent"), query(nonce="always")),
        lambda: location(on("/consent"), query(nonce=None)),
        lambda: location(on("/consent"), query(code_challenge=None)),
        lambda: location(on("/consent"), query(code_challenge_method="plain")),
        lambda: location(on("/consent"), query(state="always")),
    ],
    "binding-cookie": [
        lambda: header(on("/consent"), "set-cookie", None),
        lambda: says(on("/consent"), widened),
        lambda: header(on("/consent"), "set-cookie", lambda value: value.replace("; Secure", "")),
        lambda: header(on("/consent"), "set-cookie", lambda value: value.replace("SameSite=Lax", "SameSite=None")),
        lambda: header(on("/authorize"), "set-cookie", lambda value: value.replace("HttpOnly", "Domain=localhost")),
    ],
    "callback-bound": [
        lambda: answers(lambda r: r.url.path == "/oauth-callback" and "cookie" not in r.headers, 302, headers={"Location": "/"}),
        lambda: answers(on("/oauth-callback", code="x"), 500),
        lambda: answers(on("/oauth-callback"), 200, html="fine"),
    ],
    "upstream-error": [
        lambda: answers(on("/oauth-callback", error="access_denied"), 400, html="failed"),
        lambda: location(on("/oauth-callback"), lambda url: url + "&error_description=secure-mcp-doctor-detail"),
    ],
    "token-errors": [
        lambda: answers(on("/token", grant_type="password"), 500),
        lambda: oauth_error(on("/token", client_id="secure-mcp-doctor"), "invalid_grant"),
        lambda: header(on("/token"), "cache-control", None),
        lambda: header(on("/token"), "content-type", "text/plain"),
        lambda: tokens_for(on("/token", grant_type="refresh_token")),
    ],
    "workload-grant": [
        lambda: tokens_for(on("/token", grant_type=WORKLOADS)),
        lambda: oauth_error(on("/token", grant_type=WORKLOADS), "invalid_client"),
        lambda: answers(on("/token", grant_type=WORKLOADS), 500),
        lambda: members(on(ASM), grant_types_supported=["authorization_code", WORKLOADS]),
    ],
    "client-assertions": [
        lambda: hears(on("/token", client_assertion="*"), client_assertion=None, client_assertion_type=None),
        lambda: tokens_for(on("/token", client_assertion="*")),
        lambda: answers(on("/token", client_assertion="*"), 500),
    ],
    "assertion-grant": [
        lambda: oauth_error(on("/token", grant_type=ASSERTIONS), "invalid_grant"),
        lambda: members(on(ASM), authorization_grant_profiles_supported=[PROFILE]),
        lambda: members(on(ASM), grant_types_supported=["authorization_code", ASSERTIONS]),
    ],
    "foreign-assertions": [
        lambda: tokens_for(on("/token", assertion="*")),
        lambda: answers(on("/token", assertion="secure-mcp-doctor"), 500),
    ],
    "gateway-headers": [
        lambda: answers(with_header(on("/mcp"), "x_mcp_user_token"), 500),
        lambda: answers(lambda r: "x-mcp-user-token" in r.headers and not keyed(r), 200, **result()),
        lambda: answers(with_header(on("/mcp"), "x-mcp-user-token"), 200, **result(token="secure-mcp-doctor-made-up")),
        lambda: header(with_header(on("/mcp"), "x-mcp-user-oid"), "x-mcp-user-oid", "secure-mcp-doctor-made-up"),
    ],
    "repeated-fields": [lambda: hears(twice("code"))],
    "revoke-unknown": [
        lambda: oauth_error(on("/revoke", token="*"), "invalid_token"),
        lambda: answers(on("/revoke", token=""), 200),
    ],
    "sign-in": [
        lambda: location(on("/oauth-callback"), query(state="a b/c==%")),
        lambda: location(on("/oauth-callback"), query(iss=None)),
        lambda: location(on("/oauth-callback"), query(code=None)),
        lambda: location(on("/oauth-callback"), query(error="server_error")),
        lambda: answers(on("/oauth-callback"), 500),
    ],
    "code-random": [
        lambda: location(on("/oauth-callback"), query(code="1234567890")),
        lambda: location(on("/oauth-callback"), query(code="a" * 43)),
        lambda: location(on("/oauth-callback"), query(code=JWT)),
    ],
    "token-answer": [
        lambda: members(on("/token"), token_type=...),
        lambda: members(on("/token"), expires_in="3600"),
        lambda: members(on("/token"), refresh_token=...),
        lambda: members(on("/token"), id_token=JWT),
        lambda: members(on("/token"), scope="openid"),
        lambda: header(on("/token"), "cache-control", None),
        lambda: oauth_error(on("/token"), "invalid_grant"),
    ],
    "key-lifetime": [lambda: members(on("/token"), expires_in=86400)],
    "key-opaque": [
        lambda: members(on("/token"), access_token=JWT),
        lambda: members(on("/token"), refresh_token="1.AXoA" + "x" * 60),
        lambda: members(on("/token"), access_token="short"),
    ],
    "tools": [
        lambda: answers(message("initialize"), 502),
        lambda: answers(message("tools/list"), 200, **result(tools="none")),
        lambda: answers(message("tools/list"), 200, **result(tools=[])),
        lambda: answers(message("notifications/initialized"), 500),
        lambda: answers(message("tools/list"), 200, json={"jsonrpc": "2.0", "id": 1, "error": {"code": -32603}}),
    ],
    "tool-call": [
        lambda: answers(message("tools/call"), 200, **result(isError=True)),
        lambda: answers(message("tools/call"), 504),
    ],
    "discover": [
        lambda: answers(message("server/discover"), 202),
        lambda: answers(message("server/discover"), 500),
    ],
    "protocol-version": [
        lambda: deaf(on("/mcp"), "mcp-protocol-version"),
        lambda: answers(with_header(on("/mcp"), "mcp-protocol-version", "1999"), 400, json={"error": {"code": -32600}}),
    ],
    "tampered-key": [lambda: answers(keyed, 200, **result())],
    "key-places": [
        lambda: answers(on("/mcp", access_token="*"), 200, **result()),
        lambda: answers(lambda r: len(r.headers.get_list("authorization")) > 1, 200, **result()),
        lambda: answers(lambda r: keyed(r) and "access_token" not in str(r.url), 200, **result()),
    ],
    "refresh-rotates": [
        lambda: members(on("/token", grant_type="refresh_token"), refresh_token=...),
        lambda: members(on("/token", grant_type="refresh_token"), access_token="x" * 60),
        lambda: members(on("/token"), access_token="x" * 60),
        lambda: oauth_error(on("/token", grant_type="refresh_token"), "invalid_grant"),
    ],
    "refresh-bound": [
        lambda: as_own_client("/token"),
        lambda: hears(on("/token", resource="https://doctor.invalid/mcp"), resource=None),
    ],
    "refresh-reuse": [
        lambda: forgetful(on("/token", grant_type="refresh_token"), lambda r: fields_of(r)["refresh_token"]),
        lambda: answers(keyed, 200, **result()),
    ],
    "verifier": [lambda: tokens_for(on("/token", code_verifier="")), lambda: tokens_for(on("/token", code="*"))],
    "code-bound": [
        lambda: as_own_client("/token"),
        lambda: tokens_for(on("/token", redirect_uri="https://doctor.invalid/callback?tenant=a%20b")),
        lambda: hears(on("/token", resource="*"), resource=None),
    ],
    "code-single-use": [
        lambda: tokens_for(on("/token", code="*")),
        lambda: oauth_error(on("/token", code="*"), "invalid_grant"),
    ],
    "code-replay": [
        lambda: forgetful(on("/token", code="*"), lambda r: fields_of(r)["code"]),
        lambda: answers(keyed, 200, **result()),
        lambda: tokens_for(on("/token", grant_type="refresh_token")),
    ],
    "revoke-foreign": [lambda: as_own_client("/revoke")],
    "revoke": [
        lambda: answers(on("/revoke"), 200),
        lambda: answers(on("/revoke"), 503),
        lambda: header(keyed, "www-authenticate", None),
        lambda: answers(keyed, 401),
    ],
    "no-jwt": [
        lambda: header(on("*"), "x-debug", f"token={JWT}"),
        lambda: answers(on("/mcp"), 200, json={"jsonrpc": "2.0", "token": JWT}),
    ],
    "no-server-errors": [lambda: answers(on("/mcp"), 500)],
    "no-self-redirects": [lambda: answers(on("/mcp"), 302, headers={"Location": "/elsewhere"})],
    "plain-redirects": [lambda: answers(on("/mcp"), 302, headers={"Location": "http://doctor.invalid/callback"})],
    "nosniff": [lambda: header(on("/mcp"), "x-content-type-options", None)],
    "no-telltales": [
        lambda: header(on("/mcp"), "x-powered-by", "ASP.NET"),
        lambda: header(on("/mcp"), "request-context", "appId=x"),
        lambda: header(on("/mcp"), "server", "Kestrel/8.0"),
    ],
}  # fmt: skip
