"""The optional private network: only the gateway keeps a public address."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network, privatedns

from .placement import Placement


class NetworkArgs(Placement):
    address_space: str
    """IPv4 network of at least a /24; a quarter each for the gateway, the function app and the private endpoints."""


@dataclass(frozen=True)
class PrivateService:
    """Something reached by a private endpoint: its ARM id, its sub-resource and the zone of its names."""

    resource_id: pulumi.Input[str]
    group_id: str
    zone: str


# https://learn.microsoft.com/azure/private-link/private-endpoint-dns
ZONES = {
    "blob": "privatelink.blob.core.windows.net",
    "queue": "privatelink.queue.core.windows.net",
    "sites": "privatelink.azurewebsites.net",
    "Sql": "privatelink.documents.azure.com",
}


class Network(pulumi.ComponentResource):
    """Network with a subnet for each: the gateway (delegated to Microsoft.Web/serverFarms, as the v2 tiers ask), the function app
    (Microsoft.App/environments, as Flex Consumption asks) and private endpoints."""

    gateway_subnet_id: pulumi.Output[str]
    function_subnet_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("secure-mcp:index:Network", name, None, opts)
        self._name, self._args = name, args
        here = pulumi.ResourceOptions(parent=self)
        group = network.NetworkSecurityGroup(
            f"{name}-nsg",
            network_security_group_name=pulumi.Output.concat("nsg-", name, "-", args["suffix"]),
            security_rules=[
                network.SecurityRuleArgs(
                    name="deny-internet-inbound",
                    priority=4000,
                    direction=network.SecurityRuleDirection.INBOUND,
                    access=network.SecurityRuleAccess.DENY,
                    protocol=network.SecurityRuleProtocol.ASTERISK,
                    source_address_prefix="Internet",
                    source_port_range="*",
                    destination_address_prefix="*",
                    destination_port_range="*",
                )
            ],
            resource_group_name=args["resource_group_name"],
            location=args["location"],
            opts=here,
        )
        parts = list(ipaddress.ip_network(args["address_space"]).subnets(prefixlen_diff=2))
        delegations = {
            "gateway": "Microsoft.Web/serverFarms",
            "function": "Microsoft.App/environments",
            "endpoints": None,
        }
        vnet = network.VirtualNetwork(
            f"{name}-vnet",
            virtual_network_name=pulumi.Output.concat("vnet-", name, "-", args["suffix"]),
            address_space=network.AddressSpaceArgs(address_prefixes=[args["address_space"]]),
            # Inside the network's own declaration: subnets declared apart are dropped when the network is updated.
            subnets=[
                network.SubnetArgs(
                    name=f"snet-{part}",
                    address_prefix=str(prefix),
                    network_security_group=network.NetworkSecurityGroupArgs(id=group.id),
                    delegations=[network.DelegationArgs(name="delegation", service_name=delegation)]
                    if delegation
                    else [],
                    private_endpoint_network_policies=network.VirtualNetworkPrivateEndpointNetworkPolicies.ENABLED,
                )
                for (part, delegation), prefix in zip(delegations.items(), parts, strict=False)
            ],
            resource_group_name=args["resource_group_name"],
            location=args["location"],
            opts=here,
        )
        self.vnet_id = vnet.id
        self.gateway_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-gateway")
        self.function_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-function")
        self._endpoint_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-endpoints")
        self.register_outputs({"vnetId": vnet.id})

    def connect(self, services: Mapping[str, PrivateService]) -> list[pulumi.Resource]:
        """Private endpoints for services, with the DNS zones that make their names resolve to them."""
        here = pulumi.ResourceOptions(parent=self)
        group = self._args["resource_group_name"]
        endpoints: list[pulumi.Resource] = []
        for key, service in services.items():
            zone = privatedns.PrivateZone(
                f"{self._name}-{key}-zone",
                private_zone_name=service.zone,
                location="global",
                resource_group_name=group,
                opts=here,
            )
            privatedns.VirtualNetworkLink(
                f"{self._name}-{key}-link",
                virtual_network_link_name="network",
                private_zone_name=zone.name,
                location="global",
                resource_group_name=group,
                registration_enabled=False,
                virtual_network=privatedns.SubResourceArgs(id=self.vnet_id),
                opts=here,
            )
            endpoint = network.PrivateEndpoint(
                f"{self._name}-{key}-endpoint",
                private_endpoint_name=pulumi.Output.concat("pep-", key, "-", self._args["suffix"]),
                location=self._args["location"],
                resource_group_name=group,
                subnet=network.SubnetArgs(id=self._endpoint_subnet_id),
                private_link_service_connections=[
                    network.PrivateLinkServiceConnectionArgs(
                        name=key, private_link_service_id=service.resource_id, group_ids=[service.group_id]
                    )
                ],
                opts=here,
            )
            names = network.PrivateDnsZoneGroup(
                f"{self._name}-{key}-names",
                private_dns_zone_group_name="default",
                private_endpoint_name=endpoint.name,
                resource_group_name=group,
                private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=key, private_dns_zone_id=zone.id)],
                opts=here,
            )
            endpoints.append(names)
        return endpoints
