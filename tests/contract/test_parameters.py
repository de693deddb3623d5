"""C3: every parameter of every endpoint, sent as it should be, left out, empty, twice and wrong. `docs/clients.md` has a row for each; the tries stand here."""

import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from actors.signer import ASSERTION_TYPE, Signer
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
Pairs = list[tuple[str, str]]


class Line(NamedTuple):
    """What becomes of a request whose one parameter is changed; an empty one counts as left out (RFC 6749, section 3.1)."""

    without: str
    twice: str
    """The same value two times."""
    tries: dict[str, str]
    """Other values."""
    value: str = ""
    """What is sent twice; empty: what a right request has."""


LINES: dict[tuple[str, str], Line] = {
    ("/authorize", "client_id"): Line("error page", "error page", {"unknown": "error page"}),
    ("/authorize", "redirect_uri"): Line("asked", "error page", {"https://x.example/": "error page"}),
    ("/authorize", "response_type"): Line(
        "invalid_request", "invalid_request", {"token": "unsupported_response_type", "code id_token": "unsupported_response_type"}
    ),
    ("/authorize", "response_mode"): Line(
        "asked", "invalid_request", {"query": "asked", "fragment": "invalid_request", "form_post": "invalid_request"}, "query"
    ),
    ("/authorize", "scope"): Line(
        "asked", "invalid_request", {"mcp:tools x": "asked", "offline_access": "asked", "x": "invalid_scope"}
    ),
    ("/authorize", "state"): Line("asked", "invalid_request", {"a b&c": "asked"}),
    ("/authorize", "code_challenge"): Line(
        "invalid_request", "invalid_request", {"a" * 42: "invalid_request", "a" * 42 + "=": "invalid_request", "a" * 128: "invalid_request"}
    ),
    ("/authorize", "code_challenge_method"): Line(
        "invalid_request", "invalid_request", {"plain": "invalid_request", "s256": "invalid_request"}
    ),
    ("/authorize", "resource"): Line("asked", "asked", {"https://x.example/mcp": "invalid_target", "mcp": "invalid_target"}),
    ("/authorize", "prompt"): Line(
        "asked", "invalid_request",
        {"consent": "asked", "login": "asked", "select_account": "asked", "create": "asked", "none": "interaction_required", "none login": "invalid_request"},
        "login",
    ),
    ("/authorize", "request"): Line("asked", "invalid_request", {"e30.e30.": "request_not_supported"}, "x"),
    ("/authorize", "request_uri"): Line("asked", "invalid_request", {"https://x.example/r": "request_uri_not_supported"}, "x"),
    ("/authorize", "registration"): Line("asked", "invalid_request", {"{}": "registration_not_supported"}, "x"),
    ("/token", "grant_type"): Line(
        "invalid_request", "invalid_request", {"password": "unsupported_grant_type", "Authorization_Code": "unsupported_grant_type"}
    ),
    ("/token", "code"): Line("invalid_request", "invalid_request", {"x": "invalid_grant"}),
    ("/token", "redirect_uri"): Line("invalid_grant", "invalid_request", {"https://x.example/": "invalid_grant"}),
    ("/token", "code_verifier"): Line("invalid_grant", "invalid_request", {"a" * 43: "invalid_grant", "short": "invalid_grant"}),
    ("/token", "resource"): Line("issued", "issued", {"https://x.example/mcp": "invalid_target"}),
    ("/token", "client_id"): Line("invalid_request", "invalid_request", {"unknown": "invalid_client"}),
    ("/token", "client_secret"): Line("issued", "invalid_request", {"wrong": "invalid_client"}, "x"),
    ("/token", "refresh_token"): Line("invalid_request", "invalid_request", {"x": "invalid_grant"}),
    ("/token", "scope"): Line(
        "issued", "invalid_request", {"mcp:tools": "issued", "mcp:tools offline_access": "issued", "mcp:tools x": "invalid_scope"}, "mcp:tools"
    ),
    ("/revoke", "token"): Line("invalid_request", "invalid_request", {"x": "nothing"}),
    ("/revoke", "token_type_hint"): Line("ended", "invalid_request", {"access_token": "ended", "id_token": "ended"}, "x"),
    ("/revoke", "client_id"): Line("invalid_request", "invalid_request", {"unknown": "invalid_client"}),
    ("/revoke", "client_secret"): Line("ended", "invalid_request", {"wrong": "invalid_client"}, "x"),
    ("/consent", "tx"): Line("error page", "error page", {"x": "error page"}),
    ("/consent", "csrf"): Line("error page", "error page", {"x": "error page"}),
    ("/consent", "action"): Line("error page", "error page", {"deny": "access_denied", "x": "error page"}),
    ("/oauth-callback", "state"): Line("error page", "error page", {"x": "error page"}),
    ("/oauth-callback", "code"): Line("server_error", "server_error", {"x": "access_denied"}, "x"),
    ("/oauth-callback", "error"): Line(
        "code", "access_denied", {"access_denied": "access_denied", "login_required": "access_denied", "server_error": "server_error"}, "x"
    ),
}  # fmt: skip

