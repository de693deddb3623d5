"""Dynamic client registration (RFC 7591)."""

from html import unescape
from typing import Any

import pytest

from secure_mcp_local.testing import Application, Person

GOOD_URIS = [
    "https://app.example.com/callback",
    "https://app.example.com:8443/callback?tenant=a%20b",
    "http://localhost:3000/callback",
    "http://127.0.0.1/callback",
    "http://[::1]:49152/",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "vscode://vscode.github-authentication/did-authenticate",
]
BAD_URIS = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "DATA:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "blob:https://a.example/1",
    "http://app.example.com/callback",
    "https://user@app.example.com/callback",
    "https://user:secret@app.example.com/",
    "https://app.example.com/callback#fragment",
    "https://app.example.com/callback#",
    "https://*.example.com/callback",
    "https://app.example.com/*",
    "http://localhost.evil.example/callback",
    "http://localhost@evil.example/callback",
    "http://127.0.0.1.evil.example/",
    "https://evil.example\\@app.example.com/",
    "https://app.example.com/\r\nSet-Cookie: a=b",
    "https://app.example.com/call back",
    "https:app.example.com",
    "https://",
    "//app.example.com/callback",
    "/callback",
    "unknown-scheme://callback",
    "https://аpp.example.com/callback",  # a Cyrillic a
    "",
    "https://app.example.com/" + "x" * 600,
]


@pytest.mark.parametrize("uri", GOOD_URIS)
async def test_M5_registration_accepts(application: Application, uri: str) -> None:
    response = await application.register(redirect_uris=[uri])
    assert response.status_code == 201, response.text
    assert response.json()["redirect_uris"] == [uri]


