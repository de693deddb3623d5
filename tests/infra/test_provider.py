"""The component provider, as the engine talks to it: a real plugin process over gRPC, the recording monitor behind it."""

import inspect
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from actors.component_provider import ComponentProvider, component_provider
from secure_mcp_local.recording.wire import secret

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).parent / "snapshots" / "schema.json"
SERVER = {"location": "westeurope", "apimPublisherEmail": "mcp@example.com", "code": str(ROOT / "function_app")}
APIM = "azure-native:apimanagement:"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SETTINGS = {"mcpRateLimit": 7, "sseTransport": "disabled"}
PLACE = {"resourceGroupName": "rg", "location": "westeurope", "suffix": "abc123"}
OAUTH = {
    "resourceGroupName": "rg",
    "serviceName": "apim",
    "gatewayUrl": "https://gateway.example.com",
    "tenantId": "tenant",
    "clientId": "client",
    "identityClientId": "identity",
    "sessionStoreEndpoint": "https://store.example.com/dbs/d/colls/c",
    "oauthScopes": "openid profile offline_access",
    "encryptionKeyVersion": 2,
    **SETTINGS,
}
MCP_API = {
    "resourceGroupName": "rg",
    "serviceName": "apim",
    "backendUrl": "https://server.example.com/mcp",
    "policyParts": [],
    **SETTINGS,
}


@pytest.fixture
def provider() -> Iterator[ComponentProvider]:
    with component_provider() as running:
        yield running


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    with component_provider() as running:
        return running.schema()


def dedented(value: Any) -> Any:
    """Descriptions as Python 3.13 has them: older ones keep the indentation of the source."""
    if isinstance(value, list):
        return [dedented(item) for item in value]
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else dedented(item)
            for key, item in value.items()
        }
    return value