REGISTRATION: dict[str, list[tuple[object, str]]] = {
    "redirect_uris": [(None, "invalid_redirect_uri"), ([], "invalid_redirect_uri"), ("https://a.example/", "invalid_redirect_uri"),
                      (["http://a.example/"], "invalid_redirect_uri"), ([5], "invalid_redirect_uri"), (["https://a.example/cb"], "registered")],
    "token_endpoint_auth_method": [(None, "registered"), ("", "registered"), ("none", "registered"), ("client_secret_post", "registered"),
                                   ("client_secret_basic", "registered"), ("tls_client_auth", "invalid_client_metadata"), (5, "invalid_client_metadata")],
    "client_name": [(None, "registered"), ("", "registered"), ("\u3164", "registered"), (5, "registered"), ("x" * 300, "registered")],
    "grant_types": [(None, "registered"), (["authorization_code", "implicit"], "registered"), (["refresh_token"], "invalid_client_metadata"),
                    ("authorization_code", "invalid_client_metadata")],
    "response_types": [(None, "registered"), (["code", "token"], "registered"), (["token"], "invalid_client_metadata")],
    "scope": [(None, "registered"), ("", "registered"), ("mcp:tools x", "registered"), (5, "invalid_client_metadata")],
    "client_uri": [(None, "registered"), ("", "registered"), ("javascript:x", "registered"), (5, "registered")],
    "logo_uri": [(None, "registered"), ("data:image/png;base64,AA", "registered")],
    "tos_uri": [(None, "registered"), ("x", "registered")],
    "policy_uri": [(None, "registered"), ("x", "registered")],
    "software_id": [(None, "registered"), ("", "registered"), ("x", "registered"), (5, "invalid_client_metadata")],
    "software_version": [(None, "registered"), ("1", "registered"), ("x" * 513, "invalid_client_metadata")],
    "application_type": [(None, "registered"), ("native", "registered"), (5, "invalid_client_metadata")],
}  # fmt: skip
"""By field of the registration: values, None for left out, and what becomes of it. A JSON object has each field once."""

SIGNER = Signer()
SIGNED: dict[tuple[str, str], Line] = {
    (endpoint, parameter): Line(without, "invalid_request", tries)
    for endpoint, right in (("/token", "issued"), ("/revoke", "ended"))
    for parameter, without, tries in (
        ("client_assertion", "invalid_client", {"x": "invalid_client", "e30.e30.": "invalid_client", "a.b.c": "invalid_client"}),
        (
            "client_assertion_type", "invalid_client",
            {ASSERTION_TYPE: right, ASSERTION_TYPE.upper(): "invalid_client", ASSERTION_TYPE.replace("jwt", "saml2"): "invalid_client"},
        ),
        # The assertion says who it is (RFC 7521, section 4.2), and nothing else may.
        ("client_id", right, {"unknown": "invalid_client"}),
        ("client_secret", right, {"x": "invalid_request"}),
    )
}  # fmt: skip
"""Requests of a client that signs. `test_private_key.py` has all that can be wrong with an assertion."""
KEYS: dict[str, list[tuple[object, str]]] = {
    "jwks": [(None, "invalid_client_metadata"), (SIGNER.jwks, "registered"), ({}, "invalid_client_metadata"), ({"keys": []}, "invalid_client_metadata"),
             ({"keys": [SIGNER.private]}, "invalid_client_metadata"), ({"keys": [SIGNER.public | {"kty": "EC"}]}, "invalid_client_metadata"),
             ("x", "invalid_client_metadata"), ([SIGNER.public], "invalid_client_metadata")],
    "jwks_uri": [(None, "invalid_client_metadata"), ("https://claude.ai/keys", "registered"), ("https://evil.example/keys", "invalid_client_metadata"),
                 ("http://claude.ai/keys", "invalid_client_metadata"), ("https://claude.ai", "invalid_client_metadata"), (5, "invalid_client_metadata")],
}  # fmt: skip
"""As REGISTRATION, of a client that will sign and gives nothing else to know it by."""


def error_of(response: httpx.Response) -> str:
    """The error of an answer in JSON, or of one that goes to the client, or that it is a page that leads nowhere."""
    if response.is_redirect:
        answer = answer_of(response.headers["location"])
        return answer.get("error") or "code"
    if "html" in response.headers.get("content-type", ""):
        return "error page"
    return response.json()["error"]


class Signing(Application):
    """A client that was registered with a key."""


