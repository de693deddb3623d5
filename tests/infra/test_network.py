"""A private network, and what changes it one after the other."""

from itertools import pairwise

from actors.wiring import APIM, COSMOS, Declared, before


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
