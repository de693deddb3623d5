"""Wiring of each component: types, parents, dependencies, secrets, the scopes of roles."""

import json
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from secure_mcp.apis import documents as policy
from secure_mcp.package import build_package
from secure_mcp_local.cli.plan import masked
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource, arguments, models, record

Declared = Callable[..., Recording]
APIM = "azure-native:apimanagement:"
ROOT = Path(__file__).parents[2]
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
APPLICATION = "azuread:index/application:Application"
PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
LOCK = "azure-native:authorization:ManagementLockByScope"
ROLE = "azure-native:authorization:RoleAssignment"
STASH = "pulumi:index:Stash"


def by_urn(recording: Recording) -> dict[str, Resource]:
    return {resource.urn: resource for resource in recording}


def test_everything_belongs_to_a_component(anything: Recording) -> None:
    resources = by_urn(anything)
    for resource in anything:
        if resource.name == "mcp" and resource.type.endswith(":SecureMcpServer"):
            assert resource.parent == ""
        else:
            assert resources[resource.parent].type.startswith("secure-mcp:index:"), resource.urn


def test_every_component_registers_its_outputs_and_type(declared: Declared) -> None:
    components = {resource.type for resource in declared("prod") if not resource.custom}
    assert components == {
        f"secure-mcp:index:{name}"
        for name in (
            "SecureMcpServer", "Gateway", "ApiManagement", "AuthorizationServer", "SignInApplication", "Server", "ServerApplication", "McpApi",
            "SessionStore", "McpFunctionApp", "Storage", "Monitoring", "Network", "KeyVault",
        )
    }  # fmt: skip


def test_policies_wait_for_every_named_value_and_fragment_they_use(anything: Recording) -> None:
    resources = by_urn(anything)
    named_values = {r.inputs["displayName"]: r.urn for r in anything.all(APIM + "NamedValue")}
    fragments = {r.inputs["id"]: r.urn for r in anything.all(APIM + "PolicyFragment")}
    documents = [
        resource
        for kind in ("ApiPolicy", "ApiOperationPolicy", "PolicyFragment")
        for resource in anything.all(APIM + kind)
    ]
    assert len(documents) > 20
    for document in documents:
        assert document.inputs["format"] == "rawxml"
        text = document.inputs["value"]
        for name in re.findall(r"\{\{([\w.-]+)\}\}", text):
            assert named_values[name] in document.dependencies, (document.name, name)
        for name in re.findall(r'fragment-id="([\w-]+)"', text):
            assert fragments[name] in document.dependencies, (document.name, name)
        assert document.dependencies <= set(resources)


def test_operations_are_those_of_the_policies(anything: Recording) -> None:
    operations = {
        (r.inputs["apiId"], r.inputs["operationId"], r.inputs["method"], r.inputs["urlTemplate"])
        for r in anything.all(APIM + "ApiOperation")
    }
    expected = {("oauth", o.id, o.method, o.url_template) for o in policy.oauth_operations()}
    expected |= {("mcp", o.id, o.method, o.url_template) for o in policy.mcp_operations(sse=False)}
    expected |= {
        (api, o.id, o.method, o.url_template)
        for api in ("resource-metadata", "resource-metadata-mcp")
        for o in policy.metadata_operations()
    }
    assert operations == expected
    assert not [o for o in operations if o[2] == "OPTIONS"], "an OPTIONS operation switches the cors policy off"


def test_M33_the_sse_transport_is_not_declared_with_a_function_key(declared: Declared) -> None:
    recording = declared(backendAuth="functionKey")
    ids = {r.inputs["operationId"] for r in recording.all(APIM + "ApiOperation")}
    assert not {"sse", "message"} & ids
    assert "sseUrl" not in recording.outputs


