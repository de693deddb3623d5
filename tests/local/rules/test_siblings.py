"""Rules that find more than the one mistake of the table: each of their kinds, in a stack of ours that is otherwise without findings."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.check.plan import declared
from secure_mcp_local.mutants.mutant import GONE, Mutant
from secure_mcp_local.recording import Recording, Resource, record
from secure_mcp_local.rules.rule import Stack

ROOT = Path(__file__).parents[3]
AZURE = "azure-native:"
STRANGER = "f0e1d2c3-b4a5-4687-9988-776655443322"


@pytest.fixture(scope="module")
def ours() -> Recording:
    return record(ROOT, "prod", {"apimPublisherEmail": "mcp@fabrikam.com"})


def said(recording: Recording, rule: str) -> list[str]:
    return [one.message for one in declared(recording, "", documents=False) if one.rule.name == rule]


def named(ours: Recording, type: str, name: str) -> Resource:
    return next(one for one in ours.all(type) if name in one.name)


def with_(ours: Recording, resource: Resource, path: tuple[str | int, ...], value: Any) -> Recording:
    kind = "weaker" if path else "drop"
    return Mutant(resource.urn, resource.type, resource.name, kind, path, value).applied(ours)


def without(ours: Recording, resource: Resource, *names: str) -> Recording:
    """A resource that does not wait for what has these names any more, nor for what waits for it."""
    gone = {one.urn for one in ours if any(name in one.name for name in names)}
    loose = replace(resource, dependencies=resource.dependencies - gone)
    return replace(ours, resources=tuple(loose if one.urn == resource.urn else one for one in ours))


@pytest.mark.parametrize(
    ("rule", "type", "name", "path", "value", "words"),
    [
        # The way to a private endpoint goes through the security groups of both subnets.
        ("network-path", f"{AZURE}network:NetworkSecurityGroup", "endpoints", ("securityRules", 0), GONE, "deny-everything-else of mcp-endpoints-nsg"),
        ("network-path", f"{AZURE}network:NetworkSecurityGroup", "endpoints", ("securityRules", 0, "destinationPortRange"), "8000-8100", "denies it"),
        ("network-path", f"{AZURE}network:NetworkSecurityGroup", "endpoints", ("securityRules", 0, "protocol"), "Udp", "denies it"),
        ("network-path", f"{AZURE}network:NetworkSecurityGroup", "endpoints", ("securityRules", 0, "sourceAddressPrefix"), "192.168.0.0/16", "denies it"),
        ("network-path", f"{AZURE}network:NetworkSecurityGroup", "gateway", ("securityRules", 0, "direction"), "Outbound", None),
        # A vault is of the tenant whose identities read it.
        ("weak-vault", f"{AZURE}keyvault:Vault", "kv", ("properties", "tenantId"), STRANGER, "none of them gets in"),
        ("weak-vault", f"{AZURE}keyvault:Vault", "kv", ("properties", "tenantId"), "", "must be the id of the tenant"),
        ("weak-vault", f"{AZURE}keyvault:Vault", "kv", ("properties", "publicNetworkAccess"), "", "must be one of"),
        ("diagnostic-setting", f"{AZURE}monitor:DiagnosticSetting", "kv-logs", ("logAnalyticsDestinationType",), GONE, "'Dedicated'"),
        ("empty-secret", f"{AZURE}keyvault:Secret", "", ("properties",), {}, "there is no secret"),
        # What the policies do with documents, the role has to allow.
        ("cosmos-users", f"{AZURE}cosmosdb:SqlResourceSqlRoleDefinition", "role", ("permissions", 0, "dataActions"),
         ["Microsoft.DocumentDB/databaseAccounts/readMetadata"], "sends DELETE to"),
        ("cosmos-users", f"{AZURE}cosmosdb:SqlResourceSqlRoleDefinition", "role", ("permissions", 0, "dataActions"),
         ["Microsoft.DocumentDB/databaseAccounts/readMetadata", "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/*"], None),
        ("gateway-token", f"{AZURE}apimanagement:NamedValue", "mcp-application", ("value",), STRANGER, "ask for tokens of the application mcp-application"),
        # Somebody has to say who gets a token of an application.
        ("service-principal", "azuread:index/application:Application", "server", ("appRoles",), [], "every user of the tenant gets a token of it"),
        ("unlocked", f"{AZURE}authorization:ManagementLockByScope", "kv", (), GONE, "no lock is on mcp-kv"),
        ("unlocked", f"{AZURE}authorization:ManagementLockByScope", "storage", (), GONE, "no lock is on mcp-storage-st "),
        ("unalerted", f"{AZURE}monitor:ScheduledQueryRule", "near-cap", (), GONE, "reaches its workspaceCapping.dailyQuotaGb 5"),
        ("unalerted", f"{AZURE}monitor:MetricAlert", "throttling", (), GONE, "that it throttles"),
        ("unalerted", f"{AZURE}monitor:MetricAlert", "gateway-errors", ("criteria", "allOf", 0, "dimensions", 0, "values"), ["4xx"], "that calls fail"),
        ("unalerted", f"{AZURE}monitor:ScheduledQueryRule", "replayed-tokens", (), GONE, "codes and refresh tokens come back"),
        ("unalerted", f"{AZURE}monitor:ScheduledQueryRule", "refused-tokens", (), GONE, "that it refuses tokens"),
        ("unalerted", f"{AZURE}monitor:ScheduledQueryRule", "failing-sign-ins", (), GONE, "that sign-ins fail"),
        ("unalerted", f"{AZURE}monitor:ScheduledQueryRule", "slow-calls", (), GONE, None),
        ("region", f"{AZURE}resources:ResourceGroup", "rg", ("location",), "swedencentrall", "did you mean swedencentral?"),
        ("region", f"{AZURE}resources:ResourceGroup", "rg", ("location",), "Sweden Central", None),
        ("api", f"{AZURE}apimanagement:Api", "mcp-api", ("serviceUrl",), "https://me:secret@a.fabrikam.net/mcp", "a user and a password"),
        ("identity-type", f"{AZURE}web:WebApp", "", ("identity", "userAssignedIdentities", 0), "id-of-mine", "'id-of-mine', which is no id"),
        ("private-server", f"{AZURE}apimanagement:Api", "mcp-mcp-api", ("serviceUrl",), "https://10.0.0.4/mcp", None),
        ("private-server", f"{AZURE}apimanagement:Api", "mcp-mcp-api", ("serviceUrl",), "https://[::ffff:127.0.0.1]/mcp", "the gateway's own machine"),
        ("private-server", f"{AZURE}apimanagement:Api", "mcp-mcp-api", ("serviceUrl",), "https://LocalHost:8000/mcp", "the gateway's own machine"),
        ("api", f"{AZURE}apimanagement:Api", "mcp-api", ("serviceUrl",), "https://169.254.169.254/metadata", "its own machines"),
        ("logger", f"{AZURE}apimanagement:Logger", "", ("credentials", "connectionString"), STRANGER, "InstrumentationKey="),
        *[("secret-in-settings", f"{AZURE}web:WebApp", "", ("siteConfig", "appSettings", 0), {"name": "A", "value": value}, words)
          for value, words in (
              ("Server=db;User ID=sa;Password=Tr0ub4dor", "has a secret in plain text"),
              ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcd==", "has a secret in plain text"),
              ("https://x.blob.core.windows.net/c?sp=r&sig=abcdefghijklmnopqrstuvwxyz%3D", "has a secret in plain text"),
              ("amqps://me:secret@queue.fabrikam.net", "has a secret in plain text"),
              ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "has a secret in plain text"),
              ("@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/db)", None),
              ("https://db.fabrikam.net/?password_policy=strict", None),
          )],
        ("key-vault-reader", f"{AZURE}web:WebApp", "", ("siteConfig", "appSettings", 0), {"name": "A", "value": "@Microsoft.KeyVault(VaultName=foreign;SecretName=db)"},
         "the vault foreign, which the stack does not declare"),
        *[("key-vault-reference", f"{AZURE}web:WebApp", "", ("siteConfig", "appSettings", 0), {"name": "A", "value": f"@Microsoft.KeyVault({value})"}, words)
          for value, words in (
              ("VaultName=kv;SecretName=db", None),
              ("SecretUri=https://kv.vault.azure.net/secrets/db/0123456789abcdef0123456789abcdef", None),
              ("VaultName=kv", "no reference"),
              ("SecretUri=https://kv.vault.azure.net/keys/db", "no reference"),
          )],
    ],
)  # fmt: skip
def test_a_mistake_is_found_or_is_none(
    ours: Recording, rule: str, type: str, name: str, path: tuple[str | int, ...], value: Any, words: str | None
) -> None:
    assert said(ours, rule) == []
    found = said(with_(ours, named(ours, type, name), path, value), rule)
    if words is None:
        assert found == []
    else:
        assert any(words in one for one in found), found


@pytest.mark.parametrize(
    ("rule", "type", "name", "earlier", "words"),
    [
        ("early-lock", f"{AZURE}authorization:ManagementLockByScope", "kv-lock", ("kv-logs",), "does not depend on mcp-kv-logs, which it keeps"),
        ("early-lock", f"{AZURE}authorization:ManagementLockByScope", "kv-lock", ("reader-role",), "mcp-kv-reader-role"),
        ("early-lock", f"{AZURE}authorization:ManagementLockByScope", "cosmos-lock", ("cosmos-names",), "mcp-cosmos-endpoint"),
        ("early-log", f"{AZURE}monitor:DiagnosticSetting", "apim-logs", ("azure-monitor",), "mcp-apim-logs does not depend on mcp-azure-monitor"),
        ("parallel-endpoints", f"{AZURE}network:PrivateEndpoint", "code-endpoint", ("names", "endpoint"), "change one subnet or service"),
        ("parallel-cosmos", f"{AZURE}network:PrivateEndpoint", "cosmos-endpoint", ("mcp-role",), "mcp-cosmos-endpoint change one account"),
    ],
)  # fmt: skip
def test_what_comes_too_early_is_found(
    ours: Recording, rule: str, type: str, name: str, earlier: tuple[str, ...], words: str
) -> None:
    assert said(ours, rule) == []
    found = said(without(ours, named(ours, type, name), *earlier), rule)
    assert any(words in one for one in found), found


def test_a_server_that_is_the_gateway_itself_is_found(ours: Recording) -> None:
    """By each of its names, in whatever case; the host of somebody else is none of them."""
    gateway, api = (
        ours.one(f"{AZURE}apimanagement:ApiManagementService"),
        ours.one(f"{AZURE}apimanagement:Api", "mcp-mcp-api"),
    )
    named = ours.changed(gateway.urn, hostnameConfigurations=[{"type": "Proxy", "hostName": "mcp.fabrikam.com"}])
    own = str(gateway.get("gatewayUrl"))
    for url in (f"{own}/mcp", own.replace("//apim", "//APIM"), "https://Mcp.fabrikam.com/x"):
        found = said(named.changed(api.urn, serviceUrl=url), "api")
        assert any(f"serviceUrl is {url!r}, the gateway itself" in one for one in found), (url, found)
    assert said(named.changed(api.urn, serviceUrl="https://other.fabrikam.com/mcp"), "api") == []


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.0.0.4", True), ("172.16.9.9", True), ("172.31.0.1:8443", True), ("192.168.1.1", True), ("169.254.7.7", True), ("[fd00::4]", True), ("[fe80::1]", True),
        ("[::ffff:10.0.0.4]", True), ("mcp.corp.internal", True), ("172.32.0.1", False), ("11.0.0.4", False), ("[2001:db8::1]", False),
        ("mcp.internal.example.com", False), ("mcp.fabrikam.com", False), ("10.0.0.4.nip.io", False),
    ],
)  # fmt: skip
def test_a_private_server_is_found_where_the_gateway_has_no_network(
    ours: Recording, host: str, *, private: bool
) -> None:
    gateway, api = (
        ours.one(f"{AZURE}apimanagement:ApiManagementService"),
        ours.one(f"{AZURE}apimanagement:Api", "mcp-mcp-api"),
    )
    alone = ours.changed(gateway.urn, virtualNetworkType="None")
    url = f"https://{host}/mcp"
    found = said(alone.changed(api.urn, serviceUrl=url), "private-server")
    assert found == (
        [
            f"mcp-mcp-api (Api): serviceUrl is {url!r}, which is of a private network, and mcp-apim is in none: every call fails"
        ]
        if private
        else []
    )


def test_who_reads_a_reference_to_a_vault_must_be_there_and_may(ours: Recording) -> None:
    site, vault = ours.one(f"{AZURE}web:WebApp"), ours.one(f"{AZURE}keyvault:Vault")
    setting = {"name": "A", "value": f"@Microsoft.KeyVault(VaultName={vault.get('name')};SecretName=db)"}
    config = {**site.inputs["siteConfig"], "appSettings": [*site.inputs["siteConfig"]["appSettings"], setting]}
    referring = ours.changed(site.urn, siteConfig=config)
    (found,) = said(referring, "key-vault-reader")
    assert "on which mcp-id has no role: it needs Key Vault Secrets User" in found
    # The gateway's role on the vault, for the host: nothing is left to say.
    role = next(
        one for one in ours.all(f"{AZURE}authorization:RoleAssignment") if str(one.get("scope")).startswith(vault.id)
    )
    reader = next(one for one in Stack(ours).identities.values() if one.id == site.get("keyVaultReferenceIdentity"))
    allowed = referring.changed(role.urn, principalId=reader.get("principalId"), scope=vault.id)
    assert said(allowed, "key-vault-reader") == []
    for reads, words in (
        (None, "the app's own identity, and it has none"),
        (f"{reader.id}-other", "which the app does not have"),
    ):
        (found,) = said(allowed.changed(site.urn, keyVaultReferenceIdentity=reads), "key-vault-reader")
        assert words in found


def test_a_host_that_asks_neither_for_a_key_nor_who_calls_is_found() -> None:
    ours = record(ROOT, "dev", {"apimPublisherEmail": "mcp@fabrikam.com", "backendAuth": "functionKey"})
    assert said(ours, "open-host") == []
    site = ours.one(f"{AZURE}web:WebApp")
    settings = site.inputs["siteConfig"]["appSettings"]
    (level,) = (n for n, one in enumerate(settings) if one["name"].endswith("__webhookAuthorizationLevel"))
    found = said(with_(ours, site, ("siteConfig", "appSettings", level, "value"), "anonymous"), "open-host")
    assert any("mcp-func asks for no key" in one and "it takes calls of everybody" in one for one in found), found


def test_locks_of_another_group_say_nothing_about_this_one(ours: Recording) -> None:
    elsewhere: Callable[[str], str] = lambda scope: scope.replace("/resourceGroups/", "/resourceGroups/other-")  # noqa: E731
    moved = ours
    for one in ours.all(f"{AZURE}authorization:ManagementLockByScope"):
        moved = with_(moved, one, ("scope",), elsewhere(str(one.inputs["scope"])))
    assert said(moved, "unlocked") == []
