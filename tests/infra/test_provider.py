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
from samples import PROVIDER
from secure_mcp_local.recording.wire import secret

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).parent / "snapshots" / "schema.json"
SERVER = {"location": "westeurope", "apimPublisherEmail": "mcp@example.com", "code": str(ROOT / "function_app")}
APIM = "azure-native:apimanagement:"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PLACE = {"resourceGroupName": "rg", "location": "westeurope", "suffix": "abc123"}
OAUTH = {
    "resourceGroupName": "rg",
    "serviceName": "apim",
    "gatewayUrl": "https://gateway.example.com",
    "tenantId": "tenant",
    "clientId": "client",
    "identityClientId": "identity",
    "sessionStoreEndpoint": "https://store.example.com/dbs/d/colls/c",
    "registrationStoreEndpoint": "https://store.example.com/dbs/d/colls/r",
    "oauthScopes": "openid profile offline_access",
    "encryptionKeyVersion": 2,
}
REFERENCE = {
    "url": "https://gateway.example.com",
    "serviceName": "apim",
    "serviceResourceGroupName": "rg",
    "policyParts": [],
    "tenantId": "tenant",
    "signInPrincipalId": "principal",
    "identityClientId": "identity",
    "identityPrincipalId": "identity-principal",
    "subscriptionId": "00000000-0000-4000-8000-000000000001",
}
MCP_API = {
    "gateway": REFERENCE,
    "serverId": "id",
    "applicationId": "application",
    "backendUrl": "https://server.example.com/mcp",
    "mcpRateLimit": 7,
    "sseTransport": "disabled",
}


@pytest.fixture
def provider() -> Iterator[ComponentProvider]:
    with component_provider() as running:
        yield running


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    with component_provider() as running:
        return running.schema()


def dedented(value: Any, of_items: bool = False) -> Any:
    """Descriptions as Python 3.13 has them: older ones keep the indentation of the source, and repeat a list's for its items."""
    if isinstance(value, list):
        return [dedented(item) for item in value]
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item)
            if key == "description" and isinstance(item, str)
            else dedented(item, key in {"items", "additionalProperties"})
            for key, item in value.items()
            if not (key == "description" and of_items)
        }
    return value


