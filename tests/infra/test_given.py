"""What an organisation has already is given to a gateway, and is then neither made nor touched."""

import pytest

from secure_mcp import ConfigError, GatewayArgs
from secure_mcp_local.recording import Recording, record

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
    "existing_sign_in": {{"client_id": "{"0" * 8}-0000-4000-8000-0000000000c1", "principal_object_id": "{"0" * 8}-0000-4000-8000-0000000000c2"}},
}})
pulumi.export("gateway", gateway.reference)
'''


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("given")
    (folder / "Pulumi.yaml").write_text("name: given\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return record(folder, "dev")


def test_nothing_of_it_is_made(recording: Recording) -> None:
    made = {resource.type.split(":")[1] for resource in recording if resource.custom}
    assert not {"operationalinsights", "applicationinsights", "privatedns"} & made
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
    groups = {r.inputs["resourceGroupName"] for r in recording if r.custom and "resourceGroupName" in r.inputs}
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
        ({"existing_sign_in": {"client_id": "c"}}, "existingSignIn.principalObjectId = None: give a value"),
    ):
        with pytest.raises(ConfigError, match=message):
            GatewayArgs.of(good | changes)
