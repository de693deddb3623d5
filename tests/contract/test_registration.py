"""Dynamic client registration (RFC 7591)."""

import html
from typing import Any

import pytest

from actors.application import Application
from actors.person import Person

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
    [[], None, "https://app.example.com/", {}, [1], [None], [["x"]], [f"https://a{n}.example/" for n in range(11)]],
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
    ("name", "shown"),
    [
        ("Claude \U0001f469\u200d\U0001f4bb", "Claude \U0001f469\u200d\U0001f4bb"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("x" * 101, "x" * 98 + "\u2026"),
        ("\U0001f469" * 60, "\U0001f469" * 49 + "\u2026"),
        ("Good\u202eevil", "Good evil"),
        (" a\r\n\tb\u2028c ", "a b c"),
        ("   ", None),
        ("\u3164\u3164", None),
        ("\u2800", None),
        ("\U000e0041\U000e0042", None),
        ("\u0301\u0302", None),
        ("\u200d\u200c", None),
        ("\u200b\ufeff\u2060", None),
        (5, None),
        (["a"], None),
        (None, None),
    ],
)
async def test_M5_a_name_that_cannot_be_shown_is_replaced_or_dropped(
    application: Application, name: object, shown: str | None
) -> None:
    body = {"redirect_uris": [application.redirect_uri], "client_name": name}
    response = await application.send("POST", "/register", json=body)
    assert response.status_code == 201, response.text
    assert response.json().get("client_name") == shown
    application.client_id = response.json()["client_id"]
    page = (await Person().request("GET", application.authorize_url())).text
    assert f"<strong>{shown or 'An application without a name'}</strong>" in html.unescape(page)


@pytest.mark.parametrize("field", ["logo_uri", "client_uri", "tos_uri", "policy_uri"])
@pytest.mark.parametrize(
    "value", ["data:image/png;base64,iVBOR", "javascript:alert(1)", "", 7, "https://a b/", "x" * 600]
)
async def test_M5_a_display_field_that_cannot_be_used_is_dropped(
    application: Application, field: str, value: object
) -> None:
    body = {"redirect_uris": [application.redirect_uri], field: value}
    response = await application.send("POST", "/register", json=body)
    assert response.status_code == 201, response.text
    assert field not in response.json()


async def test_M5_uris_of_this_computer_that_differ_in_the_port_count_once(application: Application) -> None:
    uris = [f"http://localhost:{port}/callback" for port in range(6274, 6300)]
    assert (await application.register(redirect_uris=uris)).status_code == 201
    uris = [f"http://localhost:6274/callback{n}" for n in range(11)]
    assert (await application.register(redirect_uris=uris)).status_code == 400
