"""Nothing that a stranger sends is answered with a 5xx."""

from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NASTY = st.sampled_from(
    [
        "", "null", "{}", "[]", "0", "-1", "1e999", "true", "{{EncryptionKey}}", "@(1)", "%00", "\x00", "\r\n", "../..", "'\"<>",
        "2026-11-24T00:00:00Z", "\ud7ff", "𝕏", "\u202e", "a" * 1500, "AAAA" * 30, "=" * 9, "https://", "urn:x", "*",
    ]
)  # fmt: skip
TEXT = NASTY | st.text(max_size=40)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        [
            "client_id",
            "redirect_uri",
            "response_type",
            "code_challenge",
            "code_challenge_method",
            "scope",
            "state",
            "resource",
            "prompt",
            "code",
            "error",
            "tx",
            "csrf",
            "action",
            "grant_type",
            "refresh_token",
            "code_verifier",
            "token",
        ]
    )
    | st.text(max_size=8),
    TEXT,
    max_size=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=12,
)
CONTENT_TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "x"]
)
PATHS = [
    "/authorize",
    "/consent",
    "/oauth-callback",
    "/token",
    "/register",
    "/revoke",
    "/mcp",
    "/mcp/sse",
    "/mcp/message",
]


def encode(parameters: dict[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())


def is_answer(response: httpx.Response) -> None:
    assert response.status_code < 500, f"{response.request.method} {response.request.url}: {response.text}"


@FUZZ
@given(path=st.sampled_from(PATHS), parameters=PARAMETERS)
async def test_M19_queries(cloud: LocalCloud, path: str, parameters: dict[str, str]) -> None:
    is_answer(await Application(cloud.gateway_url).send("GET", f"{path}?{encode(parameters)[:2000]}"))


@FUZZ
@given(path=st.sampled_from(PATHS), parameters=PARAMETERS)
async def test_M19_forms(cloud: LocalCloud, path: str, parameters: dict[str, str]) -> None:
    is_answer(await Application(cloud.gateway_url).send("POST", path, data=parameters))


@FUZZ
@given(path=st.sampled_from(PATHS), content=st.binary(max_size=200), content_type=CONTENT_TYPES)
async def test_M19_bodies(cloud: LocalCloud, path: str, content: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    is_answer(await Application(cloud.gateway_url).send("POST", path, content=content, headers=headers))


@FUZZ
@given(metadata=st.dictionaries(st.sampled_from(["redirect_uris", "client_name", "grant_types", "scope", "x"]), JSON))
async def test_M5_registrations(cloud: LocalCloud, metadata: dict[str, Any]) -> None:
    is_answer(await Application(cloud.gateway_url).send("POST", "/register", json=metadata))


@FUZZ
@given(
    name=st.sampled_from(["Authorization", "Cookie", "Origin", "MCP-Protocol-Version", "Accept", "X-Forwarded-Host"]),
    value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60).map(str.strip),
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"]),
)
async def test_M2_headers(cloud: LocalCloud, name: str, value: str, path: str, method: str) -> None:
    is_answer(await Application(cloud.gateway_url).send(method, path, headers={name: value}))


@FUZZ
@given(token=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=400))
async def test_M2_tokens(cloud: LocalCloud, token: str) -> None:
    response = await Application(cloud.gateway_url).call(None, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


@FUZZ
@given(changes=st.dictionaries(st.sampled_from(["scope", "state", "resource", "prompt", "code_challenge"]), TEXT))
async def test_M9_a_known_client_with_anything_else(cloud: LocalCloud, changes: dict[str, str]) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    response = await application.send("GET", application.authorize_url(**changes))
    is_answer(response)
    if response.is_redirect:
        assert response.headers["location"].startswith(application.redirect_uri + "?")