def test_secrets_are_secret_and_nowhere_else(anything: Recording) -> None:
    secrets: dict[str, str] = {}
    for value in anything.all(APIM + "NamedValue"):
        name = value.inputs["displayName"]
        wanted = name in {"EncryptionKey", "PreviousEncryptionKey", "mcp-function-key"}
        assert value.inputs["secret"] is wanted, name
        if "keyVault" in value.inputs:
            assert "value" not in value.inputs, "in the vault, and not here too"
            continue
        assert ("value" in value.secrets) is wanted, name
        if wanted and value.inputs["value"] != "none":
            secrets[name] = value.inputs["value"]
    for secret in anything.all("azure-native:keyvault:Secret"):
        assert secret.secrets == {"properties.value"}
        if secret.inputs["properties"]["value"] != "none":
            secrets[secret.inputs["secretName"]] = secret.inputs["properties"]["value"]
    assert "EncryptionKey" in secrets
    everything = json.dumps([masked(resource.inputs, resource.secrets) for resource in anything] + [anything.outputs])
    for name, secret in secrets.items():
        assert secret not in everything, name
    assert "the-master-key" not in json.dumps([dict(resource.inputs) for resource in anything])


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


def identity_of(recording: Recording, prefix: str) -> Resource:
    return next(
        r
        for r in recording.all("azure-native:managedidentity:UserAssignedIdentity")
        if r.inputs["resourceName"].startswith(prefix)
    )


def test_only_the_gateways_identity_is_admitted_and_trusted(anything: Recording) -> None:
    gateway = identity_of(anything, "id-apim-")
    settings = anything.one("azure-native:web:WebAppAuthSettingsV2").inputs
    directory = settings["identityProviders"]["azureActiveDirectory"]
    admitted = directory["validation"]["defaultAuthorizationPolicy"]
    assert admitted["allowedApplications"] == [gateway.get("clientId")]
    assert admitted["allowedPrincipals"]["identities"] == [gateway.get("principalId")]
    assert directory["validation"]["allowedAudiences"] == [directory["registration"]["clientId"]]
    assert settings["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    credential = anything.one(
        "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
    ).inputs
    assert credential["subject"] == gateway.get("principalId")
    assert credential["audiences"] == ["api://AzureADTokenExchange"]
    assert not [r for r in anything if r.type.startswith("azuread:") and "assword" in r.type], (
        "no client secret anywhere"
    )


def test_who_may_use_a_server_its_own_application_says(anything: Recording) -> None:
    sign_in = next(r for r in anything.all(APPLICATION) if r.name.endswith("-sign-in"))
    assert "appRoles" not in sign_in.inputs, "it knows no server"
    gateway = next(r for r in anything.all(PRINCIPAL) if r.get("clientId") == sign_in.get("clientId"))
    assert gateway.inputs["appRoleAssignmentRequired"] is True, "nobody else has any business here"
    server = next(r for r in anything.all(APPLICATION) if r.name.endswith("-server"))
    principal = next(r for r in anything.all(PRINCIPAL) if r.get("clientId") == server.get("clientId"))
    # The gateway may ask for tokens of its users, and for nothing else.
    [grant] = [r for r in anything.all(GRANT) if r.get("resourceServicePrincipalObjectId") == principal.get("objectId")]
    assert grant.inputs["servicePrincipalObjectId"] == gateway.get("objectId")
    offered = [scope["value"] for scope in server.inputs["api"]["oauth2PermissionScopes"]]
    assert grant.inputs["claimValues"] == offered == ["Mcp.SignIn"]
    assigned: dict[str, set[str]] = {}
    for each in anything.all(ASSIGNMENT):
        assigned.setdefault(each.inputs["resourceObjectId"], set()).add(each.inputs["principalObjectId"])
    assert assigned.get(principal.get("objectId"), set()) == assigned.get(gateway.get("objectId"), set())


SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ROLES = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("id-code-", "/blobServices/default/containers/deployment"),
    SECRETS_USER: ("id-apim-", "Microsoft.KeyVault/vaults"),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "3913510d-42f4-4e42-8a64-420c390055eb": ("id-", "Microsoft.Insights/components"),
}


def test_roles_are_narrow_and_keep_their_names(anything: Recording) -> None:
    assignments = anything.all("azure-native:authorization:RoleAssignment")
    assert len(assignments) == 5 + len(anything.all("azure-native:keyvault:Vault"))
    for assignment in assignments:
        role = assignment.inputs["roleDefinitionId"].rsplit("/", 1)[-1]
        prefix, kind = ROLES[role]
        resource = anything.by_id(assignment.inputs["scope"])
        assert resource is not None, "every scope is one declared resource"
        assert kind in resource.id
        assert assignment.inputs["principalType"] == "ServicePrincipal"
        owners = [
            r.inputs["resourceName"]
            for r in anything.all("azure-native:managedidentity:UserAssignedIdentity")
            if r.get("principalId") == assignment.inputs["principalId"]
        ]
        assert len(owners) == 1
        assert owners[0].startswith(prefix)
    names = {assignment.inputs["roleAssignmentName"] for assignment in assignments}
    assert len(names) == len(assignments)


