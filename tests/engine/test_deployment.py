"""The life of the dev stack, as the real engine lives it."""

import json
import sys
from pathlib import Path

import pytest

from engine.workspace import PASSPHRASE, Workspace, copied_project
from samples import LATER_STEPS
from secure_mcp_local.cli.state import state_of
from secure_mcp_local.recording.wire import bare

APIM = "azure-native:apimanagement:"
POLICY = "mcp-mcp-policy"
KEY = "random:index/randomPassword:RandomPassword"


@pytest.fixture
def fresh(cli: str, tmp_path: Path) -> Workspace:
    return copied_project(tmp_path / "fresh")


@LATER_STEPS
def test_nothing_is_deployed_for_nobody(fresh: Workspace) -> None:
    fresh.pulumi("config", "rm", "apimPublisherEmail")
    refused = fresh.up(check=False)
    assert refused.exit_code != 0
    assert "missing configuration value" in refused.output
    assert "apimPublisherEmail" in refused.output
    assert fresh.names == set()


def test_a_preview_creates_everything_and_deploys_nothing(fresh: Workspace) -> None:
    run = fresh.preview()
    assert set(run.counts) <= {"create", "read"}
    assert run.counts["create"] > 90
    assert not list(fresh.store)


def test_up_deploys_what_the_preview_showed(untouched: Workspace) -> None:
    assert {"mcp-apim", "mcp-rg", POLICY, "mcp-oauth-token-policy"} <= untouched.names
    assert len(untouched.names) > 90


