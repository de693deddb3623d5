"""An Entra ID whose answers are not what they should be."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jws
from starlette.requests import Request
from starlette.responses import Response

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.cloud.addresses import LOGIN_HOSTS

Tamper = Callable[[LocalCloud, dict[str, Any]], dict[str, Any]]


@asynccontextmanager
async def tampered_entra(cloud: LocalCloud, tamper: Tamper) -> AsyncIterator[None]:
    """An Entra ID whose token answers are changed on their way to the gateway."""
    hosts = (*LOGIN_HOSTS, urlsplit(cloud.entra_url).netloc)

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

    for host in hosts:
        cloud.network.serve(host, app)
    try:
        yield
    finally:
        for host in hosts:
            cloud.network.serve(host, cloud.entra.app, kind="entra")


def with_claims(*, of: Sequence[str] = ("id_token",), **changes: Any) -> Tamper:
    """Tokens, by their names in the answer, that say something else and are signed as ever; None: nothing of it."""

    def tamper(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, str] = {}
        for token in of:
            claims = json.loads(jws.extract_compact(tokens[token].encode()).payload)
            for name, value in changes.items():
                if value is None:
                    claims.pop(name, None)
                else:
                    claims[name] = value(cloud) if callable(value) else value
            changed[token] = cloud.entra.issuer.sign(claims)
        return tokens | changed

    return tamper