def test_the_schema_is_what_was_reviewed(schema: dict[str, Any]) -> None:
    # The version is that of the release, and of the environment.
    reviewed = {name: value for name, value in schema.items() if name != "version"}
    current = json.dumps(dedented(reviewed), indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(current, encoding="utf-8")
    assert current == SNAPSHOT.read_text(encoding="utf-8"), "read the difference; if it is meant, run: make snapshots"


@PROVIDER
def test_everything_in_the_schema_is_described(schema: dict[str, Any]) -> None:
    for token, thing in (schema["resources"] | schema["types"]).items():
        assert thing["description"], token
        for name, value in (thing.get("inputProperties", {}) | thing["properties"]).items():
            assert value.get("description"), f"{token} {name}"


@PROVIDER
def test_a_server_is_the_same_as_in_python(provider: ComponentProvider, declared: Any) -> None:
    # As the program has it, which keeps snippets.
    own = {"containers": ["snippets"], "appSettings": {"SNIPPETS_CONTAINER": "snippets"}}
    groups = {"assignedGroups": ["00000000-0000-4000-8000-00000000d0e1"]}
    outputs = provider.construct("SecureMcpServer", "mcp", SERVER | own | groups)
    assert outputs["mcpUrl"].endswith("/mcp")
    assert outputs["urn"] == "urn:pulumi:dev::other::secure-mcp:index:SecureMcpServer::mcp"

    def shape(recording: Any) -> set[tuple[str, str]]:
        return {(resource.urn.split("::")[2], resource.name) for resource in recording}

    assert shape(provider.recording) == shape(declared("dev"))
    for named in provider.recording.all(APIM + "NamedValue"):
        assert ("value" in named.secrets) is named.inputs["secret"], named.name


@PROVIDER
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


@PROVIDER
def test_a_missing_value_is_named(provider: ComponentProvider) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("SecureMcpServer", "mcp", {"code": "function_app", "location": "westeurope"})
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert any(b"apimPublisherEmail" in detail.value for detail in caught.value.trailing_metadata())


GATEWAY = {"location": "westeurope", "apimPublisherEmail": "mcp@example.com"}
SERVER_OPTIONS = {"path": "team/notes", "mcpRateLimit": 7, "address": {"url": "https://notes.example.com/mcp"}}


@PROVIDER
def test_a_gateway_and_its_server_of_another_language(provider: ComponentProvider) -> None:
    gateway = provider.construct("Gateway", "g", GATEWAY)
    assert gateway["reference"]["contract"] == 1
    server = provider.construct("Server", "s", SERVER_OPTIONS | {"gateway": gateway["reference"]})
    assert server["url"] == gateway["url"] + "/team/notes"
    recording = provider.recording
    [policy] = [r for r in recording.all(APIM + "ApiPolicy") if r.name == "s-mcp-policy"]
    assert 'calls="7"' in policy.inputs["value"]
    assert recording.one(APIM + "Logger").secrets == {"credentials.connectionString"}


@PROVIDER
def test_a_server_of_another_stack_knows_a_gateway_by_plain_values(provider: ComponentProvider) -> None:
    server = provider.construct("Server", "s", SERVER_OPTIONS | {"gateway": REFERENCE})
    assert server["url"] == "https://gateway.example.com/team/notes"


@PROVIDER
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contract": 0}, "configuration gateway.contract = 0: this server needs a gateway of contract 1"),
        ({"oldestContract": 2}, "configuration gateway.oldestContract = 2: this server is of contract 1"),
        ({"url": None}, "configuration url = None: give a value"),
    ],
)
def test_P8_a_gateway_that_a_server_cannot_work_with_is_named(
    provider: ComponentProvider, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("Server", "s", SERVER_OPTIONS | {"gateway": REFERENCE | changes})
    assert message in caught.value.details()
    assert list(provider.recording) == []


@PROVIDER
def test_secrets_stay_secret(provider: ComponentProvider) -> None:
    provider.construct("McpApi", "a", MCP_API | {"functionKey": secret("hush"), "backendAuth": "functionKey"})
    [key] = [r for r in provider.recording.all(APIM + "NamedValue") if r.inputs["secret"]]
    assert key.inputs["value"] == "hush"
    assert key.secrets == {"value"}
    provider.construct("AuthorizationServer", "o", OAUTH)
    hidden = {"o-EncryptionKey", "o-PreviousEncryptionKey"}
    assert {r.name for r in provider.recording.all(APIM + "NamedValue") if r.secrets} == hidden | {key.name}


@PROVIDER
def test_what_is_not_known_yet_is_no_error_in_a_preview(provider: ComponentProvider) -> None:
    unknown = dict.fromkeys(["resourceGroupName", "serviceName", "gatewayUrl", "tenantId", "clientId"], UNKNOWN)
    vault = {"vaultName": UNKNOWN, "resourceGroupName": UNKNOWN, "subscriptionId": UNKNOWN, "principalId": UNKNOWN}
    provider.construct("AuthorizationServer", "o", OAUTH | unknown | {"keyVault": vault}, preview=True)
    provider.construct("McpApi", "a", MCP_API | {"gateway": UNKNOWN, "backendAudience": UNKNOWN}, preview=True)
    [policy] = [r for r in provider.recording.all(APIM + "ApiPolicy") if r.name == "a-policy"]
    assert {"serviceName", "value"} <= policy.unknowns
    [own] = [r for r in provider.recording.all(APIM + "NamedValue") if r.name.endswith("-audience")]
    assert own.urn in policy.dependencies


@PROVIDER
def test_settings_that_cannot_work_are_refused(provider: ComponentProvider) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.construct("AuthorizationServer", "o", OAUTH | {"sessionMinutes": 61})
    assert "configuration sessionMinutes = 61: use 1 to 60" in caught.value.details()
    assert list(provider.recording) == []
