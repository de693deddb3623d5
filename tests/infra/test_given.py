"""What an organisation has already is given to a gateway, and is then neither made nor touched."""

from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp import ConfigError, GatewayArgs
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording, record
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
OTHERS = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/hub/providers"
PROGRAM = f'''
import pulumi
from secure_mcp import Gateway

ZONES = "{OTHERS}/Microsoft.Network/privateDnsZones/"
gateway = Gateway("given", {{
    "location": "swedencentral",
    "apim_publisher_email": "p@example.com",
    "apim_sku": "StandardV2",
    "resource_group_name": "rg-there",
    "existing_monitoring": {{
        "workspace_id": "{OTHERS}/Microsoft.OperationalInsights/workspaces/log",
        "app_insights_id": "{OTHERS}/Microsoft.Insights/components/appi",
        "app_insights_connection_string": pulumi.Output.secret("InstrumentationKey=hush"),
    }},
    "existing_network": {{
        "gateway_subnet_id": "{OTHERS}/Microsoft.Network/virtualNetworks/hub/subnets/gateway",
        "function_subnet_id": "{OTHERS}/Microsoft.Network/virtualNetworks/hub/subnets/function",
        "endpoint_subnet_id": "{OTHERS}/Microsoft.Network/virtualNetworks/hub/subnets/endpoints",
        "private_dns_zones": {{kind: ZONES + kind for kind in ("blob", "queue", "sites", "Sql")}},
    }},
    "existing_key_vault": {{"vault_id": "{OTHERS}/Microsoft.KeyVault/vaults/kv-there"}},
    "existing_sign_in": {{"client_id": "{"0" * 8}-0000-4000-8000-0000000000c1", "principal_object_id": "{"0" * 8}-0000-4000-8000-0000000000c2"}},
}})
pulumi.export("gateway", gateway.reference)
'''


SERVER = """
from secure_mcp import Server

Server("notes", {"gateway": gateway.reference, "path": "notes", "address": {"url": "http://localhost:9/mcp"},
    "assigned_groups": ["00000000-0000-4000-8000-00000000d0e1"]})
"""


