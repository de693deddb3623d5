"""The official Python client, unmodified, with a person where it would open a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Person, answer_of


class Keyring:
    """Where a client keeps its tokens."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None
        self.issued: list[OAuthToken] = []

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens
        self.issued.append(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def sign_in(url: str, person: Person, keyring: Keyring) -> OAuthClientProvider:
    """The SDK's own OAuth client, with a person where it would open a browser."""
    ends: list[str] = []

    async def open_browser(address: str) -> None:
        end = await person.sign_in(address)
        assert isinstance(end, str), end.text
        ends.append(end)

    async def wait_for_answer() -> AuthorizationCodeResult:
        answer = answer_of(ends.pop())
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    return OAuthClientProvider(
        url,
        OAuthClientMetadata.model_validate(
            {"client_name": "Python client", "redirect_uris": ["http://localhost:3030/callback"]}
        ),
        keyring,
        open_browser,
        wait_for_answer,
    )


@asynccontextmanager
async def connect(
    cloud: LocalCloud, person: Person, keyring: Keyring, mode: str = "auto", path: str = "/mcp"
) -> AsyncIterator[tuple[Client, OAuthClientProvider]]:
    url = cloud.gateway_url + path
    auth = sign_in(url, person, keyring)
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client, auth


def text_of(result: object) -> str:
    return "".join(block.text for block in result.content)  # type: ignore[attr-defined]
