"""Secrets in a key vault: API Management reads them, if and only if Azure would let it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.azure.key_vault import KeyVaults
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, record
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[3]
SERVICE = "azure-native:apimanagement:ApiManagementService"
NAMED_VALUE = "azure-native:apimanagement:NamedValue"
SECRET = "azure-native:keyvault:Secret"
VAULT = "azure-native:keyvault:Vault"
ROLE = "azure-native:authorization:RoleAssignment"

Change = Callable[[Recording], Recording]


@pytest.fixture(scope="module", params=["open", "closed"])
def stack(request: pytest.FixtureRequest) -> Recording:
    closed = {"keyVaultClosed": "true"} if request.param == "closed" else {}
    return record(ROOT, "dev", {"keyVaultEnabled": "true", **closed})


@pytest.fixture(scope="module")
def closed_stack() -> Recording:
    return record(ROOT, "dev", {"keyVaultEnabled": "true", "keyVaultClosed": "true"})


def read(recording: Recording) -> str:
    reference = next(r for r in recording.all(NAMED_VALUE) if r.get("displayName") == "EncryptionKey").get("keyVault")
    return KeyVaults(recording, recording.one(SERVICE)).read("EncryptionKey", reference)


def changed(type: str, **properties: Any) -> Change:
    return lambda recording: recording.changed(recording.all(type)[0].urn, **properties)


def vault(**properties: Any) -> Change:
    def change(recording: Recording) -> Recording:
        found = recording.one(VAULT)
        return recording.changed(found.urn, properties={**found.inputs["properties"], **properties})

    return change


def named_value(**key_vault: Any) -> Change:
    def change(recording: Recording) -> Recording:
        found = next(r for r in recording.all(NAMED_VALUE) if r.get("displayName") == "EncryptionKey")
        return recording.changed(found.urn, keyVault={**found.inputs["keyVault"], **key_vault})

    return change


def test_the_declared_secret_is_read(stack: Recording) -> None:
    secret = next(s for s in stack.all(SECRET) if s.get("secretName") == "EncryptionKey")
    assert read(stack) == secret.inputs["properties"]["value"]
    assert read(stack).startswith("1.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.without(lambda x: x.type == ROLE and "/vaults/" in x.inputs["scope"]), "Key Vault Secrets User"),
        (lambda r: r.without(lambda x: x.type == SECRET), "declares no secret"),
        (lambda r: r.without(lambda x: x.type == VAULT), "declares no key vault"),
        (changed(SERVICE, identity={"type": "None"}), "API Management has no"),
        (vault(enableRbacAuthorization=False), "access policies are not modelled"),
        (named_value(secretIdentifier="https://kv-other.vault.azure.net/secrets/EncryptionKey"), "declares no secret"),
    ],
    ids=["role", "secret", "vault", "identity", "access policies", "identifier"],
)
def test_what_azure_would_refuse_is_refused(stack: Recording, change: Change, said: str) -> None:
    with pytest.raises((LocalCloudError, NotModelled), match=said):
        read(change(stack))


@pytest.mark.parametrize(
    ("change", "code", "expected", "declared"),
    [
        (
            lambda r: r.without(lambda x: x.type == ROLE and "/vaults/" in x.inputs["scope"]),
            r"Forbidden \(ForbiddenByRbac\)", "Key Vault Secrets User for [0-9a-f-]{36} on /subscriptions/", "no role on a secret",
        ),
        (lambda r: r.without(lambda x: x.type == SECRET), "SecretNotFound", "a secret https://", "no secret"),
    ],
    ids=["role", "secret"],
)  # fmt: skip
def test_what_is_refused_has_key_vaults_own_code_and_what_was_expected_and_declared(
    stack: Recording, change: Change, code: str, expected: str, declared: str
) -> None:
    with pytest.raises(
        LocalCloudError, match=f"Key Vault refused, {code}: expected {expected}.*; declared: {declared}$"
    ):
        read(change(stack))


def test_a_firewall_lets_only_the_system_assigned_identity_in(closed_stack: Recording) -> None:
    gateway = next(
        r.get("clientId")
        for r in closed_stack.all("azure-native:managedidentity:UserAssignedIdentity")
        if r.name == "mcp-id" and "id-apim" in r.id
    )
    with pytest.raises(LocalCloudError, match="only the system-assigned identity"):
        read(named_value(identityClientId=gateway)(closed_stack))
    with pytest.raises(LocalCloudError, match="bypass"):
        read(vault(networkAcls={"bypass": "None", "defaultAction": "Deny"})(closed_stack))


def test_another_key_is_another_version(stack: Recording) -> None:
    identifiers = [v.inputs["keyVault"]["secretIdentifier"] for v in stack.all(NAMED_VALUE) if "keyVault" in v.inputs]
    rotated = record(ROOT, "dev", {"keyVaultEnabled": "true", "encryptionKeyVersion": "2"})
    after = [v.inputs["keyVault"]["secretIdentifier"] for v in rotated.all(NAMED_VALUE) if "keyVault" in v.inputs]
    assert len(identifiers) == len(after) == 2
    assert not set(identifiers) & set(after)


async def test_with_keys_in_a_vault_tools_work() -> None:
    everybody = {"assignedGroups": json.dumps(["00000000-0000-4000-8000-00000000d0e1"])}
    async with LocalCloud.open(ROOT, stack="prod", config=everybody, port=0) as cloud:
        application = Application(cloud.gateway_url)
        key = (await application.tokens(Person()))["access_token"]
        hello = await application.call(key, "tools/call", {"name": "hello_mcp", "arguments": {}})
        assert "Hello" in hello.text
