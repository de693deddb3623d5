"""The gateway: its service, its session store, its keys, and what waits for it."""

import json
from collections.abc import Callable

import pytest

from actors.wiring import (
    APIM,
    LOCK,
    ROLE,
    SECRETS_USER,
    STASH,
    Declared,
    before,
    identity_of,
)
from secure_mcp_local.recording import Recording


def test_the_gateway_has_both_identities_and_logs_no_bodies(anything: Recording) -> None:
    gateway = anything.one(APIM + "ApiManagementService")
    assert gateway.inputs["identity"]["type"] == "SystemAssigned, UserAssigned"
    assert len(gateway.inputs["identity"]["userAssignedIdentities"]) == 1
    diagnostic = anything.one(APIM + "Diagnostic")
    for side in ("frontend", "backend"):
        for direction in ("request", "response"):
            assert diagnostic.inputs[side][direction]["body"] == {"bytes": 0}
            assert diagnostic.inputs[side][direction]["headers"] == []
    logger = anything.one(APIM + "Logger")
    assert set(logger.inputs["credentials"]) == {"connectionString", "identityClientId"}


def test_the_previous_key_is_there_before_a_new_one_seals(declared: Declared) -> None:
    for vault in ("false", "true"):
        recording = declared(encryptionKeyVersion="2", keyVaultEnabled=vault)
        values = {value.inputs["displayName"]: value for value in recording.all(APIM + "NamedValue")}
        assert values["PreviousEncryptionKey"].urn in values["EncryptionKey"].dependencies


def test_the_session_store_has_no_keys_and_one_role_on_one_database(anything: Recording) -> None:
    account = anything.one("azure-native:cosmosdb:DatabaseAccount")
    assert account.inputs["disableLocalAuth"] is True
    containers = list(anything.all("azure-native:cosmosdb:SqlResourceSqlContainer"))
    assert {container.inputs["containerName"] for container in containers} == {"sessions", "registrations"}
    for container in containers:
        assert container.inputs["resource"]["defaultTtl"] == -1
        assert container.inputs["resource"]["partitionKey"]["paths"] == ["/id"]
    role = anything.one("azure-native:cosmosdb:SqlResourceSqlRoleAssignment")
    assert role.inputs["scope"] == account.id + "/dbs/secure-mcp"
    assert role.inputs["principalId"] == identity_of(anything, "id-apim-").get("principalId")
    definition = anything.one("azure-native:cosmosdb:SqlResourceSqlRoleDefinition")
    actions = {action.rsplit("/", 1)[-1] for p in definition.inputs["permissions"] for action in p["dataActions"]}
    assert actions == {"readMetadata", "create", "read", "replace", "delete"}


@pytest.mark.parametrize("closed", ["false", "true"])
def test_nothing_that_need_not_waits_for_the_slow_gateway(declared: Declared, closed: str) -> None:
    recording = declared("prod", keyVaultClosed=closed)
    gateway = recording.one(APIM + "ApiManagementService").urn
    others = [r for r in recording if r.custom and not r.type.startswith(APIM) and gateway in before(recording, r)]
    # Of the system-assigned identity, on a closed vault.
    late = {ROLE, STASH, LOCK} if closed == "true" else set[str]()
    assert {r.type for r in others} == late | {
        "azuread:index/applicationRedirectUris:ApplicationRedirectUris",
        # What its own logs leave out, where they go, and an alert on its metrics.
        "azure-native:resources:Deployment",
        "azure-native:monitor:DiagnosticSetting",
        "azure-native:monitor:MetricAlert",
    }
    roles = [r.inputs["roleDefinitionId"] for r in others if r.type == ROLE]
    assert all(role.endswith(SECRETS_USER) for role in roles)


@pytest.mark.parametrize(("stack", "path"), [("dev", (3, 3)), ("prod", (4, 3))])
def test_A9_few_steps_before_the_slow_gateway_and_at_most_three_after(
    declared: Declared, stack: str, path: tuple[int, int]
) -> None:
    recording = declared(stack)
    custom = {r.urn: r for r in recording if r.custom}
    gateway = recording.one(APIM + "ApiManagementService").urn

    def steps(urn: str, next_of: Callable[[str], list[str]]) -> int:
        return max((1 + steps(other, next_of) for other in next_of(urn)), default=0)

    before = steps(gateway, lambda urn: [d for d in custom[urn].dependencies if d in custom])
    after = steps(gateway, lambda urn: [r.urn for r in custom.values() if urn in r.dependencies])
    assert (before, after) == path


def test_A11_nothing_of_the_tiers_before_v2_is_sent(anything: Recording) -> None:
    service = anything.one(APIM + "ApiManagementService").inputs
    before = {"disableGateway", "enableClientCertificate", "legacyPortalStatus", "natGatewayState", "restore"}
    assert not before & set(service)


def test_B9_there_is_no_developer_portal(anything: Recording) -> None:
    assert anything.one(APIM + "ApiManagementService").inputs["developerPortalStatus"] == "Disabled"


def test_a_certificate_can_be_read_before_the_service_names_it(declared: Declared) -> None:
    vault = "/subscriptions/11111111-0000-4000-8000-000000000001/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv-certs"
    url = "https://kv-certs.vault.azure.net/secrets/mcp"
    recording = declared(
        "dev",
        customDomains='["mcp.contoso.com"]',
        domainCertificates=json.dumps({"mcp.contoso.com": url}),
        domainVaultId=vault,
    )
    service = recording.one(APIM + "ApiManagementService")
    used = service.inputs["identity"]["userAssignedIdentities"]
    [identity] = [r for r in recording.all("azure-native:managedidentity:UserAssignedIdentity") if r.id in used]
    # Nothing else, of which the v2 tiers know nothing.
    assert service.inputs["hostnameConfigurations"] == [
        {
            "type": "Proxy",
            "hostName": "mcp.contoso.com",
            "certificateSource": "KeyVault",
            "keyVaultId": url,
            "identityClientId": identity.get("clientId"),
        }
    ]
    role = recording.one(ROLE, "mcp-domain-vault-role")
    wait = recording.one(STASH, "mcp-domain-vault")
    assert (role.get("scope"), role.get("principalId")) == (vault, identity.get("principalId"))
    assert "/subscriptions/11111111-0000-4000-8000-000000000001/" in role.get("roleDefinitionId")
    assert role.urn in wait.dependencies
    assert wait.urn in service.dependencies
    # The vault is somebody else's: the role does not go with the group.
    assert not role.deleted_with
    assert not declared("dev").one(APIM + "ApiManagementService").get("hostnameConfigurations")
