"""What a browser is sent to: Entra ID's address leads to the local one, and nothing else changes."""

from typing import Any

import httpx
import pytest

from secure_mcp_local.cloud.edge import Edge

LOGIN, LOCAL = "https://login.microsoftonline.com", "http://localhost:8081"


async def through(name: str, value: str, body: bytes = b"") -> httpx.Response:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name.encode(), value.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    transport = httpx.ASGITransport(Edge(app, {LOGIN: LOCAL}))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get("/")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{LOGIN}/tenant/oauth2/v2.0/authorize?a=1", f"{LOCAL}/tenant/oauth2/v2.0/authorize?a=1"),
        (LOGIN, LOCAL),
        (f"{LOGIN}?a=1", f"{LOCAL}?a=1"),
        # Other hosts, whose names only begin like it, and a name that only stands in a parameter's text.
        (f"{LOGIN}.evil.example/", f"{LOGIN}.evil.example/"),
        (f"{LOGIN}:444/", f"{LOGIN}:444/"),
        (f"{LOGIN}@evil.example/", f"{LOGIN}@evil.example/"),
        ("https://app.example/cb?iss=https%3A%2F%2Flogin.microsoftonline.com", None),
    ],
)
async def test_locations(value: str, expected: str | None) -> None:
    assert (await through("location", value)).headers["location"] == (expected or value)


async def test_a_policy_of_a_page_lets_its_forms_lead_there() -> None:
    policy = f"default-src 'none'; form-action 'self' {LOGIN}; frame-ancestors 'none'"
    answer = await through("content-security-policy", policy)
    assert answer.headers["content-security-policy"] == policy.replace(LOGIN, LOCAL)


async def test_bodies_and_other_fields_are_as_the_gateway_sends_them() -> None:
    answer = await through("x-said", f"{LOGIN}/", f"see {LOGIN}/".encode())
    assert (answer.headers["x-said"], answer.text) == (f"{LOGIN}/", f"see {LOGIN}/")
