"""One mistake for each rule of the table: `check` finds it, and the stand-ins say the same words of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.check.plan import declared
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.mutants.mutant import GONE, Mutant
from secure_mcp_local.mutants.mutant import Path as Where
from secure_mcp_local.recording import Recording, Resource, record
from secure_mcp_local.recording.wire import secret
from secure_mcp_local.rules.rule import Stack
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
    "flex-site-config": ("azure-native:web:WebApp", ("siteConfig", "ftpsState"), "Disabled"),
}  # fmt: skip
"""By rule: the type of the resource, the input and its wrong value. The first resource of the type that breaks the rule by it."""

ELSEWHERE = {
    # In test_refusals.py, by resources that no stack of ours has.
    "key-signed-upload", "generic-resource-version", "data-plane-delete", "retired-version",
    "app-role-assignment", "identifier-uri", "backend", "unneeded-identity", "lone-group",
    # Notes: for people.
    "retiring-version", "placeholder",
}  # fmt: skip


@pytest.fixture(scope="module")
def ours() -> Recording:
    return record(ROOT, "prod", {"apimPublisherEmail": "mcp@example.com"})


def test_every_rule_has_a_mistake() -> None:
    assert set(MISTAKES) | ELSEWHERE == {rule.name for rule in RULES}


def mistaken(ours: Recording, rule: str) -> tuple[Recording, Resource, str]:
    type, path, value = MISTAKES[rule]
    group = ours.one("azure-native:resources:ResourceGroup").id
    value = value.replace("GROUP", group) if isinstance(value, str) else value
    for resource in ours.all(type):
        try:
            added = _with_parents(ours, resource, path)
            changed = Mutant(resource.urn, type, resource.name, "weaker" if path else "drop", path, value).applied(
                added
            )
        except (KeyError, IndexError):
            continue
        messages = [one.message for one in declared(changed, "", documents=False) if one.rule.name == rule]
        if messages:
            return changed, changed.by_urn(resource.urn) or resource, messages[0]
    raise AssertionError(f"no {type} breaks {rule} with {path} = {value!r}")


def _with_parents(ours: Recording, resource: Resource, path: Where) -> Recording:
    """An input that is not there yet is set as an empty one first."""
    if path and len(path) == 1 and path[0] not in resource.inputs:
        return ours.changed(resource.urn, **{str(path[0]): None})
    return ours


@pytest.mark.parametrize("rule", sorted(MISTAKES))
def test_check_finds_it_and_the_stand_ins_say_the_same(ours: Recording, rule: str, tmp_path: Path) -> None:
    changed, resource, message = mistaken(ours, rule)
    assert not [one for one in declared(ours, "", documents=False) if one.rule.name == rule]
    store = Store(tmp_path)
    for order, one in enumerate(changed):
        if one.custom and one.id and one.urn != resource.urn and one.type.startswith(("azure-native:", "azuread:")):
            store.create(deployed(one, order))
    what = next(one for one in RULES if one.name == rule)
    known = changed.by_urn(resource.urn)
    there = Stack([*changed.resources])
    if (
        "create" in what.operations
        and known is not None
        and any(one.rule.name == rule for one in refused("create", known, lambda: there))
    ):
        with pytest.raises(LocalCloudError) as error:
            conditions.for_creation(deployed(known), store)
        said = message.partition(": ")[2]
        assert said in str(error.value) or what.name != _first(error)
        return
    if known is not None:
        store.create(deployed(known))
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


def test_a_rule_that_is_asked_of_an_adopted_resource_says_nothing(ours: Recording) -> None:
    resource = ours.one("azure-native:web:AppServicePlan")
    read = replace(resource, read=True, inputs={})
    stack = replace(ours, resources=tuple(read if one.urn == resource.urn else one for one in ours))
    assert not [one for one in broken(Stack(stack)) if one.resource.urn == resource.urn]