def test_the_schema_is_what_was_reviewed(schema: dict[str, Any]) -> None:
    current = json.dumps(dedented(schema), indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(current, encoding="utf-8")
    assert current == SNAPSHOT.read_text(encoding="utf-8"), "read the difference; if it is meant, run: make snapshots"


def test_everything_in_the_schema_is_described(schema: dict[str, Any]) -> None:
    for token, thing in (schema["resources"] | schema["types"]).items():
        assert thing["description"], token
        for name, value in (thing.get("inputProperties", {}) | thing["properties"]).items():
            assert value.get("description"), f"{token} {name}"


def test_a_server_is_the_same_as_in_python(provider: ComponentProvider, declared: Any) -> None:
    groups = {"assignedGroups": ["00000000-0000-4000-8000-00000000d0e1"]}
    outputs = provider.construct("SecureMcpServer", "mcp", SERVER | groups)
    assert outputs["mcpUrl"].endswith("/mcp")
    assert outputs["urn"] == "urn:pulumi:dev::other::secure-mcp:index:SecureMcpServer::mcp"

    def shape(recording: Any) -> set[tuple[str, str]]:
        return {(resource.urn.split("::")[2], resource.name) for resource in recording}

    assert shape(provider.recording) == shape(declared("dev"))
    for named in provider.recording.all(APIM + "NamedValue"):
        assert ("value" in named.secrets) is named.inputs["secret"], named.name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apimSku": "Gold"}, "configuration apimSku = 'Gold': use one of BasicV2, StandardV2, PremiumV2"),
        ({"vnetEnabled": True}, "set apimSku to StandardV2 or PremiumV2"),
        ({"consentDays": 1.5}, "configuration consentDays = 1.5: give a whole number"),
        ({"apimPublisherName": secret("hush")}, "configuration apimPublisherName = '(output)': give a plain value"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_declared(
    provider: ComponentProvider, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("SecureMcpServer", "mcp", SERVER | changes)
    assert message in caught.value.details()
    assert list(provider.recording) == []


def test_a_missing_value_is_named(provider: ComponentProvider) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("SecureMcpServer", "mcp", {"code": "function_app", "location": "westeurope"})
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert any(b"apimPublisherEmail" in detail.value for detail in caught.value.trailing_metadata())


def test_the_gateway_of_another_language_stands_in_front_of_its_server(provider: ComponentProvider) -> None:
    provider.construct("Monitoring", "m", PLACE)
    gateway = provider.construct(
        "Gateway",
        "g",
        PLACE
        | {
            "subscriptionId": "00000000-0000-4000-8000-000000000001",
            "apimPublisherEmail": "mcp@example.com",
            "apimPublisherName": "me",
            "appInsightsId": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/components/i",
            "appInsightsConnectionString": secret("InstrumentationKey=hush"),
        },
    )
    provider.construct("SessionStore", "s", PLACE | {"private": False, "locked": True, "principalId": "p"})
    provider.construct(
        "EntraApplication",
        "e",
        {
            "tenantId": "tenant",
            "loginEndpoint": "https://login.microsoftonline.com",
            "principalId": gateway["principalId"],
            "oauthScopes": "openid profile offline_access",
            "redirectUris": [gateway["url"] + "/oauth-callback"],
        },
    )
    oauth = provider.construct("AuthorizationServer", "o", OAUTH)
    parts = oauth["policyParts"]
    provider.construct(
        "McpApi", "a", MCP_API | {"policyParts": parts, "backendAudience": "audience"}, {"policyParts": parts}
    )
    recording = provider.recording
    logger = recording.one(APIM + "Logger")
    assert logger.secrets == {"credentials.connectionString"}
    urns = {r.urn for kind in ("NamedValue", "PolicyFragment") for r in recording.all(APIM + kind)}
    [policy] = [r for r in recording.all(APIM + "ApiPolicy") if r.name == "a-policy"]
    assert urns <= policy.dependencies
    assert 'calls="7"' in policy.inputs["value"]
    [uris] = recording.all("azuread:index/applicationRedirectUris:ApplicationRedirectUris")
    assert uris.inputs["redirectUris"] == [gateway["url"] + "/oauth-callback"]


def test_secrets_stay_secret(provider: ComponentProvider) -> None:
    provider.construct("McpApi", "a", MCP_API | {"functionKey": secret("hush"), "backendAuth": "functionKey"})
    [key] = provider.recording.all(APIM + "NamedValue")
    assert key.inputs["value"] == "hush"
    assert key.secrets == {"value"}
    provider.construct("AuthorizationServer", "o", OAUTH)
    hidden = {"o-EncryptionKey", "o-PreviousEncryptionKey"}
    assert {r.name for r in provider.recording.all(APIM + "NamedValue") if r.secrets} == hidden | {key.name}


def test_what_is_not_known_yet_is_no_error_in_a_preview(provider: ComponentProvider) -> None:
    unknown = dict.fromkeys(["resourceGroupName", "serviceName", "gatewayUrl", "tenantId", "clientId"], UNKNOWN)
    vault = {"vaultName": UNKNOWN, "resourceGroupName": UNKNOWN, "subscriptionId": UNKNOWN, "principalId": UNKNOWN}
    provider.construct("AuthorizationServer", "o", OAUTH | unknown | {"keyVault": vault}, preview=True)
    later = dict.fromkeys(["serviceName", "policyParts", "backendAudience"], UNKNOWN)
    provider.construct("McpApi", "a", MCP_API | later, preview=True)
    [policy] = [r for r in provider.recording.all(APIM + "ApiPolicy") if r.name == "a-policy"]
    assert policy.unknowns == {"serviceName"}
    [own] = [r for r in provider.recording.all(APIM + "NamedValue") if r.name.endswith("BackendAudience")]
    assert own.urn in policy.dependencies


def test_settings_that_cannot_work_are_refused(provider: ComponentProvider) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("AuthorizationServer", "o", OAUTH | {"sessionMinutes": 61})
    assert "configuration sessionMinutes = 61: use 1 to 60" in caught.value.details()
    assert list(provider.recording) == []
