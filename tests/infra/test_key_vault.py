"""A key vault that we make."""

import pytest

from actors.wiring import APIM, ROLE, SECRETS_USER, STASH, Declared, before


@pytest.mark.parametrize("closed", ["false", "true"])
def test_a_key_vault_never_uses_access_policies_and_can_be_closed(declared: Declared, closed: str) -> None:
    recording = declared("prod", keyVaultClosed=closed)
    vault = recording.one("azure-native:keyvault:Vault").inputs["properties"]
    assert vault["enableRbacAuthorization"] is True
    assert vault["enablePurgeProtection"] is True
    assert "accessPolicies" not in vault
    shut = (vault["publicNetworkAccess"], vault["networkAcls"]["defaultAction"]) == ("disabled", "Deny")
    assert shut is (closed == "true")
    # The system-assigned identity is the only one that passes the firewall of a vault.
    system = recording.one(APIM + "ApiManagementService").get("identity")["principalId"]
    reader = next(r for r in recording.all(ROLE) if r.inputs["roleDefinitionId"].endswith(SECRETS_USER))
    assert (reader.inputs["principalId"] == system) is shut


def test_A6_the_role_on_the_vault_is_early_waited_for_and_the_only_one(declared: Declared) -> None:
    recording = declared("prod")
    [role] = [r for r in recording.all(ROLE) if r.inputs["roleDefinitionId"].endswith(SECRETS_USER)]
    assert role.inputs["scope"] == recording.one("azure-native:keyvault:Vault").id
    [waited] = [r for r in recording.all(STASH) if role.urn in r.dependencies]
    gateway = recording.one(APIM + "ApiManagementService").urn
    assert gateway not in before(recording, waited), "it passes while the gateway is being made"
    for value in recording.all(APIM + "NamedValue"):
        if "keyVault" in value.inputs:
            assert waited.urn in before(recording, value)