def identity(application: Application) -> Pairs:
    """What says who the client is, and proves it where it signs: each assertion is good once."""
    pairs: Pairs = [("client_id", application.client_id or "")]
    if isinstance(application, Signing):
        assertion = SIGNER.assertion(application.client_id or "", application.gateway_url)
        pairs += [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]
    return pairs


async def authorized(application: Application, change: Callable[[Pairs], Pairs], _: str) -> str:
    pairs = change(parse_qsl(urlsplit(application.authorize_url()).query))
    response = await Person().request("GET", f"{application.gateway_url}/authorize?{urlencode(pairs)}")
    return "asked" if response.status_code == 200 else error_of(response)


async def exchanged(application: Application, change: Callable[[Pairs], Pairs], parameter: str) -> str:
    if parameter in {"refresh_token", "scope"}:
        application.scope = "mcp:tools offline_access"
        tokens = await application.tokens(Person())
        pairs = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"])]
    else:
        pairs = [
            ("grant_type", "authorization_code"),
            ("code", await application.code(Person())),
            ("redirect_uri", application.redirect_uri),
            ("code_verifier", application.verifier),
        ]
    pairs += [*identity(application), ("resource", application.resource)]
    response = await posted(application, "/token", change(pairs))
    return "issued" if response.status_code == 200 else error_of(response)


async def revoked(application: Application, change: Callable[[Pairs], Pairs], _: str) -> str:
    code = await application.code(Person())
    tokens = (await application.exchange(code, **dict(identity(application)))).json()
    pairs = [("token", tokens["refresh_token"]), *identity(application)]
    response = await posted(application, "/revoke", change(pairs))
    alive = (await application.call(tokens["access_token"])).status_code == 200
    if response.status_code == 200:
        return "nothing" if alive else "ended"
    assert alive, "refused, and ended all the same"
    return error_of(response)


async def consented(application: Application, change: Callable[[Pairs], Pairs], _: str) -> str:
    person = Person()
    page = await person.request("GET", application.authorize_url())
    pairs = [*re.findall(r'name="(tx|csrf)" value="([^"]*)"', page.text), ("action", "allow")]
    cookie = "; ".join(f"{name}={value}" for name, value in person.cookies["localhost"].items())
    headers = {"Origin": application.gateway_url, "Cookie": cookie}
    response = await posted(application, "/consent", change(pairs), **headers)
    if response.is_redirect and "/oauth2/v2.0/authorize" in response.headers["location"]:
        return "on"
    return error_of(response)


async def called_back(application: Application, change: Callable[[Pairs], Pairs], _: str) -> str:
    person = Person()
    response = await person.submit(await person.request("GET", application.authorize_url()))
    while "/oauth-callback" not in response.headers.get("location", ""):
        location = response.headers.get("location")
        response = await (person.request("GET", location) if location else person.submit(response))
    pairs = change(parse_qsl(urlsplit(response.headers["location"]).query))
    return error_of(await person.request("GET", f"{application.gateway_url}/oauth-callback?{urlencode(pairs)}"))


async def posted(application: Application, path: str, pairs: Pairs, **headers: str) -> httpx.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
    return await application.send("POST", path, content=urlencode(pairs), headers=headers)


ENDPOINTS: dict[str, tuple[Callable[[Application, Callable[[Pairs], Pairs], str], Awaitable[str]], str]] = {
    "/authorize": (authorized, "asked"),
    "/token": (exchanged, "issued"),
    "/revoke": (revoked, "ended"),
    "/consent": (consented, "on"),
    "/oauth-callback": (called_back, "code"),
}
"""Sends a request with a change, and what becomes of one without."""


@pytest.fixture
async def registered(application: Application) -> Application:
    (await application.register()).raise_for_status()
    return application


@pytest.mark.parametrize(("endpoint", "parameter"), LINES)
async def test_C3_a_parameter_is_taken_as_its_row_says(registered: Application, endpoint: str, parameter: str) -> None:
    await assert_taken(registered, endpoint, parameter, LINES[endpoint, parameter])


@pytest.mark.parametrize(("endpoint", "parameter"), SIGNED)
async def test_C3_a_parameter_of_a_client_that_signs_is_taken_as_its_row_says(
    cloud: LocalCloud, endpoint: str, parameter: str
) -> None:
    SIGNER.now = cloud.clock.now
    signing = Signing(cloud.gateway_url)
    answer = await signing.register(token_endpoint_auth_method="private_key_jwt", jwks=SIGNER.jwks)
    assert answer.status_code == 201, answer.text
    await assert_taken(signing, endpoint, parameter, SIGNED[endpoint, parameter])


