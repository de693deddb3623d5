"""One mistake for each rule of the table: `check` finds it, and the stand-ins say the same words of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.check.plan import declared
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.mutants.mutant import GONE, Mutant
from secure_mcp_local.mutants.mutant import Path as Where
from secure_mcp_local.recording import Recording, Resource, record
from secure_mcp_local.recording.wire import secret
from secure_mcp_local.rules import versions
from secure_mcp_local.rules.rule import ON_DELETE, Stack
from secure_mcp_local.rules.table import RULES, broken, refused
from secure_mcp_local.stand_ins import conditions
from secure_mcp_local.stand_ins.deployed import everything
from secure_mcp_local.stand_ins.store import Deployed, Store

ROOT = Path(__file__).parents[3]

APIM = "azure-native:apimanagement:"
FOREIGN = "/subscriptions/11112222-3333-4444-8555-666677778888/resourceGroups/others"

MISTAKES: Mapping[str, tuple[str, Where, Any]] = {
    "name": ("azure-native:storage:StorageAccount", ("accountName",), "With-Hyphens"),
    "dangling-id": ("azure-native:web:WebApp", ("serverFarmId",), "GROUP/providers/Microsoft.Web/serverfarms/none"),
    "id-kind": ("azure-native:web:WebApp", ("serverFarmId",), "GROUP/providers/Microsoft.Network/virtualNetworks/v"),
    "parent": ("azure-native:cosmosdb:SqlResourceSqlContainer", ("databaseName",), "none"),
    "foreign-id": ("azure-native:applicationinsights:Component", ("workspaceResourceId",),
                   f"{FOREIGN}/providers/Microsoft.OperationalInsights/workspaces/theirs"),
    "role-holder": ("azure-native:authorization:RoleAssignment", ("principalId",), "f0e1d2c3-b4a5-4687-9988-776655443322"),
    "unused-resource": ("azure-native:web:WebApp", ("serverFarmId",), f"{FOREIGN}/providers/Microsoft.Web/serverfarms/theirs"),
    "region": ("azure-native:web:AppServicePlan", ("location",), "northeurope"),
    "global": ("azure-native:privatedns:PrivateZone", ("location",), "swedencentral"),
    "gateway-tier": (f"{APIM}ApiManagementService", ("sku", "name"), "BasicV2"),
    "closed-at-creation": (f"{APIM}ApiManagementService", ("publicNetworkAccess",), "Disabled"),
    "gateway-identity": (f"{APIM}Logger", ("credentials", "identityClientId"), "f0e1d2c3-b4a5-4687-9988-776655443322"),
    "logger": (f"{APIM}Logger", ("resourceId",), GONE),
    "named-value-source": (f"{APIM}NamedValue", ("value",), ""),
    "operation": (f"{APIM}ApiOperation", ("urlTemplate",), "/{id}"),
    "api": (f"{APIM}Api", ("path",), "/mcp/"),
    "policy-format": (f"{APIM}PolicyFragment", ("format",), "xml-link"),
    "policy-reference": (f"{APIM}PolicyFragment", ("value",), "<fragment><set-variable name='a' value='{{None}}' /></fragment>"),
    "plan-kind": ("azure-native:web:AppServicePlan", ("reserved",), False),
    "function-runtime": ("azure-native:web:WebApp", ("functionAppConfig", "runtime", "version"), "3.8"),
    "host-storage": ("azure-native:web:WebApp", ("siteConfig", "appSettings"), [{"name": "A", "value": "b"}]),
    "host-telemetry": ("azure-native:web:WebApp", ("siteConfig", "appSettings"), [{"name": "A", "value": "b"}]),
    "identity-type": ("azure-native:web:WebApp", ("identity", "type"), "SystemAssigned"),
    "cosmos-account": ("azure-native:cosmosdb:DatabaseAccount", ("locations",), []),
    "weak-consistency": ("azure-native:cosmosdb:DatabaseAccount", ("consistencyPolicy", "defaultConsistencyLevel"), "Eventual"),
    "no-recovery": ("azure-native:cosmosdb:DatabaseAccount", ("backupPolicy", "type"), "Periodic"),
    "cosmos-container": ("azure-native:cosmosdb:SqlResourceSqlContainer", ("resource", "partitionKey", "paths"), []),
    "lives-for-ever": ("azure-native:cosmosdb:SqlResourceSqlContainer", ("resource", "defaultTtl"), GONE),
    "cosmos-database": ("azure-native:cosmosdb:SqlResourceSqlDatabase", ("options",), {"throughput": 400}),
    "cosmos-role": ("azure-native:cosmosdb:SqlResourceSqlRoleDefinition", ("assignableScopes",), []),
    "cosmos-assignment": ("azure-native:cosmosdb:SqlResourceSqlRoleAssignment", ("principalId",), ""),
    "cosmos-users": ("azure-native:cosmosdb:SqlResourceSqlRoleAssignment", ("principalId",), "f0e1d2c3-b4a5-4687-9988-776655443322"),
    "storage-kind": ("azure-native:storage:StorageAccount", ("kind",), "BlockBlobStorage"),
    "network-path": ("azure-native:web:WebApp", ("virtualNetworkSubnetId",), GONE),
    "subnet-delegation": ("azure-native:network:VirtualNetwork", ("subnets", 0, "delegations"), []),
    "address-range": ("azure-native:network:VirtualNetwork", ("subnets", 0, "addressPrefix"), "192.168.0.0/24"),
    "private-endpoint": ("azure-native:network:PrivateEndpoint", ("privateLinkServiceConnections", 0, "groupIds"), ["vault"]),
    "private-name": ("azure-native:network:PrivateDnsZoneGroup", ("privateDnsZoneConfigs",), []),
    "zone-without-network": ("azure-native:privatedns:VirtualNetworkLink", (), GONE),
    "zone-link": ("azure-native:privatedns:VirtualNetworkLink", ("registrationEnabled",), True),
    "security-rules": ("azure-native:network:NetworkSecurityGroup", ("securityRules", 0, "priority"), 5000),
    "open-subnet": ("azure-native:network:NetworkSecurityGroup", ("securityRules", 0, "access"), "Allow"),
    "subnet-without-rules": ("azure-native:network:VirtualNetwork", ("subnets", 2, "networkSecurityGroup"), GONE),
    "open-beside-private": ("azure-native:web:WebApp", ("publicNetworkAccess",), "Enabled"),
    "weak-transport": ("azure-native:web:WebApp", ("httpsOnly",), False),
    "keys-on": ("azure-native:storage:StorageAccount", ("allowSharedKeyAccess",), True),
    "open-data": ("azure-native:storage:StorageAccount", ("allowBlobPublicAccess",), True),
    "empty-secret": ("azure-native:keyvault:Secret", ("properties", "value"), ""),
    "unlocked": ("azure-native:authorization:ManagementLockByScope", (), GONE),
    "private-server": (f"{APIM}Api", ("serviceUrl",), "https://localhost:8000/mcp"),
    "key-vault-reader": ("azure-native:web:WebApp", ("siteConfig", "appSettings", 0), {"name": "A", "value": "@Microsoft.KeyVault(VaultName=foreign;SecretName=db)"}),
    "mcp-methods": (f"{APIM}ApiOperation", ("method",), "PATCH"),
    "host-container": ("azure-native:storage:BlobContainer", ("containerName",), "elsewhere"),
    "unalerted": ("azure-native:monitor:MetricAlert", (), GONE),
    "weak-vault": ("azure-native:keyvault:Vault", ("properties", "enablePurgeProtection"), GONE),
    "basic-publishing": ("azure-native:web:WebAppScmAllowed", ("allow",), True),
    "developer-portal": (f"{APIM}ApiManagementService", ("developerPortalStatus",), "Enabled"),
    "broad-role": ("azure-native:authorization:RoleAssignment", ("roleDefinitionId",),
                   "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    "role-assignment": ("azure-native:authorization:RoleAssignment", ("principalType",), GONE),
    "lock": ("azure-native:authorization:ManagementLockByScope", ("level",), "NotSpecified"),
    "open-host": ("azure-native:web:WebAppAuthSettingsV2", ("globalValidation", "requireAuthentication"), False),
    "open-browser": ("azure-native:web:WebApp", ("siteConfig", "remoteDebuggingEnabled"), True),
    "open-api": (f"{APIM}ApiPolicy", (), GONE),
    "application": ("azuread:index/application:Application", ("signInAudience",), "AzureADMultipleOrgs"),
    "application-without-principal": ("azuread:index/servicePrincipal:ServicePrincipal", (), GONE),
    "service-principal": ("azuread:index/servicePrincipal:ServicePrincipal", ("clientId",), "none"),
    "federated-credential": ("azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential", ("audiences",), ["a"]),
    "redirect-uris": ("azuread:index/applicationRedirectUris:ApplicationRedirectUris", ("redirectUris",), ["http://a.example/x"]),
    "permission-grant": ("azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant",
                         ("claimValues",), []),
    "secrets-in-logs": (f"{APIM}Diagnostic", ("frontend", "request", "body", "bytes"), 512),
    "diagnostic": (f"{APIM}Diagnostic", ("loggerId",), ""),
    "diagnostic-setting": ("azure-native:monitor:DiagnosticSetting", ("logs",), []),
    "unwatched": ("azure-native:monitor:DiagnosticSetting", (), GONE),
    "workspace": ("azure-native:operationalinsights:Workspace", ("retentionInDays",), 0),
    "component": ("azure-native:applicationinsights:Component", ("ingestionMode",), "ApplicationInsights"),
    "alert": ("azure-native:monitor:MetricAlert", ("enabled",), False),
    "workbook": ("azure-native:applicationinsights:Workbook", ("serializedData",), ""),
    "nobody-told": ("azure-native:monitor:ActionGroup", ("emailReceivers",), []),
    "template": ("azure-native:resources:Deployment", ("properties", "mode"), "Complete"),
    "secret-in-settings": ("azure-native:web:WebApp", ("siteConfig", "appSettings", 0), {"name": "DB_PASSWORD", "value": "Tr0ub4dor"}),
    "key-vault-reference": ("azure-native:web:WebApp", ("siteConfig", "appSettings", 0),
                            {"name": "KEY", "value": "@Microsoft.KeyVault(SecretUrl=https://kv.vault.azure.net/secrets/x)"}),
    "old-protocols": (f"{APIM}ApiManagementService", ("customProperties",),
                      {"Microsoft.WindowsAzure.ApiManagement.Gateway.Security.Protocols.Tls10": "True"}),
    "policy-place": (f"{APIM}ApiOperationPolicy", ("value",), "<!-- GET /elsewhere: x --><policies><inbound /></policies>"),
    "flex-site-config": ("azure-native:web:WebApp", ("siteConfig", "ftpsState"), "Disabled"),
}  # fmt: skip
"""By rule: the type of the resource, the input and its wrong value. The first resource of the type that breaks the rule by it."""

APP, CONTAINERS = "azure-native:app:ContainerApp", ("template", "containers", 0)
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"


def a_trust(issuer: str, subject: str) -> str:
    return (
        f"<fragment><validate-jwt token-value='x'><openid-config url=\"{issuer}/.well-known/openid-configuration\" />"
        f"<audiences><audience>api://x</audience></audiences><issuers><issuer>{issuer}</issuer></issuers>"
        f'<required-claims><claim name="sub" match="all"><value>{subject}</value></claim></required-claims></validate-jwt></fragment>'
    )


def every_identity(ours: Recording) -> list[str]:
    return [one.id for one in ours.all("azure-native:managedidentity:UserAssignedIdentity")]


def an_old_vault(ours: Recording) -> list[Mapping[str, Any]]:
    return [{"type": "Microsoft.KeyVault/vaults", "name": "kv", "apiVersion": "2023-07-01", "properties": {}}]


def another_fragment(ours: Recording) -> str:
    return str(ours.all(f"{APIM}PolicyFragment")[1].inputs["value"])


def a_query_of_others(ours: Recording) -> list[Mapping[str, Any]]:
    return [{"query": "StorageQueueLogs | count", "timeAggregation": "Count", "operator": "GreaterThan", "threshold": 1},
            {"query": "AZKVAuditLogs | count", "timeAggregation": "Count", "operator": "GreaterThan", "threshold": 1},
            {"query": "ApiManagementGatewayLogs | count", "timeAggregation": "Count", "operator": "GreaterThan", "threshold": 1}]  # fmt: skip


def a_workspace_with_a_cap(ours: Recording) -> str:
    capped = (
        one.id for one in ours.all("azure-native:operationalinsights:Workspace") if "workspaceCapping" in one.inputs
    )
    return next(capped)


MISTAKES_ELSEWHERE: Mapping[str, tuple[str, str, Where, Any]] = {
    "trusts-nobody": ("prod", f"{APIM}PolicyFragment", ("value",), lambda _: a_trust("https://tokens.example.com", "repo:acme/*")),
    "trusts-too-many": ("prod", f"{APIM}PolicyFragment", ("value",), lambda _: a_trust("http://tokens.example.com", "job")),
    "unneeded-identity": ("prod", "azure-native:web:WebApp", ("identity", "userAssignedIdentities"), every_identity),
    "lone-group": ("prod", "azure-native:monitor:ActionGroup", ("resourceGroupName",), "rg-with-a-mistake"),
    "retired-version": ("prod", "azure-native:resources:Deployment", ("properties", "template", "resources", 0, "apiVersion"), "2020-12-01"),
    "retiring-version": ("dev", "azure-native:resources:Deployment", ("properties", "template", "resources"), an_old_vault),
    "placeholder": ("prod", f"{APIM}ApiManagementService", ("publisherEmail",), "somebody@example.com"),
    "gateway-token": ("prod", f"{APIM}NamedValue", ("value",), "f0e1d2c3-b4a5-4687-9988-776655443322"),
    "no-subscription": ("prod", f"{APIM}Api", ("subscriptionRequired",), True),
    "copied-fragment": ("prod", f"{APIM}PolicyFragment", ("value",), another_fragment),
    "cosmos-throughput": ("prod", "azure-native:cosmosdb:DatabaseAccount", ("capabilities",), []),
    "capped-audit": ("prod", "azure-native:monitor:DiagnosticSetting", ("workspaceId",), a_workspace_with_a_cap),
    "log-query": ("prod", "azure-native:monitor:ScheduledQueryRule", ("criteria", "allOf"), a_query_of_others),
    "codes-in-logs": ("prod", "azure-native:resources:Deployment", (), GONE),
    "log-retention": ("prod", "azure-native:operationalinsights:Workspace", ("retentionInDays",), GONE),
    "app-role-assignment": ("dev", ASSIGNMENT, ("appRoleId",), "f0e1d2c3-b4a5-4687-9988-776655443322"),
    "container-size": ("container-app", APP, (*CONTAINERS, "resources", "memory"), "3Gi"),
    "container-ingress": ("container-app", APP, ("configuration", "ingress", "targetPort"), 0),
    "container-revisions": ("container-app", APP, ("configuration", "activeRevisionsMode"), "Multiple"),
    "container-scale": ("container-app", APP, ("template", "scale", "maxReplicas"), 0),
    "container-environment": ("container-app", APP, ("workloadProfileName",), "D4"),
    "container-registry": ("container-app", APP, (*CONTAINERS, "image"), "private.azurecr.io/server:1"),
    "container-image": ("container-app", APP, (*CONTAINERS, "image"), "registry.example.com/fastmcp-server:latest"),
    "container-secret": ("container-app", APP, (*CONTAINERS, "env", 0), {"name": "KEY", "secretRef": "none"}),
    "environment-network": ("container-app", "azure-native:app:ManagedEnvironment", ("workloadProfiles", 0, "workloadProfileType"), "D4"),
    "open-container": ("container-app", "azure-native:app:ContainerAppsAuthConfig", (), GONE),
}  # fmt: skip
"""The same of other stacks of ours: which one, and a value that may be made of what is declared."""

GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups"


def added(type: str, id: str, **inputs: Any) -> Callable[[Recording], tuple[Recording, Resource]]:
    """A resource that no stack of ours has, in the stack of prod; SERVICE, ACCOUNT and VAULT stand for ids of what is there."""

    def change(ours: Recording) -> tuple[Recording, Resource]:
        places = {
            "SERVICE": ours.one(f"{APIM}ApiManagementService").id,
            "ACCOUNT": ours.all("azure-native:storage:StorageAccount")[0].id,
            "APPLICATION": ours.all("azuread:index/application:Application")[0].id,
        }
        whole = id
        for name, there in places.items():
            whole = whole.replace(name, there)
            for key, value in inputs.items():
                inputs[key] = value.replace(name, there) if isinstance(value, str) else value
        one = Resource(f"urn:pulumi:prod::secure-mcp::{type}::added", type, "added", "", inputs, id=whole)
        return replace(ours, resources=(*ours, one)), one

    return change


def a_secret_that_is_deleted(ours: Recording) -> tuple[Recording, Resource]:
    secret = replace(ours.all("azure-native:keyvault:Secret")[0], retained=False, deleted_with="")
    return replace(ours, resources=tuple(secret if one.urn == secret.urn else one for one in ours)), secret


ADDED: Mapping[str, Callable[[Recording], tuple[Recording, Resource]]] = {
    "backend": added(f"{APIM}Backend", "SERVICE/backends/b", backendId="b", url="http://backend.contoso.com", protocol="http"),
    "identifier-uri": added("azuread:index/applicationIdentifierUri:ApplicationIdentifierUri", "APPLICATION/identifierUris/x",
                            applicationId="APPLICATION", identifierUri="urn:x"),
    "key-signed-upload": added("azure-native:storage:Blob", "ACCOUNT/blobServices/default/containers/c/blobs/b"),
    "generic-resource-version": added("azure-native:resources:Resource", "SERVICE/x/y", resourceProviderNamespace="Microsoft.Web"),
    "data-plane-delete": a_secret_that_is_deleted,
}  # fmt: skip


@pytest.fixture(autouse=True)
def a_day_on_which_these_versions_end_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "today", lambda: date(2026, 11, 30))


@pytest.fixture(scope="module")
def stacks() -> Mapping[str, Recording]:
    email = {"apimPublisherEmail": "mcp@fabrikam.com"}
    return {
        "prod": record(ROOT, "prod", email),
        "dev": record(ROOT, "dev", email),
        "container-app": record(ROOT / "examples" / "container-app", "dev", {}),
    }


def test_every_rule_has_a_mistake() -> None:
    """A rule that is new needs a project with the mistake that it is about, or it is not known to find anything."""
    known = [*MISTAKES, *MISTAKES_ELSEWHERE, *ADDED]
    assert sorted(known) == sorted(rule.name for rule in RULES)


def messages_of(recording: Recording, rule: str) -> list[str]:
    """What `secure-mcp check` says of a rule: as findings, or as notes."""
    stack = Stack(recording, recording.outputs)
    notes = [str(one) for one in broken(stack, "note") if one.rule.name == rule]
    return notes + [one.message for one in declared(recording, "", documents=False) if one.rule.name == rule]


def mistaken(stacks: Mapping[str, Recording], rule: str) -> tuple[Recording, Recording, Resource, str]:
    """A stack, the same with the mistake, the resource that has it, and what is said."""
    if rule in ADDED:
        changed, resource = ADDED[rule](stacks["prod"])
        (message,) = messages_of(changed, rule)
        return stacks["prod"], changed, resource, message
    where, type, path, value = MISTAKES_ELSEWHERE.get(rule) or ("prod", *MISTAKES[rule])
    ours = stacks[where]
    group = ours.all("azure-native:resources:ResourceGroup")[0].id
    value = value.replace("GROUP", group) if isinstance(value, str) else value(ours) if callable(value) else value
    for resource in ours.all(type):
        try:
            added = _with_parents(ours, resource, path)
            changed = Mutant(resource.urn, type, resource.name, "weaker" if path else "drop", path, value).applied(
                added
            )
        except (KeyError, IndexError):
            continue
        messages = messages_of(changed, rule)
        if messages:
            return ours, changed, changed.by_urn(resource.urn) or resource, messages[0]
    raise AssertionError(f"no {type} breaks {rule} with {path} = {value!r}")


def _with_parents(ours: Recording, resource: Resource, path: Where) -> Recording:
    """An input that is not there yet is set as an empty one first."""
    if path and len(path) == 1 and path[0] not in resource.inputs:
        return ours.changed(resource.urn, **{str(path[0]): None})
    return ours


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_check_finds_it_and_the_stand_ins_say_the_same(
    stacks: Mapping[str, Recording], rule: str, tmp_path: Path
) -> None:
    ours, changed, resource, message = mistaken(stacks, rule)
    assert message not in messages_of(ours, rule)
    what = next(one for one in RULES if one.name == rule)
    known = changed.by_urn(resource.urn)
    store = Store(tmp_path)
    places = {one.urn: order for order, one in enumerate(changed)}
    for one in changed:
        modelled = one.custom and one.id and one.type.startswith(("azure-native:", "azuread:"))
        in_the_way = what.operations == ON_DELETE and one.type.endswith("ManagementLockByScope")
        if modelled and one.urn != resource.urn and not in_the_way:
            store.create(deployed(one, places[one.urn]))
    there = Stack([*changed.resources])
    said = message.partition(": ")[2]
    if (
        "create" in what.operations
        and known is not None
        and any(one.rule.name == rule for one in refused("create", known, lambda: there))
    ):
        with pytest.raises(LocalCloudError) as error:
            conditions.for_creation(deployed(known), store)
        assert said in str(error.value) or what.name != _first(error)
        return
    if known is not None:
        store.create(deployed(known, places[known.urn]))
    if what.operations == ON_DELETE:
        with pytest.raises(LocalCloudError) as error:
            conditions.for_deletion(resource.id, store)
        assert said in str(error.value)
        return
    assert message in {str(one) for one in broken(Stack(everything(store)), what.level)}


def _first(error: pytest.ExceptionInfo[LocalCloudError]) -> str:
    """The rule that refused: another one may stand before it in the table."""
    return str(error.value).rpartition("(")[2].partition(":")[0]


def deployed(resource: Resource, order: int = 1000) -> Deployed:
    hidden = {key: secret(value) if key in resource.secrets else value for key, value in resource.inputs.items()}
    return Deployed(
        id=resource.id,
        urn=resource.urn,
        type=resource.type,
        seed="",
        inputs=hidden,
        outputs={**resource.outputs},
        created=order,
    )


def test_a_rule_that_is_asked_of_an_adopted_resource_says_nothing(stacks: Mapping[str, Recording]) -> None:
    ours = stacks["prod"]
    resource = ours.one("azure-native:web:AppServicePlan")
    read = replace(resource, read=True, inputs={})
    stack = replace(ours, resources=tuple(read if one.urn == resource.urn else one for one in ours))
    assert not [one for one in broken(Stack(stack)) if one.resource.urn == resource.urn]
