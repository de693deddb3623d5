"""An API Management that is there already: what is asked of it, what is added to it, and servers in stacks of their own on it."""

from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from actors.component_provider import component_provider
from actors.projects import project
from secure_mcp import ConfigError, ServerArgs
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, record_together
from secure_mcp_local.testing import Application, Person

APIM = "azure-native:apimanagement:"
BEFORE = """
import pulumi
from pulumi_azure_native import apimanagement, managedidentity, resources

group = resources.ResourceGroup("there", resource_group_name="rg-there", location="swedencentral")
identity = managedidentity.UserAssignedIdentity("ours", resource_name_="id-ours", resource_group_name=group.name, location="swedencentral")
other = managedidentity.UserAssignedIdentity("other", resource_name_="id-other", resource_group_name=group.name, location="swedencentral")
attached = pulumi.Output.all(ATTACHED.id).apply(lambda ids: {ids[0]: {}})
service = apimanagement.ApiManagementService("there", service_name="apim-there", resource_group_name=group.name, location="swedencentral",
    sku={"name": "SKU", "capacity": 1}, publisher_email="a@example.com", publisher_name="a",
    identity={"type": "UserAssigned", "user_assigned_identities": attached})
pulumi.export("service", service.name)
pulumi.export("identity", identity.id)
"""
GATEWAY = """
import pulumi
from secure_mcp import Gateway

before = pulumi.StackReference(f"organization/before/{pulumi.get_stack()}")
gateway = Gateway("ours", {
    "location": "swedencentral", "apim_publisher_email": "p@example.com", "sign_in_rate_limit": 100000,
    "existing_api_management": {
        "name": before.require_output("service"), "resource_group_name": "rg-there", "identity_id": before.require_output("identity"), **GIVEN
    },
    **OPTIONS
})
pulumi.export("gateway", gateway.reference)
"""
SERVER = """
import pulumi
from secure_mcp import Server

gateway = pulumi.StackReference(f"organization/gateway/{pulumi.get_stack()}").require_output("gateway")
Server("notes", {"gateway": gateway, "path": "notes", "address": {"url": "http://localhost:9/mcp"},
    "assigned_groups": ["00000000-0000-4000-8000-00000000d0e1"]})
"""
OTHERS = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/hub/providers/Microsoft.Network"
NETWORK = {
    "existing_network": {
        "gateway_subnet_id": f"{OTHERS}/virtualNetworks/hub/subnets/gateway",
        "function_subnet_id": f"{OTHERS}/virtualNetworks/hub/subnets/function",
        "endpoint_subnet_id": f"{OTHERS}/virtualNetworks/hub/subnets/endpoints",
        "private_dns_zones": {kind: f"{OTHERS}/privateDnsZones/{kind}" for kind in ("blob", "queue", "sites", "Sql")},
    }
}


def stacks(
    folder: Path, sku: str = "BasicV2", attached: str = "identity", given: Any = None, **options: Any
) -> list[Path]:
    """What is there, the gateway on it, and a server in a stack of its own."""
    gateway = GATEWAY.replace("GIVEN", repr(given or {})).replace("OPTIONS", repr(options))
    return [
        project(folder, "before", BEFORE.replace("SKU", sku).replace("ATTACHED", attached)),
        project(folder, "gateway", gateway),
        project(folder, "server", SERVER),
    ]


