"""Wiring of each component: types, parents, dependencies, secrets, the scopes of roles."""

import json
import re
from collections.abc import Callable

import pytest

from secure_mcp import policy
from secure_mcp_local.recording import Recording, Resource

Declared = Callable[..., Recording]
APIM = "azure-native:apimanagement:"
CONFIGURATIONS = [
    {"stack": "dev"},
    {"stack": "dev", "backendAuth": "functionKey"},
    {"stack": "dev", "apimSku": "StandardV2", "vnetEnabled": "true"},
    {"stack": "dev", "apimSku": "PremiumV2", "vnetEnabled": "true", "backendAuth": "functionKey"},
    {"stack": "prod"},
]


@pytest.fixture(params=CONFIGURATIONS, ids=lambda config: " ".join(config.values()))
def anything(request: pytest.FixtureRequest, declared: Declared) -> Recording:
    """Each cell of SKU, network and backend authentication."""
    return declared(**request.param)


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
            "SecureMcpServer", "Gateway", "AuthorizationServer", "McpApi", "EntraApplication",
            "SessionStore", "McpFunctionApp", "Storage", "Monitoring", "Network",
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
    sse = not any(r.inputs["displayName"] == "function-host-key" for r in anything.all(APIM + "NamedValue"))
    settings = policy.PolicySettings(sse_transport=sse)
    expected = {("oauth", o.id, o.method, o.url_template) for o in policy.oauth_operations(settings)}
    expected |= {("mcp", o.id, o.method, o.url_template) for o in policy.mcp_operations(settings)}
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
        wanted = name in {"EncryptionKey", "PreviousEncryptionKey", "function-host-key"}
        assert value.inputs["secret"] is wanted, name
        assert ("value" in value.secrets) is wanted, name
        if wanted and value.inputs["value"] != "none":
            secrets[name] = value.inputs["value"]
    assert "EncryptionKey" in secrets
    everything = json.dumps(
        [{k: v for k, v in resource.inputs.items() if k not in resource.secrets} for resource in anything]
        + [anything.outputs]
    )
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
            assert diagnostic.inputs[side][direction] == {"body": {"bytes": 0}, "headers": []}
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
    assert not [r for r in anything if "assword" in r.type], "no client secret anywhere"


def test_assignment_is_required(anything: Recording) -> None:
    principals = anything.all("azuread:index/servicePrincipal:ServicePrincipal")
    sign_in = next(r for r in principals if r.name.endswith("sign-in-principal"))
    assert sign_in.inputs["appRoleAssignmentRequired"] is True


ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "3913510d-42f4-4e42-8a64-420c390055eb": ("id-", "Microsoft.Insights/components"),
}


def test_roles_are_narrow_and_keep_their_names(anything: Recording) -> None:
    assignments = anything.all("azure-native:authorization:RoleAssignment")
    assert len(assignments) == 4
    for assignment in assignments:
        role = assignment.inputs["roleDefinitionId"].rsplit("/", 1)[-1]
        prefix, kind = ROLES[role]
        resource = anything.by_id(assignment.inputs["scope"])
        assert resource is not None, "every scope is one declared resource"
        assert kind in resource.id
        owners = [
            r.inputs["resourceName"]
            for r in anything.all("azure-native:managedidentity:UserAssignedIdentity")
            if r.get("principalId") == assignment.inputs["principalId"]
        ]
        assert len(owners) == 1
        assert owners[0].startswith(prefix)
        assert assignment.inputs["principalType"] == "ServicePrincipal"
    names = {assignment.inputs["roleAssignmentName"] for assignment in assignments}
    assert len(names) == 4


def test_the_session_store_has_no_keys_and_one_role_on_one_container(anything: Recording) -> None:
    account = anything.one("azure-native:cosmosdb:DatabaseAccount")
    assert account.inputs["disableLocalAuth"] is True
    container = anything.one("azure-native:cosmosdb:SqlResourceSqlContainer")
    assert container.inputs["resource"]["defaultTtl"] == -1
    assert container.inputs["resource"]["partitionKey"]["paths"] == ["/id"]
    role = anything.one("azure-native:cosmosdb:SqlResourceSqlRoleAssignment")
    assert role.inputs["scope"] == account.id + "/dbs/secure-mcp/colls/sessions"
    assert role.inputs["principalId"] == identity_of(anything, "id-apim-").get("principalId")
    definition = anything.one("azure-native:cosmosdb:SqlResourceSqlRoleDefinition")
    actions = {action.rsplit("/", 1)[-1] for p in definition.inputs["permissions"] for action in p["dataActions"]}
    assert actions == {"readMetadata", "create", "read", "replace", "delete"}


def test_storage_and_deployment_need_no_keys(anything: Recording) -> None:
    account = anything.one("azure-native:storage:StorageAccount").inputs
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    site = anything.one("azure-native:web:WebApp").inputs
    settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    forbidden = {"FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "AzureWebJobsStorage"}
    assert not forbidden & set(settings), "not for Flex Consumption"
    assert site["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.12"}
    for kind in ("WebAppFtpAllowed", "WebAppScmAllowed"):
        assert anything.one(f"azure-native:web:{kind}").inputs["allow"] is False


def test_nothing_that_need_not_waits_for_the_slow_gateway(declared: Declared) -> None:
    recording = declared("prod")
    resources = by_urn(recording)
    gateway = recording.one(APIM + "ApiManagementService").urn

    def waits(urn: str, seen: set[str]) -> bool:
        if urn == gateway:
            return True
        seen.add(urn)
        return any(waits(d, seen) for d in resources[urn].dependencies if d in resources and d not in seen)

    waiting = {r.type for r in recording if r.custom and waits(r.urn, set())} - {APIM + "ApiManagementService"}
    allowed = {t for t in waiting if t.startswith(APIM)} | {
        "azuread:index/applicationRedirectUris:ApplicationRedirectUris"
    }
    assert waiting == allowed


def test_private_means_private(declared: Declared) -> None:
    recording = declared("prod")
    assert recording.one("azure-native:storage:StorageAccount").inputs["publicNetworkAccess"] == "Disabled"
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
    groups = {
        connection["groupIds"][0]
        for endpoint in recording.all("azure-native:network:PrivateEndpoint")
        for connection in endpoint.inputs["privateLinkServiceConnections"]
    }
    assert groups == {"blob", "queue", "sites", "Sql"}
    assert len(recording.all("azure-native:privatedns:VirtualNetworkLink")) == 4


def test_three_steps_before_the_slow_gateway_and_three_after(declared: Declared) -> None:
    recording = declared("dev")
    custom = {r.urn: r for r in recording if r.custom}
    gateway = recording.one(APIM + "ApiManagementService").urn

    def steps(urn: str, next_of: Callable[[str], list[str]]) -> int:
        return max((1 + steps(other, next_of) for other in next_of(urn)), default=0)

    before = steps(gateway, lambda urn: [d for d in custom[urn].dependencies if d in custom])
    after = steps(gateway, lambda urn: [r.urn for r in custom.values() if urn in r.dependencies])
    assert (before, after) == (3, 3)
