"""What a client can find out before it signs in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
PROTECTED_RESOURCE = ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
AUTHORIZATION_SERVER = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/mcp",
]


@pytest.mark.parametrize("path", PROTECTED_RESOURCE)
async def test_M1_protected_resource_metadata_names_the_address_that_users_type(
    application: Application, path: str
) -> None:
    response = await application.send("GET", path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["resource"] == application.gateway_url + "/mcp"
    assert response.json()["authorization_servers"] == [application.gateway_url]


@pytest.mark.parametrize("typed", ["/mcp/", "/MCP", "/Mcp/", "/mcp"])
async def test_M1_D20_the_resource_is_what_was_typed(application: Application, typed: str) -> None:
    challenge = (await application.send("POST", typed)).headers["www-authenticate"]
    address = f"{application.gateway_url}/.well-known/oauth-protected-resource{typed}"
    assert f'resource_metadata="{address}"' in challenge
    metadata = (await application.send("GET", address)).json()
    assert metadata["resource"] == application.gateway_url + typed, "RFC 9728, section 3.3: identical"
    application.path = typed
    key = (await application.tokens(Person()))["access_token"]
    assert (await application.call(key)).status_code == 200


async def test_M1_the_root_form_is_of_the_server_at_mcp(application: Application) -> None:
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/"):
        assert (await application.send("GET", path)).json()["resource"] == application.gateway_url + "/mcp"


@pytest.mark.parametrize("path", AUTHORIZATION_SERVER)
async def test_M3_S6_authorization_server_metadata_says_only_what_is_there(application: Application, path: str) -> None:
    resource = (await application.send("GET", PROTECTED_RESOURCE[0])).json()
    response = await application.send("GET", path)
    assert response.status_code == 200
    metadata = response.json()
    assert metadata["issuer"] == resource["authorization_servers"][0]
    assert metadata["scopes_supported"] == ["mcp:tools", "offline_access"]
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    assert metadata["token_endpoint_auth_methods_supported"] == methods
    assert set(metadata["grant_types_supported"]) == {"authorization_code", "refresh_token"}
    assert metadata["client_id_metadata_document_supported"] is True


async def test_C1_metadata_documents_can_be_switched_off(cloud_with: CloudWith) -> None:
    async with cloud_with(clientMetadataHosts="[]") as cloud:
        metadata = (await Application(cloud.gateway_url).send("GET", AUTHORIZATION_SERVER[0])).json()
        assert "client_id_metadata_document_supported" not in metadata


async def test_M3_every_advertised_endpoint_exists(application: Application) -> None:
    metadata = (await application.send("GET", AUTHORIZATION_SERVER[0])).json()
    endpoints = {name: url for name, url in metadata.items() if name.endswith("_endpoint")}
    assert len(endpoints) == 4
    for name, url in endpoints.items():
        assert url.startswith(application.gateway_url + "/")
        method = "GET" if name == "authorization_endpoint" else "POST"
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.request(method, url)).status_code == 400, name


@pytest.mark.parametrize(
    "path",
    ["/.well-known/nothing", "/.well-known/oauth-protected-resource/other", "/.well-known/", "/.well-known/jwks.json"],
)
async def test_M4_unknown_well_knowns_are_not_found(application: Application, path: str) -> None:
    assert (await application.send("GET", path)).status_code == 404


async def test_S2_the_issuer_parameter_is_advertised(application: Application) -> None:
    metadata = (await application.send("GET", AUTHORIZATION_SERVER[0])).json()
    assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/authorize"),
        ("GET", "/consent"),
        ("GET", "/oauth-callback"),
        ("POST", "/consent"),
        ("POST", "/token"),
        ("POST", "/register"),
        ("POST", "/revoke"),
        ("POST", "/mcp"),
    ],
)
async def test_M32_A5_every_answer_asks_browsers_to_stay_on_https(
    application: Application, method: str, path: str
) -> None:
    response = await application.send(method, path)
    assert response.headers["strict-transport-security"] == "max-age=31536000"
