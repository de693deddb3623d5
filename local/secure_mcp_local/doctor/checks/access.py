"""Who gets in: the address, and the MCP endpoint without a good key."""

import base64
import json
from urllib.parse import urlsplit

import httpx

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.messages import challenge_of, request
from secure_mcp_local.doctor.report import Skipped, settled
from secure_mcp_local.doctor.server import Answer, NoAnswer, is_loopback
from secure_mcp_local.doctor.subject import FOREIGN, INSPECTOR, Subject

SECTION = Section("Who gets in")

_FOREIGN_HOST = "doctor.invalid"


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


_CLAIMS = {
    "iss": "https://login.microsoftonline.com/common/v2.0",
    "sub": "doctor",
    "exp": 4102444800,
    "scp": "mcp:tools",
}
JWTS = {
    "an unsigned JWT": f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(_CLAIMS)}.",
    "a JWT with a made-up signature": f"{_segment({'alg': 'RS256', 'typ': 'JWT', 'kid': 'x'})}.{_segment(_CLAIMS)}.{'A' * 342}",
}
GARBAGE = ("x", "not base64 !", "====", "A" * 8000, "%00", "null", "AQ")


def challenge_problems(answer: Answer, what: str, *, token_sent: bool) -> list[str]:
    """What is wrong with an answer that must be a 401 with a challenge."""
    if answer.status != 401:
        return [f"{what}: {answer}"]
    challenge = challenge_of(answer)
    if challenge is None:
        return [f"{what}: 401 without a Bearer challenge"]
    problems: list[str] = []
    if not challenge.get("resource_metadata"):
        problems.append(f"{what}: the challenge has no resource_metadata")
    if not challenge.get("scope"):
        problems.append(f"{what}: the challenge has no scope")
    error = challenge.get("error", "")
    if token_sent and error != "invalid_token":
        problems.append(f"{what}: error={error or 'none'} instead of invalid_token")
    if not token_sent and error:
        problems.append(f"{what}: error={error}, though no token was sent")
    return problems


@SECTION.check(
    "https",
    "M32",
    "Keys travel over TLS only",
    why="On a plain connection everybody on the way reads session keys and codes.",
    fix="Give users an https address, and let the API accept https alone (protocols of both APIs in API Management).",
)
async def https(subject: Subject) -> str:
    parts = urlsplit(subject.url)
    if parts.scheme == "https":
        try:
            plain = await subject.send("POST", f"http://{parts.hostname}{parts.path}", value=request("ping"))
        except NoAnswer:
            return "https with a trusted certificate; no answer on port 80"
        to_https = (plain.location or "").startswith("https://")
        problems = [] if to_https or plain.status in {400, 403, 404, 421, 426} else [f"over plain http, {plain}"]
        return settled(problems, f"https with a trusted certificate; over plain http {plain.status}")
    return settled([] if is_loopback(subject.url) else ["the address is plain http"], "this computer: no TLS needed")


@SECTION.check(
    "challenge",
    "M2",
    "A call without a key is told where and for what to sign in",
    why="Without the challenge an MCP client does not know that it can sign in, and shows an error.",
    fix="Answer 401 with WWW-Authenticate: Bearer resource_metadata=..., scope=... (policies/fragments/challenge.xml).",
)
async def challenge(subject: Subject) -> str:
    answer = await subject.call(None)
    problems = challenge_problems(answer, "without a key", token_sent=False)
    named = (challenge_of(answer) or {}).get("resource_metadata", "")
    if named and named not in subject.resource_metadata_urls:
        problems.append(f"resource_metadata is {named}, not {subject.resource_metadata_urls[0]}")
    basic = await subject.send("POST", subject.url, headers={"Authorization": "Basic YTpi"}, value=request("ping"))
    problems += challenge_problems(basic, "with another scheme", token_sent=False)
    return settled(problems, f"401, scope {(challenge_of(answer) or {}).get('scope')}")


@SECTION.check(
    "methods",
    "M27",
    "GET and DELETE ask for a key too, whatever Accept says",
    why="Clients open streams by GET and end sessions by DELETE; a method without a guard is an open door.",
    fix="Declare the operations GET, POST and DELETE of the MCP API, all under the API's policy.",
)
async def methods(subject: Subject) -> str:
    problems: list[str] = []
    for method, headers in [("GET", {}), ("GET", {"Accept": "text/event-stream"}), ("DELETE", {})]:
        answer = await subject.send(method, subject.url, headers=headers)
        problems += challenge_problems(answer, f"{method} with {headers or 'no Accept'}", token_sent=False)
    return settled(problems, "401 with a challenge for all of them")


@SECTION.check(
    "garbage",
    "M2",
    "What is no key is an invalid token, never an error of the server",
    why="A 500 hides what is wrong from clients, and shows attackers where the code breaks.",
    fix='Catch everything in the unsealing of keys (policies/fragments/unseal.xml), and send error="invalid_token".',
)
async def garbage(subject: Subject) -> str:
    problems: list[str] = []
    for token in GARBAGE:
        problems += challenge_problems(await subject.call(token), f"{token[:12]!r}", token_sent=True)
    return settled(problems, f"401 invalid_token for {len(GARBAGE)} of them")


@SECTION.check(
    "foreign-jwt",
    "M23",
    "JWTs do not open the server",
    why="Who accepts JWTs that others issued, or unsigned ones, lets in anybody who has or makes one.",
    fix="Accept nothing but the gateway's own session keys; never forward a client's Authorization header.",
)
async def foreign_jwt(subject: Subject) -> str:
    problems: list[str] = []
    for what, token in JWTS.items():
        problems += challenge_problems(await subject.call(token), what, token_sent=True)
    return settled(problems, "401 invalid_token")