@pytest.mark.parametrize(
    ("there", "options", "said"),
    [
        ({"sku": "Developer"}, {}, "apim-there': its tier is Developer; streams and limits need BasicV2, StandardV2"),
        ({"sku": "Consumption"}, {}, "its tier is Consumption"),
        ({"attached": "other"}, {}, "id-ours': attach this identity to apim-there: policies ask for its tokens"),
        ({"sku": "StandardV2"}, NETWORK, "apim-there': integrate it with the virtual network first"),
        ({}, {"apim_units": 2}, "apimUnits = 2: existingApiManagement is given; this is for its owner to set"),
        ({}, {"vnet_enabled": True}, "existingApiManagement is in a network of its own; give existingNetwork"),
    ],
)
def test_an_instance_that_does_not_suit_is_refused(
    tmp_path: Path, there: dict[str, str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(LocalCloudError) as caught:
        record_together(stacks(tmp_path, **there, **options)[:2], "dev")
    assert said in str(caught.value)


def added(recordings: list[Recording]) -> list[Any]:
    return [
        r for recording in recordings if recording.project != "before" for r in recording if r.type.startswith(APIM)
    ]


@pytest.mark.parametrize("given", [{}, {"azure_monitor_logger": False}, {"prefix": "team-a-"}], ids=str)
async def test_a_server_of_another_stack_is_used_on_it(tmp_path: Path, given: dict[str, Any]) -> None:
    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)

    roots = stacks(tmp_path, given=given)
    ours = added(record_together(roots, "dev"))
    prefix = given.get("prefix", "secure-mcp-")
    names = {"Api": "apiId", "NamedValue": "namedValueId", "PolicyFragment": "id", "Logger": "loggerId"}
    for resource in ours:
        if not resource.read and (key := names.get(resource.type.removeprefix(APIM))):
            assert str(resource.get(key)).startswith(prefix), resource.name
    # By default each API of ours says for itself what the instance's own log has of it: no body, header or query string.
    kinds = [(r.get("apiId"), r.get("diagnosticId")) for r in ours if r.type == APIM + "ApiDiagnostic"]
    apis = {r.get("apiId") for r in ours if r.type == APIM + "Api"}
    assert {api for api, kind in kinds if kind == "applicationinsights"} == apis
    assert {api for api, kind in kinds if kind == "azuremonitor"} == (
        apis if given.get("azure_monitor_logger", True) else set()
    )
    async with LocalCloud.open(roots, port=0, backend={f"{prefix}mcp-notes": "http://localhost:9/mcp"}) as cloud:
        cloud.network.serve("localhost:9", host, kind="functions")
        application = Application(cloud.gateway_url, path="/notes")
        tokens = await application.tokens(Person())
        assert (await application.call(tokens["access_token"])).status_code == 200


def test_a_gateway_of_another_language_is_on_it_and_so_is_its_server() -> None:
    identity = (
        "/subscriptions/0/resourceGroups/rg-there/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ours"
    )
    given = {"name": "apim-there", "resourceGroupName": "rg-there", "identityId": identity, "prefix": "team-b-"}
    with component_provider() as provider:
        gateway = provider.construct(
            "Gateway",
            "g",
            {"location": "westeurope", "apimPublisherEmail": "a@example.com", "existingApiManagement": given},
        )
        provider.construct(
            "Server",
            "s",
            {"gateway": gateway["reference"], "path": "notes", "address": {"url": "https://n.example.com/mcp"}},
        )
        apis = {api.get("apiId") for api in provider.recording.all(APIM + "Api")}
        assert not provider.recording.all(APIM + "ApiManagementService") or all(
            service.read for service in provider.recording.all(APIM + "ApiManagementService")
        )
    assert {"team-b-oauth", "team-b-mcp-notes", "team-b-resource-metadata-notes"} <= apis
    assert all(str(api).startswith("team-b-") for api in apis)


PRIVATE = """
import pulumi
from secure_mcp import Server

gateway = pulumi.StackReference(f"organization/gateway/{pulumi.get_stack()}").require_output("gateway")
Server("notes", {"gateway": gateway, "path": "notes", "location": "swedencentral", "private": True,
    "function_app": {"code": "CODE", "containers": ["notes"]}})
"""
SHARED = """
import pulumi
from secure_mcp import Gateway

gateway = Gateway("shared", {"location": "swedencentral", "apim_publisher_email": "p@example.com", "apim_sku": "StandardV2", **OPTIONS})
pulumi.export("gateway", gateway.reference)
"""


@pytest.mark.parametrize("options", [{"vnet_enabled": True}, NETWORK], ids=["made", "given"])
def test_a_private_server_is_declared_in_a_stack_of_its_own(tmp_path: Path, options: dict[str, Any]) -> None:
    code = Path(__file__).parents[2] / "function_app"
    roots = [
        project(tmp_path, "gateway", SHARED.replace("OPTIONS", repr(options))),
        project(tmp_path, "server", PRIVATE.replace("CODE", str(code))),
    ]
    gateway, server = sorted(record_together(roots, "dev"), key=lambda recording: recording.project)
    reference = gateway.outputs["gateway"]
    site = server.one("azure-native:web:WebApp")
    assert site.inputs["publicNetworkAccess"] == "Disabled"
    assert site.inputs["virtualNetworkSubnetId"] == reference["function_subnet_id"]
    for account in server.all("azure-native:storage:StorageAccount"):
        assert account.inputs["publicNetworkAccess"] == "Disabled"
    endpoints = server.all("azure-native:network:PrivateEndpoint")
    assert {e.inputs["privateLinkServiceConnections"][0]["groupIds"][0] for e in endpoints} == {
        "blob",
        "queue",
        "sites",
    }
    assert {e.inputs["subnet"]["id"] for e in endpoints} == {reference["endpoint_subnet_id"]}
    zones = {
        g.inputs["privateDnsZoneConfigs"][0]["privateDnsZoneId"]
        for g in server.all("azure-native:network:PrivateDnsZoneGroup")
    }
    assert zones == {reference["private_dns_zones"][kind] for kind in ("blob", "queue", "sites")}
    kinds = {resource.type.split(":")[-1] for resource in server if resource.custom}
    assert not {"VirtualNetwork", "PrivateZone", "ApiManagementService", "NetworkSecurityGroup"} & kinds
    for setting in server.all("azure-native:storage:BlobContainer"):
        assert setting.inputs["containerName"] in {"notes", "deployment"}


def test_a_private_server_needs_a_network(tmp_path: Path) -> None:
    code = Path(__file__).parents[2] / "function_app"
    roots = [
        project(tmp_path, "gateway", SHARED.replace("OPTIONS", "{}")),
        project(tmp_path, "server", PRIVATE.replace("CODE", str(code))),
    ]
    with pytest.raises(LocalCloudError, match="private = True: the gateway has no private network"):
        record_together(roots, "dev")


def test_only_a_function_app_is_put_into_the_network() -> None:
    """What would be left outside in silence is refused."""
    given = {"gateway": {}, "path": "notes", "location": "swedencentral", "private": True}
    for host in ({"container_app": {"image": "i"}}, {"address": {"url": "https://n.example.com/mcp"}}):
        with pytest.raises(ConfigError, match="private = True: only a functionApp is put into the gateway's network"):
            ServerArgs.of(given | host)
