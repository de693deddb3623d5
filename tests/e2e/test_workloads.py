"""Callers without a user, with the official Python client, unmodified: by secret, by key, and by a platform's own token."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
    static_assertion_provider,
)
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from actors.python_client import Keyring, text_of
from actors.signer import Signer
from samples import WORKLOADS
from secure_mcp_local.cloud import LocalCloud

SECRET = "k7_" * 12
SIGNER = Signer()
PLATFORM = "tokens.platform.example.com"
CONFIG = {
    "clients": json.dumps(
        [
            {"id": "nightly", "name": "Nightly job", "secret": SECRET, "workload": True},
            {"id": "signer", "name": "Signing job", "keys": [SIGNER.public], "workload": True},
            {"id": "pipeline", "name": "Pipeline", "issuer": f"https://{PLATFORM}", "subject": "repo:acme/x", "workload": True},
        ]
    ),
    "workloads": '[{"client": "nightly"}, {"client": "signer"}, {"client": "pipeline"}]',
}  # fmt: skip


@pytest.fixture(scope="module")
async def cloud() -> AsyncIterator[LocalCloud]:
    root = Path(__file__).parents[2]
    async with LocalCloud.open(root, stack="dev", config=CONFIG, port=0) as running:
        SIGNER.now = running.clock.now

        def answer(content: Any) -> Any:
            async def app(_: Any) -> JSONResponse:
                return JSONResponse(content)

            return app

        configuration = {"issuer": f"https://{PLATFORM}", "jwks_uri": f"https://{PLATFORM}/keys"}
        routes = [
            Route("/.well-known/openid-configuration", answer(configuration)),
            Route("/keys", answer(SIGNER.jwks)),
        ]
        running.network.serve(PLATFORM, Starlette(routes=routes))
        yield running


def provider(cloud: LocalCloud, way: str, keyring: Keyring) -> OAuthClientProvider:
    url, issuer = cloud.gateway_url + "/mcp", cloud.gateway_url
    match way:
        case "client_secret_basic" | "client_secret_post":
            return ClientCredentialsOAuthProvider(url, keyring, "nightly", SECRET, way, issuer=issuer)
        case "key":
            signed = SignedJWTParameters(issuer="signer", subject="signer", signing_key=SIGNER.pem)
            return PrivateKeyJWTOAuthProvider(url, keyring, "signer", signed.create_assertion_provider(), issuer=issuer)
        case _:
            token = SIGNER.assertion("", issuer, iss=f"https://{PLATFORM}", sub="repo:acme/x")
            return PrivateKeyJWTOAuthProvider(url, keyring, "pipeline", static_assertion_provider(token), issuer=issuer)


@WORKLOADS
@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "key", "platform"])
async def test_W1_a_workload_calls_a_tool(cloud: LocalCloud, way: str) -> None:
    keyring = Keyring()
    auth = provider(cloud, way, keyring)
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(cloud.gateway_url + "/mcp", http_client=http)) as client,
    ):
        await client.call_tool("save_snippet", {"name": f"by-{way}", "content": "print('nightly')"})
        assert "nightly" in text_of(await client.call_tool("get_snippet", {"name": f"by-{way}"}))
    assert keyring.tokens is not None
    assert keyring.tokens.refresh_token is None
