"""The optional private network: only the gateway keeps a public address."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network, privatedns

from ..options import Taken
from .component import Component
from .placement import Placement


class NetworkArgs(Placement):
    """Where it goes, and its addresses."""

    vnet_address_space: str
    """IPv4 network of at least a /24; a quarter each for the gateway, the function app and the private endpoints."""


# https://learn.microsoft.com/azure/private-link/private-endpoint-dns
ZONES = {
    "blob": "privatelink.blob.core.windows.net",
    "queue": "privatelink.queue.core.windows.net",
    "sites": "privatelink.azurewebsites.net",
    "Sql": "privatelink.documents.azure.com",
}
"""Zones of the names of private endpoints, by sub-resource."""

# (name, allow or deny, protocol, source, port), in order of priority. Azure's own rules after them let the network's own addresses
# and Azure's load balancer in, which the platform needs in the two subnets that it runs applications in.
# https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules
_RULES = {
    "gateway": [("deny-internet", "Deny", "*", "Internet", "*")],
    "function": [("deny-internet", "Deny", "*", "Internet", "*")],
    # Nothing runs here but the private endpoints; whoever deploys reaches them from a peered network, which counts as VirtualNetwork.
    "endpoints": [
        ("allow-https", "Allow", "Tcp", "VirtualNetwork", "443"),
        ("deny-everything-else", "Deny", "*", "*", "*"),
    ],
}


def _inbound(
    name: str, access: str, protocol: str, source: str, port: str, priority: int
) -> "network.SecurityRuleArgs":
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction=network.SecurityRuleDirection.INBOUND,
        access=access,
        protocol=protocol,
        source_address_prefix=source,
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range=port,
    )


class Network(Component):
    """Network with a subnet for each: the gateway (delegated to Microsoft.Web/serverFarms, as the v2 tiers ask), the function app
    (Microsoft.App/environments, as Flex Consumption asks) and private endpoints."""

    vnet_id: pulumi.Output[str]
    gateway_subnet_id: pulumi.Output[str]
    function_subnet_id: pulumi.Output[str]
    endpoint_subnet_id: pulumi.Output[str]
    zones: Mapping[str, pulumi.Output[str]]
    """Ids of the private DNS zones, by sub-resource."""

    def __init__(self, name: str, args: NetworkArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = NetworkArgs.of(args)
        super().__init__("secure-mcp:index:Network", name, opts)
        self._name, self._args = name, args
        here = self.inside()
        groups = {
            part: network.NetworkSecurityGroup(
                f"{name}-{part}-nsg",
                network_security_group_name=pulumi.Output.concat("nsg-", part, "-", name, "-", args.suffix),
                security_rules=[_inbound(*rule, priority) for priority, rule in enumerate(rules, start=100)],
                resource_group_name=args.resource_group_name,
                location=args.location,
                opts=here,
            )
            for part, rules in _RULES.items()
        }
        parts = list(ipaddress.ip_network(args.vnet_address_space).subnets(prefixlen_diff=2))
        delegations = {
            "gateway": "Microsoft.Web/serverFarms",
            "function": "Microsoft.App/environments",
            "endpoints": None,
        }
        vnet = network.VirtualNetwork(
            f"{name}-vnet",
            virtual_network_name=pulumi.Output.concat("vnet-", name, "-", args.suffix),
            address_space=network.AddressSpaceArgs(address_prefixes=[args.vnet_address_space]),
            # Inside the network's own declaration: subnets declared apart are dropped when the network is updated.
            subnets=[
                network.SubnetArgs(
                    name=f"snet-{part}",
                    address_prefix=str(prefix),
                    network_security_group=network.NetworkSecurityGroupArgs(id=groups[part].id),
                    delegations=[network.DelegationArgs(name="delegation", service_name=delegation)]
                    if delegation
                    else [],
                    private_endpoint_network_policies=network.VirtualNetworkPrivateEndpointNetworkPolicies.ENABLED,
                )
                for (part, delegation), prefix in zip(delegations.items(), parts, strict=False)
            ],
            resource_group_name=args.resource_group_name,
            location=args.location,
            opts=here,
        )
        self.vnet_id = vnet.id
        self.gateway_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-gateway")
        self.function_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-function")
        self.endpoint_subnet_id = pulumi.Output.concat(vnet.id, "/subnets/snet-endpoints")
        self.zones = {group: self._zone(zone) for group, zone in ZONES.items()}
        self.register_outputs({"vnetId": vnet.id})

    def _zone(self, zone_name: str) -> pulumi.Output[str]:
        """The names of one kind of service, known in this network; the zone's id, once they are."""
        here = self.inside()
        group = self._args.resource_group_name
        kind = zone_name.split(".")[1]
        zone = privatedns.PrivateZone(
            f"{self._name}-{kind}-zone",
            private_zone_name=zone_name,
            location="global",
            resource_group_name=group,
            opts=here,
        )
        link = privatedns.VirtualNetworkLink(
            f"{self._name}-{kind}-link",
            virtual_network_link_name="network",
            private_zone_name=zone.name,
            location="global",
            resource_group_name=group,
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=self.vnet_id),
            opts=here,
        )
        return pulumi.Output.all(zone.id, link.id).apply(lambda known: known[0])


@dataclass(frozen=True)
class PrivateService:
    """Something that is reached by a private endpoint."""

    resource_id: pulumi.Input[str]
    group_id: str
    """Its sub-resource, of which `ZONES` has the zone."""


def connect(
    name: str,
    place: Placement,
    subnet_id: pulumi.Input[str],
    zones: Mapping[str, pulumi.Input[str]] | pulumi.Output[Mapping[str, str]],
    services: Mapping[str, PrivateService],
    parent: pulumi.Resource,
    group: pulumi.Resource | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
) -> list[pulumi.Resource]:
    """Private endpoints for services. Whoever calls the services through the network waits for what is returned.

    One after the other: what Azure does to a subnet at the same time it refuses in the middle of it, where Pulumi does not
    try again (429, RetryableError). https://github.com/hashicorp/terraform-provider-azurerm/issues/21293

    Args:
        name: Name of the component that they belong to.
        place: Where they go.
        subnet_id: Subnet that they are in.
        zones: Ids of the zones of their names, by sub-resource.
        services: What is reached, by a short name.
        parent: The component.
        group: Resource group that they go with, if the same stack makes it.
        depends_on: What else changes the services or the network, and comes first.
    """
    before = [*depends_on]
    ready: list[pulumi.Resource] = []
    for key, service in services.items():
        kind = service.group_id
        zone = zones.apply(lambda known, kind=kind: known[kind]) if isinstance(zones, pulumi.Output) else zones[kind]
        endpoint = network.PrivateEndpoint(
            f"{name}-{key}-endpoint",
            private_endpoint_name=pulumi.Output.concat("pep-", key, "-", place.suffix),
            location=place.location,
            resource_group_name=place.resource_group_name,
            subnet=network.SubnetArgs(id=subnet_id),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=key, private_link_service_id=service.resource_id, group_ids=[service.group_id]
                )
            ],
            opts=pulumi.ResourceOptions(parent=parent, deleted_with=group, depends_on=before),
        )
        names = network.PrivateDnsZoneGroup(
            f"{name}-{key}-names",
            private_dns_zone_group_name="default",
            private_endpoint_name=endpoint.name,
            resource_group_name=place.resource_group_name,
            private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=key, private_dns_zone_id=zone)],
            opts=pulumi.ResourceOptions(parent=parent, deleted_with=group),
        )
        ready.append(names)
        before = [names]
    return ready
