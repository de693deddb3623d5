"""C1, C2, M6: clients with a secret or a key, registered in each way, with the official SDKs, unmodified."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from actors.signer import Signer
from contract.test_sessions import events
from e2e.test_python_client import Keyring, text_of
from e2e.test_typescript_clients import called
from samples import SDKS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Person, answer_of

SECRET = "k7_" * 12
SIGNER = Signer()
HOST = "apps.example.com"
REDIRECTS = ["http://localhost/callback", "http://localhost:3030/callback"]
METHODS = ["client_secret_basic", "client_secret_post"]
CONFIG = {
    "clientMetadataHosts": json.dumps([HOST]),
    "clients": json.dumps(
        [
            {"id": "with-a-secret", "name": "Agent", "secret": SECRET, "redirectUris": REDIRECTS},
            {"id": "with-a-key", "name": "Signing agent", "keys": [SIGNER.public], "redirectUris": REDIRECTS},
        ]
    ),
}


@pytest.fixture(scope="module")
async def cloud() -> AsyncIterator[LocalCloud]:
    async def document(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "client_id": f"https://{HOST}{request.url.path}",
                "client_name": "Published client",
                "redirect_uris": REDIRECTS,
                **(
                    {"token_endpoint_auth_method": "private_key_jwt", "jwks": SIGNER.jwks}
                    if "key" in request.url.path
                    else {}
                ),
            }
        )

    root = Path(__file__).parents[2]
    async with LocalCloud.open(root, stack="dev", config=CONFIG, port=0) as running:
        running.network.serve(HOST, Starlette(routes=[Route("/{path:path}", document)]))
        yield running


def identity(way: str) -> dict[str, Any]:
    """How a client says who it is, and what it was given for that."""
    match way:
        case "registration key":
            return {
                "metadata": {"token_endpoint_auth_method": "private_key_jwt", "jwks": SIGNER.jwks}, "key": SIGNER.pem,
            }  # fmt: skip
        case "document key":
            return {"document": f"https://{HOST}/key.json", "key": SIGNER.pem}
        case "configuration key":
            return {"information": {"client_id": "with-a-key"}, "key": SIGNER.pem}
        case _:
            registered, method = way.split()
            if registered == "registration":
                return {"metadata": {"token_endpoint_auth_method": method}}
            given = {"client_id": "with-a-secret", "client_secret": SECRET, "token_endpoint_auth_method": method}
            return {"information": given}


WAYS = [
    *(f"{registered} {method}" for registered in ("registration", "configuration") for method in METHODS),
    *(f"{registered} key" for registered in ("registration", "document", "configuration")),
]


def assert_authenticated(cloud: LocalCloud, before: int, client_id: str) -> None:
    """Each token was given to that client, and nobody was refused on the way."""
    told = events(cloud)[before:]
    assert [event["client"] for event in told if event["event"] == "token" and event["outcome"] == "issued"] == [
        client_id
    ] * 3
    assert not [event for event in told if event["outcome"] == "refused" and event["event"] != "mcp"]


@SDKS
@pytest.mark.parametrize("package", ["@modelcontextprotocol/client", "@modelcontextprotocol/sdk"])
@pytest.mark.parametrize("way", WAYS)
async def test_C1_C2_M6_the_typescript_sdk_signs_in_and_refreshes(
    cloud: LocalCloud, tmp_path: Path, package: str, way: str
) -> None:
    before = len(events(cloud))
    found = await called(cloud, tmp_path, package, "legacy", "hello_mcp", refreshes=2, **identity(way))
    assert "Hello" in str(found["result"])
    assert found["sessions"] == 3
    assert bool(found["client"].get("client_secret")) == ("secret" in way)
    assert_authenticated(cloud, before, found["client"]["client_id"])


@pytest.mark.parametrize("way", [*WAYS[:4], "document none"])
async def test_C1_C2_M6_the_python_sdk_signs_in_and_refreshes(cloud: LocalCloud, way: str) -> None:
    """Its private_key_jwt is for callers without a user: test_workloads.py."""
    url, keyring, ends = cloud.gateway_url + "/mcp", Keyring(), list[str]()

    async def open_browser(address: str) -> None:
        end = await Person("alice").sign_in(address)
        assert isinstance(end, str), end.text
        ends.append(end)

    async def wait_for_answer() -> AuthorizationCodeResult:
        answer = answer_of(ends.pop())
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    said = {"document": f"https://{HOST}/public.json"} if way == "document none" else identity(way)
    metadata = {"client_name": "Python client", "redirect_uris": [REDIRECTS[1]]} | said.get("metadata", {})
    if "information" in said:
        keyring.client = OAuthClientInformationFull.model_validate(
            {"redirect_uris": [REDIRECTS[1]], "issuer": cloud.gateway_url} | said["information"]
        )
    auth = OAuthClientProvider(
        url,
        OAuthClientMetadata.model_validate(metadata),
        keyring,
        open_browser,
        wait_for_answer,
        client_metadata_url=said.get("document"),
    )
    before = len(events(cloud))
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        assert "Hello" in text_of(await client.call_tool("hello_mcp", {}))
        for _ in range(2):
            auth.context.token_expiry_time = 1
            assert "Hello" in text_of(await client.call_tool("hello_mcp", {}))
    assert keyring.client is not None
    assert (keyring.client.client_secret is not None) == ("secret" in way)
    assert len({tokens.refresh_token for tokens in keyring.issued}) == 3
    assert_authenticated(cloud, before, keyring.client.client_id)
