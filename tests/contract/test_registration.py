"""Dynamic client registration (RFC 7591)."""

from typing import Any

import pytest

from actors.application import Application

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
    "uris", [[], None, "https://app.example.com/", {}, [1], [None], [["x"]], ["https://a.example/"] * 11]
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
        b'{"redirect_uris": ["https://a.example/"], "client_name": 5}',
        b'{"redirect_uris": ["https://a.example/"], "client_name": ["a"]}',
        b'{"redirect_uris": ["https://a.example/"], "grant_types": "authorization_code"}',
        b'{"redirect_uris": ["https://a.example/"], "grant_types": ["client_credentials"]}',
        b'{"redirect_uris": ["https://a.example/"], "response_types": ["token"]}',
        '{"redirect_uris": ["https://a.example/"], "client_name": "Good\u202eevil"}'.encode(),
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