@pytest.mark.parametrize("uri", BAD_URIS)
async def test_M5_registration_refuses(application: Application, uri: str) -> None:
    response = await application.register(redirect_uris=["https://app.example.com/callback", uri])
    assert response.status_code == 400, response.text
    assert response.json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "uris",
    [[], None, "https://app.example.com/", {}, [1], [None], [["x"]], [f"https://a.example/{n}" for n in range(11)]],
)
async def test_M5_registration_needs_a_list_of_redirect_uris(application: Application, uris: Any) -> None:
    response = await application.register(redirect_uris=uris)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"{",
        b'{"redirect_uris": ["https://a.example/"], "client_name": "' + b"x" * 20000 + b'"}',
        b'{"redirect_uris": ["https://a.example/"], "grant_types": "authorization_code"}',
        b'{"redirect_uris": ["https://a.example/"], "grant_types": ["client_credentials"]}',
        b'{"redirect_uris": ["https://a.example/"], "response_types": ["token"]}',
        b"[" * 5000,
    ],
)
async def test_M5_registration_refuses_other_metadata(application: Application, body: bytes) -> None:
    response = await application.send("POST", "/register", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert response.json()["error"] == "invalid_client_metadata"


async def test_M6_registration_answers_with_what_was_given(application: Application) -> None:
    given = {
        "client_name": "Tést & <b>app</b>",
        "client_uri": "",
        "logo_uri": None,
        "grant_types": ["authorization_code", "refresh_token", "urn:other"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "application_type": "native",
        "scope": "mcp:tools openid",
        "unknown_member": {"a": 1},
    }
    response = await application.register(**given)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert answer.pop("client_id")
    assert isinstance(answer.pop("client_id_issued_at"), int)
    assert len(answer.pop("client_secret")) == 43
    assert answer.pop("client_secret_expires_at") == 0
    assert answer == {
        "client_name": "Tést & <b>app</b>",
        "redirect_uris": [application.redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "application_type": "native",
        "scope": "mcp:tools",
    }


async def test_M5_D8_a_version_that_looks_like_a_date_is_dropped_and_not_refused(application: Application) -> None:
    response = await application.register(software_version="2026-07-28T10:00:00Z", software_id="built")
    assert response.status_code == 201, response.text
    assert response.json()["software_id"] == "built"
    assert "software_version" not in response.json()


async def test_M6_registration_adds_nothing_that_was_not_given(application: Application) -> None:
    answer = (await application.register(token_endpoint_auth_method="none")).json()
    assert set(answer) == {
        "client_id",
        "client_id_issued_at",
        "client_name",
        "redirect_uris",
        "token_endpoint_auth_method",
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Family 👩\u200d👩\u200d👧", "Family 👩\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("I ❤️ tools", "I ❤️ tools"),
        ("n" * 101, "n" * 100),
        ("n" * 99 + "👧", "n" * 99),
        ("Good\u202eevil", "Goodevil"),
        ("Zero\u200bwidth\ufeff\u00ad", "Zerowidth"),
        ("  much \t\n space  ", "much space"),
        ("a" + "\u0301" * 90, "a" + "\u0301" * 3),
        ("Tagged" + "".join(chr(0xE0000 + ord(c)) for c in "evil"), "Tagged"),
        *[(name, None) for name in (
            "", " ", "\u3164", "\u2800\u2800", "\U000e0041\U000e0042", "\u0301\u0302", "\u200d\u200c", "\u115f\u1160\uffa0",
            "\u2060\u180e", "\U0001d173\U0001d159", "\U0001bca0", "\ufe0f", "\u00a0\u3000", 5, None, ["a"], {"a": 1}, True,
        )],
    ],
)  # fmt: skip
async def test_M5_D8_D9_a_name_that_cannot_be_shown_is_replaced_or_dropped(
    application: Application, given: Any, kept: str | None
) -> None:
    response = await application.register(client_name=given)
    assert response.status_code == 201, response.text
    assert response.json().get("client_name") == kept
    page = await Person().request("GET", application.authorize_url())
    assert (kept or "An application without a name") in unescape(page.text)


@pytest.mark.parametrize("field", ["client_uri", "logo_uri", "tos_uri", "policy_uri"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://app.example.com/logo.png?x=1", True),
        ("data:image/png;base64,AAAA", False),
        ("javascript:alert(1)", False),
        ("https://app.example.com/a b", False),
        ("https://app.example.com/" + "x" * 600, False),
        (7, False),
    ],
)
async def test_M5_D8_an_address_that_cannot_be_shown_is_dropped(
    application: Application, field: str, given: Any, kept: bool
) -> None:
    response = await application.register(**{field: given})
    assert response.status_code == 201, response.text
    assert response.json().get(field) == (given if kept else None)


async def test_M5_D10_loopback_addresses_that_differ_in_their_port_count_once(application: Application) -> None:
    ports = [f"http://127.0.0.1:{port}/callback" for port in range(40000, 40040)]
    response = await application.register(redirect_uris=ports)
    assert response.status_code == 201, response.text
    assert response.json()["redirect_uris"] == ports
    others = [f"http://localhost:{port}/{path}" for path in range(11) for port in (1, 2)]
    assert (await application.register(redirect_uris=others)).json()["error"] == "invalid_redirect_uri"
    remote = [f"https://app.example.com:{port}/callback" for port in range(40000, 40011)]
    assert (await application.register(redirect_uris=remote)).json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("cursor://a:b@c/", "user information"),
        ("https://user@app.example.com/", "user information"),
        ("https://app.example.com/#x", "fragment"),
        ("https://*.example.com/", "wildcard"),
        ("https://app.example.com/?code=1", "code, state, iss or error"),
        ("https://app.example.com/?a=1;code=2", "code, state, iss or error"),
        ("https://app.example.com/?code[]=1", "code, state, iss or error"),
        ("javascript:alert(1)", "neither https"),
        ("https://app.example.com/" + "x" * 600, "512"),
    ],
)
async def test_M5_the_refusal_says_which_and_why(application: Application, uri: str, why: str) -> None:
    answer = (await application.register(redirect_uris=[application.redirect_uri, uri])).json()
    assert answer["error"] == "invalid_redirect_uri"
    assert answer["error_description"].startswith("redirect_uris[1] ")
    assert why in answer["error_description"]
    assert uri not in answer["error_description"]


@pytest.mark.parametrize(
    "authority",
    [
        "evil.example:99999", "evil.example:65536", "-", ".", "a..example", "-.example", "999.1.1.1", "1.2.3", "a.example:80:90",
    ],
)  # fmt: skip
async def test_M5_what_is_no_host_and_port_is_refused(application: Application, authority: str) -> None:
    """Who reads such an address later, fails."""
    answer = await application.register(redirect_uris=[f"https://{authority}/"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")


@pytest.mark.parametrize(
    "authority", ["a.example:65535", "a-b.example:0", "x", "1und1.example", "10.0.0.1:8443", "xn--bcher-kva.example"]
)
async def test_M5_hosts_of_every_kind_register(application: Application, authority: str) -> None:
    application.redirect_uri = f"https://{authority}/cb"
    assert (await application.register()).status_code == 201
    refused = await Person().request("GET", application.authorize_url(response_type="x"))
    assert refused.status_code == 400, "M9: a page that says where the link leads"