def test_the_app_cannot_write_its_own_code(anything: Recording) -> None:
    app, deployment = identity_of(anything, "id-func-"), identity_of(anything, "id-code-")
    site = anything.one("azure-native:web:WebApp").inputs
    storage = site["functionAppConfig"]["deployment"]["storage"]
    assert storage["authentication"]["userAssignedIdentityResourceId"] == deployment.id
    account = next(a for a in anything.all("azure-native:storage:StorageAccount") if a.get("name") in storage["value"])
    mine = [
        assignment.inputs["scope"]
        for assignment in anything.all("azure-native:authorization:RoleAssignment")
        if assignment.inputs["principalId"] == app.get("principalId")
    ]
    assert mine
    assert not [scope for scope in mine if account.id.startswith(scope) or scope.startswith(account.id)]


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


def test_C4_locks_hold_what_cannot_be_made_again_and_go_first(declared: Declared) -> None:
    assert not declared("dev").all(LOCK)
    recording = declared("prod")
    locked = [recording.by_id(lock.inputs["scope"]) for lock in recording.all(LOCK)]
    assert {resource.type for resource in locked if resource} == {
        "azure-native:cosmosdb:DatabaseAccount",
        "azure-native:keyvault:Vault",
        "azure-native:storage:StorageAccount",
    }
    for lock in recording.all(LOCK):
        below = [r for r in recording if r.custom and r.id.startswith(lock.inputs["scope"] + "/") and r is not lock]
        ends = [
            r
            for r in recording.all("azure-native:network:PrivateEndpoint")
            if r.inputs["privateLinkServiceConnections"][0]["privateLinkServiceId"] == lock.inputs["scope"]
        ]
        names = [
            r
            for r in recording.all("azure-native:network:PrivateDnsZoneGroup")
            if any(r.id.startswith(e.id) for e in ends)
        ]
        wanted = {r.urn for r in (*below, *ends, *names)}
        assert wanted <= before(recording, lock), "else it would be in the way of deleting them"


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


