"""M16: what Entra's token endpoint says is believed only when the ID token is right in every respect."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc import jws
from starlette.requests import Request
from starlette.responses import Response

from actors.application import Application, answer_of
from actors.person import Person
from secure_mcp_local.cloud import LocalCloud

Tamper = Callable[[LocalCloud, dict[str, Any]], dict[str, Any]]


@asynccontextmanager
async def tampered_entra(cloud: LocalCloud, tamper: Tamper) -> AsyncIterator[None]:
    """An Entra ID whose token answers are changed on their way to the gateway."""
    host = urlsplit(cloud.entra_url).netloc

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(cloud.entra.app), base_url=cloud.entra_url
        ) as client:
            answer = await client.request(
                request.method,
                str(request.url.path),
                params=request.query_params,
                content=body,
                headers=[(k, v) for k, v in request.headers.items() if k.lower() != "content-length"],
            )
        content = answer.content
        if request.url.path.endswith("/token") and answer.status_code == 200:
            content = json.dumps(tamper(cloud, answer.json())).encode()
        await Response(content, answer.status_code, {"Content-Type": answer.headers["content-type"]})(
            scope, receive, send
        )

    cloud.network.serve(host, app)
    try:
        yield
    finally:
        cloud.network.serve(host, cloud.entra.app, kind="entra")


def with_claims(**changes: Any) -> Tamper:
    def tamper(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
        claims = json.loads(jws.extract_compact(tokens["id_token"].encode()).payload)
        for name, value in changes.items():
            if value is None:
                claims.pop(name, None)
            else:
                claims[name] = value(cloud) if callable(value) else value
        return tokens | {"id_token": cloud.entra.issuer.sign(claims)}

    return tamper


def unsigned(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
    payload = tokens["id_token"].split(".")[1]
    return tokens | {"id_token": f"eyJhbGciOiJub25lIn0.{payload}."}


def badly_signed(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
    head, payload, signature = tokens["id_token"].split(".")
    return tokens | {"id_token": f"{head}.{payload}.{signature[:-4]}AAAA"}


FOREIGN = "11111111-2222-4333-8444-555555555555"
WRONG = {
    "nonce of another sign-in": with_claims(nonce="another"),
    "no nonce": with_claims(nonce=None),
    "another audience": with_claims(aud=FOREIGN),
    "another issuer": with_claims(iss="https://login.example/v2.0"),
    "another tenant": with_claims(tid=FOREIGN),
    "no tenant": with_claims(tid=None),
    "no object id": with_claims(oid=None),
    "an object id that is none": with_claims(oid="../../x"),
    "expired": with_claims(exp=lambda cloud: int(cloud.clock.now()) - 3600),
    "no expiry": with_claims(exp=None),
    "unsigned": unsigned,
    "badly signed": badly_signed,
    "none": lambda cloud, tokens: {k: v for k, v in tokens.items() if k != "id_token"},
    "not a token": lambda cloud, tokens: tokens | {"id_token": "x"},
}


@pytest.mark.parametrize("name", WRONG)
async def test_M16_a_wrong_id_token_signs_nobody_in(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    async with tampered_entra(cloud, WRONG[name]):
        end = await Person().sign_in(application.authorize_url())
    assert isinstance(end, str), end.text
    answer = answer_of(end)
    assert "code" not in answer
    assert answer["error"] in {"server_error", "access_denied", "temporarily_unavailable"}


async def test_M16_the_way_of_testing_itself_lets_a_right_token_pass(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    async with tampered_entra(cloud, with_claims(extra="harmless")):
        end = await Person().sign_in(application.authorize_url())
    assert "code" in answer_of(str(end))