@SECTION.check(
    "query-token",
    "M23",
    "A key in the address is none",
    why="Addresses end up in logs and histories; a server that reads keys from there invites that.",
    fix="Read the key from the Authorization header only (OAuth 2.1, section 5.1).",
)
async def query_token(subject: Subject) -> str:
    answer = await subject.send("POST", f"{subject.url}?access_token=x", value=request("ping"))
    return settled(challenge_problems(answer, "with ?access_token=", token_sent=False), "treated as no token")


@SECTION.check(
    "origin",
    "M26",
    "A web page of another origin is refused",
    why="Else any web page that a user opens can talk to the server from the user's browser (DNS rebinding).",
    fix="Compare Origin with allowedOrigins and answer 403 (policies/mcp/api.xml); list only origins that you know.",
)
async def origin(subject: Subject) -> str:
    problems: list[str] = []
    for foreign in (FOREIGN, "null"):
        answer = await subject.send("POST", subject.url, headers={"Origin": foreign}, value=request("ping"))
        if answer.status != 403:
            problems.append(f"Origin {foreign}: {answer}")
        if "access-control-allow-origin" in answer.headers:
            problems.append(f"Origin {foreign} may read the answer")
    return settled(problems, "403")


@SECTION.check(
    "host",
    "M1",
    "Another Host header changes nothing that the server says",
    why="Who can make the server name another host in its metadata sends users and their keys there.",
    fix="Build addresses from the declared host names only (policies/fragments/gateway-urls.xml).",
)
async def host(subject: Subject) -> str:
    seen: list[str] = []
    problems: list[str] = []
    headers = {"Host": _FOREIGN_HOST}
    for method, url in [("GET", subject.resource_metadata_urls[0]), ("POST", subject.url)]:
        try:
            answer = await subject.send(
                method, url, headers=headers, value=request("ping") if method == "POST" else None
            )
        except NoAnswer:
            seen.append("no answer")
            continue
        seen.append(str(answer.status))
        if _FOREIGN_HOST in answer.text + str(dict(answer.headers)):
            problems.append(f"{answer} repeats the foreign host")
    return settled(problems, f"{' and '.join(dict.fromkeys(seen))}, without the foreign host")


def _preflight(origin: str, method: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
    }


@SECTION.check(
    "cors-foreign",
    "S1",
    "Browsers are not let in from everywhere",
    why="Any web page could read what the server answers.",
    fix="List the origins of browser clients in allowedOrigins; never `*`.",
)
async def cors_foreign(subject: Subject) -> str:
    problems: list[str] = []
    for url, method in [(subject.url, "POST"), (subject.resource_metadata_urls[0], "GET")]:
        answer = await subject.send("OPTIONS", url, headers=_preflight(FOREIGN, method))
        allowed = answer.headers.get("access-control-allow-origin")
        if allowed is not None:
            problems.append(f"{answer.path} allows {allowed}")
    return settled(problems, f"{FOREIGN} is not allowed")


@SECTION.check(
    "cors-allowed",
    "S1",
    "Browser clients of allowed origins can discover, sign in and call",
    why="A client in a browser, such as MCP Inspector, cannot even see that it must sign in.",
    fix="Put the same cors policy on the MCP API and the OAuth API, exposing WWW-Authenticate, and no OPTIONS operations.",
)
async def cors_allowed(subject: Subject) -> str:
    for origin in subject.options.origins or INSPECTOR[:1]:
        problems = await _cors_problems(subject, origin)
        if problems is None and not subject.options.origins:
            raise Skipped(f"{origin} is not allowed here; name an origin that should be with --origin")
        settled([f"{origin} is not allowed on the MCP endpoint"] if problems is None else problems, "")
    return f"{', '.join(subject.options.origins or INSPECTOR[:1])} may call"


async def _cors_problems(subject: Subject, origin: str) -> list[str] | None:
    """What stands in the way of a browser client; None if its origin is not allowed at all."""
    targets = [(subject.url, "POST"), (subject.resource_metadata_urls[0], "GET")]
    for name in ("registration", "token", "revocation"):
        try:
            targets.append((await subject.endpoint(name), "POST"))
        except Skipped:
            continue
    problems: list[str] = []
    for url, method in targets:
        answer = await subject.send("OPTIONS", url, headers=_preflight(origin, method))
        if answer.headers.get("access-control-allow-origin") != origin:
            if url == subject.url:
                return None
            problems.append(f"{answer.path} does not allow {origin}")
            continue
        allowed = _names(answer.headers, "access-control-allow-headers")
        missing = [name for name in ("authorization", "content-type", "mcp-protocol-version") if name not in allowed]
        if missing and "*" not in allowed:
            problems.append(f"{answer.path} does not allow {', '.join(missing)}")
    refused = await subject.send("POST", subject.url, headers={"Origin": origin}, value=request("ping"))
    if refused.headers.get("access-control-allow-origin") != origin:
        problems.append("the 401 cannot be read from there")
    elif "www-authenticate" not in _names(refused.headers, "access-control-expose-headers"):
        problems.append("WWW-Authenticate of the 401 is not exposed")
    return problems


def _names(headers: httpx.Headers, header: str) -> set[str]:
    return {name.strip().lower() for name in headers.get(header, "").split(",")}