def test_storage_and_deployment_need_no_keys(anything: Recording) -> None:
    for account in anything.all("azure-native:storage:StorageAccount"):
        assert account.inputs["allowSharedKeyAccess"] is False
        assert account.inputs["allowBlobPublicAccess"] is False
    site = anything.one("azure-native:web:WebApp").inputs
    settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    forbidden = {"FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "AzureWebJobsStorage"}
    assert not forbidden & set(settings), "not for Flex Consumption"
    assert site["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.13"}
    for kind in ("WebAppFtpAllowed", "WebAppScmAllowed"):
        assert anything.one(f"azure-native:web:{kind}").inputs["allow"] is False


def before(recording: Recording, resource: Resource) -> set[str]:
    """Everything that exists before a resource is made, components left out."""
    resources = by_urn(recording)
    found: set[str] = set()
    waiting = [resource.urn]
    while waiting:
        new = {d for d in resources[waiting.pop()].dependencies if d in resources} - found
        found |= new
        waiting += new
    return {urn for urn in found if resources[urn].custom}


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


def test_private_means_private(declared: Declared) -> None:
    recording = declared("prod")
    for account in recording.all("azure-native:storage:StorageAccount"):
        assert account.inputs["publicNetworkAccess"] == "Disabled"
    assert recording.one("azure-native:cosmosdb:DatabaseAccount").inputs["publicNetworkAccess"] == "Disabled"
    assert recording.one("azure-native:web:WebApp").inputs["publicNetworkAccess"] == "Disabled"
    vnet = recording.one("azure-native:network:VirtualNetwork")
    delegations = {
        subnet["name"]: [d["serviceName"] for d in subnet["delegations"]] for subnet in vnet.inputs["subnets"]
    }
    assert delegations == {
        "snet-gateway": ["Microsoft.Web/serverFarms"],
        "snet-function": ["Microsoft.App/environments"],
        "snet-endpoints": [],
    }
    assert all(subnet["networkSecurityGroup"]["id"] for subnet in vnet.inputs["subnets"])
    gateway = recording.one(APIM + "ApiManagementService").inputs
    assert gateway["sku"]["name"] == "StandardV2"
    assert gateway["virtualNetworkType"] == "External"
    assert gateway["virtualNetworkConfiguration"]["subnetResourceId"] == vnet.id + "/subnets/snet-gateway"
    reached = {
        (connection["privateLinkServiceId"], connection["groupIds"][0])
        for endpoint in recording.all("azure-native:network:PrivateEndpoint")
        for connection in endpoint.inputs["privateLinkServiceConnections"]
    }
    accounts = {r.name: r.id for r in recording.all("azure-native:storage:StorageAccount")}
    assert reached == {
        (accounts["mcp-storage-st"], "blob"),
        (accounts["mcp-storage-st"], "queue"),
        (accounts["mcp-storage-stcode"], "blob"),
        (recording.one("azure-native:web:WebApp").id, "sites"),
        (recording.one("azure-native:cosmosdb:DatabaseAccount").id, "Sql"),
    }
    zones = [zone.inputs["privateZoneName"] for zone in recording.all("azure-native:privatedns:PrivateZone")]
    assert len(zones) == len(set(zones)) == 4
    assert len(recording.all("azure-native:privatedns:VirtualNetworkLink")) == 4


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


def test_code_is_published_when_everything_is_there(declared: Declared) -> None:
    recording = declared("prod")
    code = recording.one(STASH, "mcp-code")
    needed = [
        r.urn
        for type in (
            "network:PrivateDnsZoneGroup",
            "privatedns:VirtualNetworkLink",
            "web:WebAppAuthSettingsV2",
            "web:WebApp",
        )
        for r in recording.all(f"azure-native:{type}")
    ]
    needed += [r.urn for r in recording.all("azure-native:authorization:RoleAssignment") if "storage" in r.name]
    assert len(needed) > 12
    assert before(recording, code) >= set(needed)


def test_what_the_state_keeps_of_the_code_is_no_secret(declared: Declared) -> None:
    recording = declared("dev")
    code, site = recording.one(STASH, "mcp-code"), recording.one("azure-native:web:WebApp")
    assert not code.secrets
    assert code.inputs["input"] == {
        "digest": build_package(ROOT / "function_app").digest,
        "app": site.id,
        "scmHost": f"{site.get('name')}.scm.azurewebsites.net",
        "container": site.get("functionAppConfig")["deployment"]["storage"]["value"],
    }


def test_code_can_be_left_to_others(declared: Declared) -> None:
    assert "mcp-code" not in {r.name for r in declared(deployCode="false").all(STASH)}
    assert declared(deployCode="false", backendAuth="functionKey").all(APIM + "NamedValue")


def test_a_function_app_without_its_key_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = models.invoke

    def invoke(function: str, arguments: Mapping[str, Any], *more: Any) -> Mapping[str, Any]:
        return {**azure(function, arguments, *more), "systemKeys": {}}

    monkeypatch.setattr(models, "invoke", invoke)
    with pytest.raises(LocalCloudError, match="Deploy the code, then run pulumi up again"):
        record(Path(__file__).parents[2], "dev", {"backendAuth": "functionKey", "deployCode": "false"})


ALICE, BOB = (f"00000000-0000-4000-8000-0000000000{n}" for n in ("a1", "b0"))


def roles_assigned(recording: Recording) -> set[tuple[str, str]]:
    """Object ids and roles at the server."""
    [server] = [each for each in recording.all(APPLICATION) if "appRoles" in each.inputs]
    values = {role["id"]: role["value"] for role in server.inputs["appRoles"]}
    return {
        (each.inputs["principalObjectId"], values[each.inputs["appRoleId"]])
        for each in recording.all(ASSIGNMENT)
        if each.inputs["appRoleId"] in values
    }


def test_users_and_groups_may_use_the_server_whatever_roles_there_are(declared: Declared) -> None:
    assert (ALICE, "Mcp.Access") in roles_assigned(declared(assignedUsers=json.dumps([ALICE])))


def test_roles_of_tools_are_app_roles_and_assigned_by_their_ids(declared: Declared) -> None:
    recording = declared(
        assignedGroups="[]",
        assignedUsers=json.dumps([ALICE]),
        toolRoles=json.dumps({"save": "Writer", "delete": "Owner", "remove": "Owner"}),
        assignedRoles=json.dumps({BOB: "Owner Writer"}),
    )
    sign_in = next(each for each in recording.all(APPLICATION) if "appRoles" in each.inputs)
    values = {role["id"]: role["value"] for role in sign_in.inputs["appRoles"]}
    assert sorted(values.values()) == ["Mcp.Access", "Owner", "Writer"]
    assert all(role["allowedMemberTypes"] == ["User"] and role["enabled"] for role in sign_in.inputs["appRoles"])
    assert roles_assigned(recording) == {(ALICE, "Mcp.Access"), (BOB, "Owner"), (BOB, "Writer")}


def test_a_role_keeps_its_id_whatever_other_roles_there_are(declared: Declared) -> None:
    def ids(**tools: str) -> dict[str, str]:
        recording = declared(toolRoles=json.dumps(tools))
        return {
            role["value"]: role["id"]
            for application in recording.all(APPLICATION)
            for role in application.inputs.get("appRoles", [])
        }

    few, many = ids(save="Writer"), ids(save="Writer", another="Owner")
    assert few.items() <= many.items()
    assert len(set(many.values())) == 3


REFUSED_BY_FLEX = {
    "ftpsState", "use32BitWorkerProcess", "isReserved", "isXenon", "windowsFxVersion", "alwaysOn", "preWarmedInstanceCount",
    "functionAppScaleLimit", "containerSize", "javaVersion", "powerShellVersion", "netFrameworkVersion", "linuxFxVersion",
}  # fmt: skip
"""https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations"""


def test_A1_A2_nothing_is_sent_that_flex_consumption_refuses(anything: Recording) -> None:
    site = anything.one("azure-native:web:WebApp").inputs
    assert set(site["siteConfig"]) == {"appSettings", "minTlsVersion", "http20Enabled"}
    assert not REFUSED_BY_FLEX & (set(site) | set(site["siteConfig"]))
    assert not {"hyperV", "scmSiteAlsoStopped"} & set(site), "the SDK's own"


def test_A3_A4_A5_C2_no_code_goes_through_keys_or_a_generic_resource_or_an_address(anything: Recording) -> None:
    assert not [r.type for r in anything if r.type in {"azure-native:storage:Blob", "azure-native:resources:Resource"}]
    texts = json.dumps([dict(r.inputs) for r in anything if not r.type.startswith(APIM)])
    assert "packageUri" not in texts
    assert anything.one(STASH, "mcp-code").inputs["input"]["scmHost"].endswith(".scm.azurewebsites.net")


def test_A10_stacks_are_where_everything_is(declared: Declared) -> None:
    """Flex Consumption answers 503 in West Europe (Azure/functions-action#390), and Cosmos DB is full there."""
    for stack in ("dev", "prod"):
        group = declared(stack).one("azure-native:resources:ResourceGroup")
        assert group.inputs["location"] in {"northeurope", "swedencentral"}


SAID = {
    "A1 A2": "for Flex Consumption sites is invalid",
    "A3": "KeyBasedAuthenticationNotPermitted",
    "A4": "NoRegisteredProviderFound",
    "A5": "InaccessibleStorageException",
    "A6": "ForbiddenByRbac",
    "A7": "Please check if 'Microsoft.App' is registered",
    "A8": "Authorization_RequestDenied",
    "A8 licence": "no Entra ID P1",
    "A9": "requires an exclusive lock",
    "A9 subnet": "ReferencedResourceNotProvisioned",
    "A10": "currently experiencing high demand in this region",
    "A10 Flex": "seen in West Europe",
    "A12": "PessimisticConcurrencyConflict",
    "B1": "`tools/list` is empty",
    "B5": "27 February 2027",
    "B6": "`callback-length`",
    "B7": "azure-functions-mcp-extension#138",
    "B10": "Do not run `pulumi refresh` without reason",
    "C3": "InUseSubnetCannotBeDeleted",
    "C4": "ScopeLocked",
    "C5": "ServiceAlreadyExistsInSoftDeletedState",
}


"""Findings that somebody may meet all the same. Beside the words, what can be held of each without Azure is held by tests of its name; of B6
by `test_M10_D19_what_we_add_to_an_address_is_bounded`, as Entra ID's part of the address is not ours.
"""


@pytest.mark.parametrize("finding", SAID)
def test_what_to_do_stands_in_the_walk_for(finding: str) -> None:
    assert SAID[finding] in (ROOT / "docs" / "first-deployment.md").read_text(encoding="utf-8")


def test_A11_nothing_of_the_tiers_before_v2_is_sent(anything: Recording) -> None:
    service = anything.one(APIM + "ApiManagementService").inputs
    before = {"disableGateway", "enableClientCertificate", "legacyPortalStatus", "natGatewayState", "restore"}
    assert not before & set(service)


def test_B9_there_is_no_developer_portal(anything: Recording) -> None:
    assert anything.one(APIM + "ApiManagementService").inputs["developerPortalStatus"] == "Disabled"


COSMOS = "azure-native:cosmosdb:"


def test_A9_what_changes_one_account_or_subnet_comes_one_after_the_other(declared: Declared) -> None:
    recording = declared("prod")
    endpoints = recording.all("azure-native:network:PrivateEndpoint")
    store = [
        resource
        for kind in (
            "DatabaseAccount",
            "SqlResourceSqlDatabase",
            "SqlResourceSqlContainer",
            "SqlResourceSqlRoleDefinition",
            "SqlResourceSqlRoleAssignment",
        )
        for resource in recording.all(COSMOS + kind)
    ]
    assert len(store) == 6
    cosmos = next(e for e in endpoints if e.name == "mcp-cosmos-endpoint")
    site = recording.one("azure-native:web:WebApp")
    # The gateway's endpoint, then the server's app, then the endpoints of the app.
    for chain in ([*store, cosmos], [cosmos, site, *(each for each in endpoints if each is not cosmos)]):
        for first, then in pairwise(chain):
            assert first.urn in before(recording, then), (first.name, then.name)


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


def test_A12_an_api_is_written_once_and_what_is_in_it_comes_after_it(anything: Recording) -> None:
    """Two writes of one API at a time are refused (Azure/apiops#379, 409 PessimisticConcurrencyConflict): there are none. Whether its
    operations and policies may be saved at once, as they are, only Azure can say: azure-unknowns.md, `parallel-operations`.
    """
    apis = anything.all(APIM + "Api")
    assert len({api.id for api in apis}) == len(apis) > 2
    inside = [one for one in anything if "/apis/" in one.id and one.type != APIM + "Api"]
    assert len(inside) > 20
    for one in inside:
        [api] = [api for api in apis if one.id.startswith(f"{api.id}/")]
        assert api.urn in before(anything, one), one.name


def test_B7_the_host_asks_for_its_key_where_the_gateway_has_it_and_only_there(declared: Declared) -> None:
    """What a host answers that asks all the same (azure-functions-mcp-extension#138) is in `tests/contract/test_failure.py`."""
    for auth, level in (("managedIdentity", "Anonymous"), ("functionKey", "System")):
        recording = declared(backendAuth=auth)
        site = recording.one("azure-native:web:WebApp").inputs
        settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
        assert settings["AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"] == level
        assert any("function-key" in str(value.inputs) for value in recording.all(APIM + "NamedValue")) is (
            auth != "managedIdentity"
        )


def test_C3_no_network_is_asked_to_go_by_itself(declared: Declared) -> None:
    """A subnet is in use for up to an hour after its function app is gone. It goes with the group, whose deletion waits and tries again in
    Azure; how long, only Azure can say: azure-unknowns.md, `subnet-release`.
    """
    recording = declared("prod")
    group = recording.one("azure-native:resources:ResourceGroup")
    network = [one for one in recording if one.type.startswith("azure-native:network:")]
    assert "azure-native:network:VirtualNetwork" in {one.type for one in network}
    assert {one.deleted_with for one in network} == {group.urn}


def test_C_what_lies_in_the_group_goes_with_it(anything: Recording) -> None:
    group = anything.one("azure-native:resources:ResourceGroup")
    for resource in anything:
        if not resource.custom or resource is group:
            continue
        # Locks would keep the group; a role on what another component has made may lie anywhere.
        alone = not resource.id.startswith(group.id + "/") or resource.type == LOCK
        alone |= resource.name in {"mcp-metrics-role"}
        assert resource.deleted_with == ("" if alone else group.urn), resource.name


def test_C_what_goes_with_a_group_is_not_asked_for_in_a_group_of_others(declared: Declared) -> None:
    """A component hands the option to its resources only, not to itself: Pulumi would hand it on to the locks."""
    for resource in declared("prod"):
        if not resource.custom:
            assert not resource.deleted_with, resource.urn


def test_C1_secrets_are_never_deleted_through_the_vault(anything: Recording) -> None:
    for secret in anything.all("azure-native:keyvault:Secret"):
        assert secret.retained


def test_C5_another_region_brings_other_names(anything: Recording) -> None:
    suffix = anything.one("random:index/randomString:RandomString", "mcp-suffix")
    assert suffix.inputs["keepers"] == {
        "location": anything.one("azure-native:resources:ResourceGroup").inputs["location"]
    }


def test_B1_python_3_12_takes_the_apps_own_libraries(declared: Declared) -> None:
    for version, isolated in (("3.12", "1"), ("3.13", None)):
        site = declared(pythonVersion=version).one("azure-native:web:WebApp").inputs
        settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
        assert site["functionAppConfig"]["runtime"]["version"] == version
        assert settings.get("PYTHON_ISOLATE_WORKER_DEPENDENCIES") == isolated


def test_B2_data_can_be_brought_back(anything: Recording) -> None:
    accounts = {account.inputs["accountName"] for account in anything.all("azure-native:storage:StorageAccount")}
    services = anything.all("azure-native:storage:BlobServiceProperties")
    assert {service.inputs["accountName"] for service in services} == accounts
    for service in services:
        assert service.inputs["isVersioningEnabled"] is True
        for kept in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            assert service.inputs[kept] == {"enabled": True, "days": 14}
    backup = anything.one(COSMOS + "DatabaseAccount").inputs["backupPolicy"]
    assert backup == {"type": "Continuous", "continuousModeProperties": {"tier": "Continuous7Days"}}


def test_D_sizes_and_duties_are_configuration(declared: Declared) -> None:
    owner = ALICE
    recording = declared(
        apimSku="PremiumV2",
        apimUnits="3",
        apimZones='["1", "2", "3"]',
        instanceMemoryMb="4096",
        maximumInstanceCount="100",
        alwaysReadyInstances="2",
        zoneRedundant="true",
        keepDeletedDays="30",
        entraDisplayName="Snippets",
        entraOwners=json.dumps([owner]),
        monthlyBudget="900",
        tags='{"owner": "platform"}',
    )
    service = recording.one(APIM + "ApiManagementService").inputs
    assert (service["sku"]["capacity"], service["zones"]) == (3, ["1", "2", "3"])
    scale = recording.one("azure-native:web:WebApp").inputs["functionAppConfig"]["scaleAndConcurrency"]
    assert scale == {
        "instanceMemoryMB": 4096,
        "maximumInstanceCount": 100,
        "alwaysReady": [{"name": "http", "instanceCount": 2}],
    }
    assert recording.one("azure-native:web:AppServicePlan").inputs["zoneRedundant"] is True
    for account in recording.all("azure-native:storage:StorageAccount"):
        assert account.inputs["sku"]["name"] == "Standard_ZRS"
    assert recording.one(COSMOS + "DatabaseAccount").inputs["locations"][0]["isZoneRedundant"] is True
    applications = recording.all(APPLICATION)
    assert [a.inputs["displayName"] for a in applications] == ["Snippets", "mcp (MCP server)"]
    assert all(a.inputs["owners"] == [owner] for a in applications)
    budget = recording.one("azure-native:consumption:Budget").inputs
    assert budget["amount"] == 900
    assert budget["scope"] == recording.one("azure-native:resources:ResourceGroup").id


def test_tags_are_on_everything_that_can_have_some(declared: Declared) -> None:
    recording = declared("prod", tags='{"owner": "platform"}')
    taggable = [r for r in recording if r.type.startswith("azure-native:") and "tags" in arguments.known(r.type)]
    assert len(taggable) > 20
    for resource in taggable:
        if resource.type != APIM + "NamedValue":
            assert resource.inputs.get("tags") == {"owner": "platform"}, resource.name


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