def test_what_is_deployed_is_known_from_the_state(untouched: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `doctor --stack`, `preflight` and `probe-azure` go by."""
    with untouched.environment() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        state = state_of([untouched.project], untouched.stack)
    [service] = state.of_type(f"{APIM}ApiManagementService")
    assert service in {r.id for r in untouched.store}
    assert str(state.outputs["secure-mcp"]["mcpUrl"]).endswith("/mcp")


@LATER_STEPS
def test_another_up_changes_nothing(deployed: Workspace) -> None:
    assert set(deployed.up().counts) == {"same"}


@LATER_STEPS
def test_an_edited_policy_updates_that_policy_only(deployed: Workspace) -> None:
    policy = deployed.project / "policies" / "oauth" / "revoke.xml"
    policy.write_text(policy.read_text().replace("<inbound>", "<inbound><!-- edited -->", 1))
    assert deployed.up().changed() == {"mcp-oauth-revoke-policy": "update"}
    (saved,) = (r for r in deployed.store if r.name == "mcp-oauth-revoke-policy")
    assert "<!-- edited -->" in str(saved.inputs["value"])


@LATER_STEPS
def test_another_tier_updates_the_gateway_in_place(deployed: Workspace) -> None:
    assert deployed.up(apimSku="StandardV2").changed() == {"mcp-apim": "update"}


@LATER_STEPS
def test_a_rotated_key_is_a_new_key_and_the_old_one_still_opens(deployed: Workspace) -> None:
    before = deployed.secrets(KEY, "result")
    changed = deployed.up(encryptionKeyVersion="2").changed()
    after = deployed.secrets(KEY, "result")
    assert len(before) == 1
    assert len(after) == 2
    assert before.items() <= after.items()
    assert len(set(after.values())) == 2
    assert set(changed.values()) <= {"create", "update"}
    assert not [name for name in changed if "policy" in name], "no policy holds a key"


@LATER_STEPS
def test_what_was_deleted_by_hand_is_found_and_deployed_again(deployed: Workspace) -> None:
    (policy,) = (r for r in deployed.store if r.name == POLICY)
    deployed.store.delete(policy.id)
    assert deployed.refresh().changed() == {POLICY: "delete"}
    assert deployed.up().changed() == {POLICY: "create"}


@LATER_STEPS
def test_A6_a_secret_that_cannot_be_read_yet_is_tried_again(fresh: Workspace) -> None:
    run = fresh.up(keyVaultEnabled="true", faults="late create mcp-oauth-EncryptionKey")
    assert [told for told in run.messages if "a role is not in force yet" in told]
    assert "mcp-oauth-EncryptionKey" in fresh.names


@LATER_STEPS
def test_a_failure_in_the_middle_is_completed_by_another_up(fresh: Workspace) -> None:
    """What is being made while something else fails is waited for and written down: the engine ends when its workers have.
    So the next `up` meets nothing that it does not know, such as a role assignment, which Azure would refuse to make again.
    """
    failed = fresh.up(check=False, faults=f"fail create {APIM}Api")
    assert failed.exit_code != 0
    assert "create was made to fail" in failed.output
    assert "mcp-apim" in fresh.names
    assert POLICY not in fresh.names
    known = {r["id"] for r in fresh.state["resources"] if "id" in r}
    assert {r.id for r in fresh.store} <= known, "made, and not written down"
    # By id: components of one stack may give the same name to what each of them makes.
    before = {r.id: r.created for r in fresh.store}
    assert set(fresh.up().counts) == {"same", "create"}
    assert {r.id: r.created for r in fresh.store}.items() >= before.items(), "nothing was made twice"
    assert POLICY in fresh.names


@LATER_STEPS
def test_C_destroy_deletes_the_group_and_what_is_outside_and_leaves_nothing(deployed: Workspace) -> None:
    inside = {r.name for r in deployed.store if "/resourceGroups/rg-mcp-" in r.id and r.name != "mcp-rg"}
    assert len(inside) > 90
    deployed.destroy()
    assert not list(r for r in deployed.store if not r.adopted)
    assert not list(deployed.store.folder.glob("*.zip")), "code stays behind"
    assert not deployed.state.get("resources") or {r["type"] for r in deployed.state["resources"]} <= {
        "pulumi:pulumi:Stack"
    }


@LATER_STEPS
def test_B10_C_the_private_stack_is_deployed_again_refreshed_and_destroyed(cli: str, tmp_path: Path) -> None:
    """A refresh forgets nothing and needs no key. That Azure does not give secrets back, so that they are shown as changed, is in the docs:
    azure-unknowns.md, `pulumi-refresh`.
    """
    private = copied_project(tmp_path / "private", stack="prod")
    private.up()
    assert set(private.up().counts) == {"same"}
    assert not private.refresh().changed()
    private.destroy()
    assert not [r for r in private.store if not r.adopted]


DOMAIN = "mcp.contoso.com"
VAULT = """
from pulumi_azure_native import keyvault, resources

group = resources.ResourceGroup("certificates", resource_group_name="certificates", location="swedencentral")
keyvault.Vault(
    "certificates",
    vault_name="kv-certs",
    resource_group_name=group.name,
    location="swedencentral",
    properties={
        "tenant_id": "00000000-0000-4000-8000-000000000002",
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "enable_purge_protection": True,
    },
)
"""


@LATER_STEPS
def test_a_domain_with_its_certificate_is_deployed_changed_refreshed_and_destroyed(fresh: Workspace) -> None:
    """Its vault is somebody else's: the role there goes singly, and the vault stays as it is."""
    others = fresh.within("others")
    others.project.mkdir()
    settings = f"name: others\nruntime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}\n"
    (others.project / "Pulumi.yaml").write_text(settings)
    others.program(VAULT)
    others.pulumi("stack", "init")
    others.up()
    before = {r.id: r.inputs for r in fresh.store if not r.adopted}
    [vault] = [id for id in before if "/vaults/" in id]

    def configure(certificate: str) -> None:
        url = f"https://kv-certs.vault.azure.net/secrets/{certificate}"
        fresh.pulumi("config", "set", "--path", "customDomains[0]", DOMAIN)
        fresh.pulumi("config", "set", "--path", f'domainCertificates["{DOMAIN}"]', url)
        fresh.pulumi("config", "set", "domainVaultId", vault)

    def certificate() -> str:
        [service] = [r for r in fresh.store if r.name == "mcp-apim"]
        [found] = service.inputs["hostnameConfigurations"]
        assert (found["hostName"], found["certificateSource"]) == (DOMAIN, "KeyVault")
        return found["keyVaultId"].rpartition("/")[2]

    configure("mcp")
    fresh.up()
    fragments = [str(r.inputs["value"]) for r in fresh.store if r.type == f"{APIM}PolicyFragment"]
    assert any(DOMAIN in text for text in fragments), "the gateway speaks of itself by this name"
    assert certificate() == "mcp"
    [role] = [r for r in fresh.store if r.name == "mcp-domain-vault-role"]
    assert role.id.startswith(f"{vault}/")
    assert set(fresh.up().counts) == {"same"}
    configure("renewed")
    assert fresh.up().changed() == {"mcp-apim": "update"}
    assert certificate() == "renewed"
    assert not fresh.refresh().changed()
    assert fresh.destroy().operations[role.urn] == "delete"
    assert {r.id: r.inputs for r in fresh.store if not r.adopted} == before


@LATER_STEPS
def test_two_stacks_live_side_by_side(deployed: Workspace) -> None:
    other = deployed.with_stack("second")
    other.up()
    assert other.names == deployed.names
    ids = {r.id for r in other.store if r.stack == "second"}
    assert not ids & {r.id for r in deployed.store if r.stack == "dev"}
    other.destroy()
    assert not other.names
    assert set(deployed.up().counts) == {"same"}


def test_secrets_are_encrypted_in_the_state(untouched: Workspace) -> None:
    state = json.dumps(untouched.state)
    keys = untouched.secrets(KEY, "result")
    assert keys
    (sealing,) = (r for r in untouched.store if r.inputs.get("displayName") == "EncryptionKey")
    for secret in (*keys.values(), bare(sealing.inputs["value"]).partition(".")[2]):
        assert len(secret) > 80
        assert secret not in state
    assert PASSPHRASE not in state
    assert '"ciphertext"' in state