async def assert_taken(application: Application, endpoint: str, parameter: str, line: Line) -> None:
    send = ENDPOINTS[endpoint][0]
    changes: list[tuple[str, Callable[[Pairs], Pairs], str]] = [
        ("left out", lambda pairs: [pair for pair in pairs if pair[0] != parameter], line.without),
        ("empty", lambda pairs: [pair for pair in pairs if pair[0] != parameter] + [(parameter, "")], line.without),
        ("twice", lambda pairs: [pair for pair in pairs if pair[0] != parameter] + [(parameter, line.value or dict(pairs).get(parameter, "x"))] * 2, line.twice),
    ]  # fmt: skip
    for value, expected in line.tries.items():
        changes.append((value, lambda pairs, value=value: [p for p in pairs if p[0] != parameter] + [(parameter, value)], expected))  # fmt: skip
    found = {name: await send(application, change, parameter) for name, change, _ in changes}
    assert found == {name: expected for name, _, expected in changes}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_C3_what_nobody_knows_is_ignored(registered: Application, endpoint: str) -> None:
    """RFC 6749, sections 3.1 and 3.2; what OpenID Connect has besides is ignored as well. In a form nothing may be there twice."""
    send, right = ENDPOINTS[endpoint]
    unknown = [(name, "x") for name in ("nonce", "max_age", "ui_locales", "login_hint", "claims", "display", "acr_values", "id_token_hint", "iss", "session_state", "x")]  # fmt: skip
    assert await send(registered, lambda pairs: unknown + pairs, "") == right
    assert await send(registered, lambda pairs: [*pairs, ("x", "1"), ("x", "2")], "") == (
        right
        if endpoint in {"/authorize", "/oauth-callback"}
        else "error page"
        if endpoint == "/consent"
        else "invalid_request"
    )


@pytest.mark.parametrize(("name", "tries"), REGISTRATION.items())
async def test_C3_a_field_of_a_registration_is_taken_as_its_row_says(
    application: Application, name: str, tries: list[tuple[object, str]]
) -> None:
    await assert_registered(application, name, tries)


@pytest.mark.parametrize(("name", "tries"), KEYS.items())
async def test_C3_a_key_of_a_registration_is_taken_as_its_row_says(
    application: Application, name: str, tries: list[tuple[object, str]]
) -> None:
    await assert_registered(application, name, tries, token_endpoint_auth_method="private_key_jwt")
    both = {"jwks": SIGNER.jwks, "jwks_uri": "https://claude.ai/keys"}
    [other] = set(both) - {name}
    two_ways = [(both[name], "invalid_client_metadata")]
    await assert_registered(
        application, name, two_ways, token_endpoint_auth_method="private_key_jwt", **{other: both[other]}
    )


async def assert_registered(
    application: Application, name: str, tries: list[tuple[object, str]], **besides: object
) -> None:
    right: dict[str, Any] = besides | {
        "redirect_uris": ["https://app.example.com/cb"],
        "client_name": "x",
        "x": {"y": [1]},
        "contacts": ["a@example.com"],
    }
    for value, expected in tries:
        metadata = {key: one for key, one in (right | {name: value}).items() if one is not None}
        response = await application.send("POST", "/register", json=metadata)
        assert ("registered" if response.status_code == 201 else error_of(response)) == expected, value
        if response.status_code == 201:
            # What is given back was given; nothing unknown is, and never "" (a client refuses an address that is none).
            given = response.json()
            assert not {"x", "contacts"} & set(given)
            assert "" not in given.values()


def rows() -> Iterator[tuple[str, str]]:
    """Endpoint and parameter of each row of the table."""
    text = DOCUMENT.read_text("utf-8")
    for endpoint, names in re.findall(
        r"^\| `(/[\w-]+)` \| ([^|]+) \|", text[text.index("## Every parameter") :], re.MULTILINE
    ):
        yield from ((endpoint, name) for name in re.findall(r"`(\w+)`", names))


def test_C3_every_row_is_tried_and_every_try_has_a_row() -> None:
    here = {*LINES, *SIGNED, *(("/register", name) for name in (*REGISTRATION, *KEYS))}
    assert here == set(rows())


def test_C3_every_parameter_that_a_policy_reads_is_tried() -> None:
    policies = Path(__file__).parents[2] / "policies"
    authorize = (policies / "oauth/authorize.xml").read_text("utf-8")
    [names] = re.findall(r"set parameters = \(([^)]*)\)", authorize)
    read = {("/authorize", name) for name in re.findall(r"'(\w+)'", names)}
    documents = ("oauth/token.xml", "grants/authorization-code.xml", "grants/refresh-token.xml", "fragments/client-authentication.xml", "macros.jinja")  # fmt: skip
    for document in documents:
        found = re.findall(r'form"?\]?\)?\["(\w+)"\]', (policies / document).read_text("utf-8"))
        read |= {("/token", name) for name in found}
    assert len(read) > 20
    assert read <= {*LINES, *SIGNED}, read - {*LINES, *SIGNED}
