"""Enterprise-managed authorization with the official Python client, unmodified: no browser, no sign-in page."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from actors.identity_provider import IdentityProvider
from secure_mcp_local.cloud import LocalCloud

PROVIDER = IdentityProvider("login.corp.example.com")
CLIENT, SECRET = "desk-agent", "e2-" * 12


class Keyring:
    """Where the client keeps its tokens."""

    def __init__(self) -> None:
        self.issued: list[OAuthToken] = []

    async def get_tokens(self) -> OAuthToken | None:
        return self.issued[-1] if self.issued else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.issued.append(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        del client_info


@pytest.fixture(scope="module")
async def cloud() -> Any:
    config = {
        "signInRateLimit": "100000",
        "clients": json.dumps([{"id": CLIENT, "name": "Desk agent", "secret": SECRET}]),
        "identityProviders": json.dumps([PROVIDER.declared | {"clients": [CLIENT], "servers": {"mcp": ""}}]),
    }
    async with LocalCloud.open(Path(__file__).parents[2], stack="dev", config=config, port=0) as running:
        PROVIDER.signer.now = running.clock.now
        running.network.serve(PROVIDER.host, PROVIDER.app)
        yield running


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
async def test_E1_E2_E3_the_python_sdk_calls_tools_for_a_user_of_the_provider(cloud: LocalCloud, method: Any) -> None:
    url, keyring, asked = f"{cloud.gateway_url}/mcp", Keyring(), []

    async def assertion(audience: str, resource: str) -> str:
        asked.append((audience, resource))
        return PROVIDER.assertion(audience, resource, CLIENT)

    auth = IdentityAssertionOAuthProvider(
        url, keyring, CLIENT, SECRET, cloud.gateway_url, assertion, token_endpoint_auth_method=method
    )

    async def call() -> str:
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            await client.call_tool("save_snippet", {"name": "of-the-provider", "content": "print('hi')"})
            read = await client.call_tool("get_snippet", {"name": "of-the-provider"})
            return "".join(getattr(block, "text", "") for block in read.content)

    assert "print('hi')" in await call()
    assert asked == [(cloud.gateway_url, url)]
    assert keyring.issued[0].refresh_token is None
    # When the key has expired, the client comes back with another assertion, by itself.
    cloud.clock.advance(3600)
    assert "print('hi')" in await call()
    assert len(asked) == len(keyring.issued) == 2


async def test_E1_what_the_page_says_to_try_works(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (script,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "identity.md").read_text(), re.DOTALL)
    (tmp_path / "provider.py").write_text(script)

    def run(*arguments: str) -> str:
        command = [sys.executable, "provider.py", *arguments]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout

    given = shlex.split(await asyncio.to_thread(run, "config"))
    config = dict(item.split("=", 1) for item in given[1::2])
    async with LocalCloud.open(root, stack="dev", config=config, port=0) as cloud:
        assert "hello_mcp" in await asyncio.to_thread(run, "call", cloud.gateway_url)