def project(folder: Path, program: str) -> None:
    (folder / "Pulumi.yaml").write_text("name: given\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(program)


def declared(folder: Path, program: str) -> Recording:
    project(folder, program)
    return record(folder, "dev")


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return declared(tmp_path_factory.mktemp("given"), PROGRAM)


def test_nothing_of_it_is_made(recording: Recording) -> None:
    made = {resource.type.split(":")[1] for resource in recording if resource.custom}
    assert not {"operationalinsights", "applicationinsights", "privatedns"} & made
    assert not recording.all("azure-native:keyvault:Vault")
    kinds = {resource.type.split(":")[-1] for resource in recording}
    assert (
        not {
            "ResourceGroup",
            "VirtualNetwork",
            "NetworkSecurityGroup",
            "Application",
            "AppRoleAssignment",
            "ServicePrincipal",
        }
        & kinds
    )


def test_all_of_it_is_used(recording: Recording) -> None:
    groups = {
        r.inputs["resourceGroupName"]
        for r in recording
        if r.custom and "resourceGroupName" in r.inputs and not r.type.endswith(":Secret")
    }
    assert groups == {"rg-there"}
    service = recording.one("azure-native:apimanagement:ApiManagementService").inputs
    assert service["virtualNetworkConfiguration"]["subnetResourceId"].endswith("/hub/subnets/gateway")
    [endpoint] = recording.all("azure-native:network:PrivateEndpoint")
    assert endpoint.inputs["subnet"]["id"].endswith("/hub/subnets/endpoints")
    [names] = recording.all("azure-native:network:PrivateDnsZoneGroup")
    assert names.inputs["privateDnsZoneConfigs"][0]["privateDnsZoneId"].endswith("/Sql")
    assert recording.one("azure-native:apimanagement:Logger").inputs["resourceId"].endswith("/components/appi")
    assert recording.one("azure-native:cosmosdb:DatabaseAccount").inputs["publicNetworkAccess"] == "Disabled"
    [client] = [
        r for r in recording.all("azure-native:apimanagement:NamedValue") if r.get("namedValueId") == "McpClientId"
    ]
    assert client.inputs["value"].endswith("c1")
    reference = recording.outputs["gateway"]
    assert reference["sign_in_principal_id"].endswith("c2")
    assert reference["function_subnet_id"].endswith("/hub/subnets/function")


def test_a_vault_of_others_has_our_secrets_and_each_is_read_by_itself(recording: Recording) -> None:
    """No role on the vault: the gateway's identity would read what others keep there."""
    secrets = recording.all("azure-native:keyvault:Secret")
    assert {secret.inputs["secretName"] for secret in secrets} == {
        "secure-mcp-EncryptionKey",
        "secure-mcp-PreviousEncryptionKey",
    }
    assert {(secret.inputs["resourceGroupName"], secret.inputs["vaultName"]) for secret in secrets} == {
        ("hub", "kv-there")
    }
    roles = [
        role
        for role in recording.all("azure-native:authorization:RoleAssignment")
        if "/Microsoft.KeyVault/" in role.inputs["scope"]
    ]
    assert {role.inputs["scope"] for role in roles} == {secret.id for secret in secrets}
    resources = {resource.urn: resource for resource in recording}
    for value in recording.all("azure-native:apimanagement:NamedValue"):
        if "keyVault" in value.inputs:
            [waited] = [resources[urn] for urn in value.dependencies if resources[urn].type == "pulumi:index:Stash"]
            assert [r.inputs["scope"] for r in roles if r.urn in waited.dependencies], value.name


def test_a_closed_vault_of_others_is_read_with_the_identity_that_azure_lets_in(tmp_path: Path) -> None:
    recording = declared(tmp_path, PROGRAM.replace('kv-there"', 'kv-there", "closed": True'))
    system = recording.one("azure-native:apimanagement:ApiManagementService").get("identity")["principalId"]
    roles = recording.all("azure-native:authorization:RoleAssignment")
    assert {r.inputs["principalId"] for r in roles if "/Microsoft.KeyVault/" in r.inputs["scope"]} == {system}
    kept = [
        r.inputs["keyVault"] for r in recording.all("azure-native:apimanagement:NamedValue") if "keyVault" in r.inputs
    ]
    assert len(kept) == 2
    assert not any("identityClientId" in each for each in kept)


async def test_a_gateway_runs_with_secrets_in_a_vault_of_others(tmp_path: Path) -> None:
    # Nothing here knows the registration.
    program = "".join(line for line in PROGRAM.splitlines(True) if "existing_sign_in" not in line)
    project(tmp_path, program.replace("pulumi.export", SERVER + "pulumi.export"))
    async with LocalCloud.open([tmp_path], port=0, backend={"mcp-notes": "http://localhost:9/mcp"}) as cloud:
        cloud.network.serve("localhost:9", answering, kind="functions")
        application = Application(cloud.gateway_url, path="/notes")
        tokens = await application.tokens(Person())
        assert (await application.call(tokens["access_token"])).status_code == 200


# What lies in something else that has an id among the outputs, or only says something of it.
PARTS = {
    "ApiDiagnostic", "ApiManagementDiagnostic", "ApiOperation", "ApiOperationPolicy", "ApiPolicy", "BlobContainer", "BlobServiceProperties", "Budget",
    "Deployment", "DiagnosticSetting", "Diagnostic", "ManagementLockByScope", "MetricAlert", "NamedValue", "NetworkSecurityGroup", "PolicyFragment", "PrivateDnsZoneGroup",
    "PrivateEndpoint", "RoleAssignment", "ScheduledQueryRule", "Secret", "SqlResourceSqlContainer", "SqlResourceSqlDatabase", "SqlResourceSqlRoleAssignment",
    "SqlResourceSqlRoleDefinition", "VirtualNetworkLink", "WebAppAuthSettingsV2", "WebAppFtpAllowed", "WebAppScmAllowed", "ContainerAppsAuthConfig",
    "Policy",
}  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"vnet_enabled": True, "apim_sku": "StandardV2", "key_vault_enabled": True, "monthly_budget": 100},
        {},
    ],
    ids=["everything", "nothing more"],
)
@pytest.mark.parametrize("host", ["whole", "function_app", "container_app"])
def test_everything_that_is_made_has_its_id_among_the_outputs(
    tmp_path: Path, options: dict[str, object], host: str
) -> None:
    hosts = {
        "function_app": {"code": str(ROOT / "function_app")},
        "container_app": {"image": "registry.example.com/notes:1"},
    }
    common = {"location": "swedencentral", "apim_publisher_email": "p@example.com"} | options
    program = "import pulumi\nfrom secure_mcp import Gateway, SecureMcpServer, Server\n"
    if host == "whole":
        program += f"whole = SecureMcpServer('all', {common | hosts['function_app']!r})\n"
        program += "made, everything = whole.resource_ids, whole.all_resource_ids\n"
    else:
        program += f"gateway = Gateway('shared', {common!r})\n"
        server = {"path": "notes", "location": "swedencentral", host: hosts[host]}
        program += f"server = Server('notes', {server!r} | {{'gateway': gateway.reference}})\n"
        program += (
            "made = {**gateway.resource_ids, **{'server-' + name: id for name, id in server.resource_ids.items()}}\n"
            "everything = [*gateway.all_resource_ids, *server.all_resource_ids]\n"
        )
    program += "pulumi.export('made', made)\npulumi.export('everything', everything)\n"
    recording = declared(tmp_path, program)
    azures = [r for r in recording if r.custom and r.type.startswith(("azure-native:", "azuread:"))]
    there = [r.id for r in azures if r.read or r.inputs.get("useExisting")]
    assert sorted(recording.outputs["everything"]) == sorted(r.id for r in azures if r.id not in there)
    given = {str(id).lower() for id in recording.outputs["made"].values()}
    for resource in recording:
        kind = resource.type.split(":")[-1]
        if resource.type.startswith("azure-native:") and kind not in PARTS:
            assert resource.id.lower() in given or (kind == "Api" and resource.get("apiId") == "resource-metadata"), (
                kind
            )
    for kind in ("application:Application", "servicePrincipal:ServicePrincipal"):
        for resource in recording.all(f"azuread:index/{kind}"):
            # Microsoft Graph's is nobody's.
            assert str(resource.get("objectId")).lower() in given or resource.name.endswith("-graph"), resource.name
    # And nothing among them that is not made.
    ids = {i.lower() for r in recording if r.custom for i in (r.id, str(r.get("objectId")))}
    assert all(id in ids or "/subnets/" in id for id in given)


def test_what_does_not_go_together_is_said() -> None:
    good = {"location": "x", "apim_publisher_email": "a@b.c"}
    network = {"gateway_subnet_id": "g", "function_subnet_id": "f", "endpoint_subnet_id": "e"}
    zones = dict.fromkeys(("blob", "queue", "sites", "Sql"), "z")
    for changes, message in (
        (
            {"existing_network": network | {"private_dns_zones": {"blob": "z"}}},
            "give the zone for Sql, queue, sites, too",
        ),
        ({"existing_network": network | {"private_dns_zones": zones}}, "it must be StandardV2 or PremiumV2"),
        ({"existing_key_vault": {"vault_id": "kv"}}, "give the resource id of a key vault"),
        (
            {"existing_key_vault": {"vault_id": f"{OTHERS}/Microsoft.KeyVault/vaults/kv"}, "key_vault_enabled": True},
            "existingKeyVault is given; leave keyVaultEnabled out",
        ),
        ({"existing_sign_in": {"client_id": "c"}}, "existingSignIn.principalObjectId = None: give a value"),
    ):
        with pytest.raises(ConfigError, match=message):
            GatewayArgs.of(good | changes)
