"""The network as it is declared: subnets and what they are for, private endpoints, zones, security rules."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack, at, lists, mapping, text

DNS = "https://learn.microsoft.com/azure/private-link/private-endpoint-dns"
_INTEGRATION = "https://learn.microsoft.com/azure/api-management/integrate-vnet-outbound"
_FLEX = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration"

ZONES: Mapping[str, Mapping[str, str]] = {
    "cosmosdb:DatabaseAccount": {"Sql": "privatelink.documents.azure.com"},
    "keyvault:Vault": {"vault": "privatelink.vaultcore.azure.net"},
    "storage:StorageAccount": {
        kind: f"privatelink.{kind}.core.windows.net" for kind in ("blob", "queue", "table", "file", "web", "dfs")
    },
    "web:WebApp": {"sites": "privatelink.azurewebsites.net"},
    "apimanagement:ApiManagementService": {"Gateway": "privatelink.azure-api.net"},
}  # fmt: skip
"""By type: what of it private endpoints can be for, each with the zone of its names."""


_CLOSED = frozenset({"disabled", "securedbyperimeter"})


def closed(resource: Resource) -> bool:
    """Whether a resource takes nothing from the internet."""
    if resource.type == f"{NATIVE}keyvault:Vault":
        properties = mapping(resource.inputs, "properties")
        return (
            str(properties.get("publicNetworkAccess", "")).lower() in _CLOSED
            or at(properties, "networkAcls.defaultAction") == "Deny"
        )
    rules = (
        at(resource.inputs, "networkRuleSet.defaultAction")
        if resource.type == f"{NATIVE}storage:StorageAccount"
        else None
    )
    return str(resource.inputs.get("publicNetworkAccess", "")).lower() in _CLOSED or rules == "Deny"


def _delegation(resource: Resource, stack: Stack) -> Iterator[str]:
    key, wanted = (
        ("virtualNetworkConfiguration.subnetResourceId", "Microsoft.Web/serverFarms")
        if resource.type.endswith("ApiManagementService")
        else ("virtualNetworkSubnetId", "Microsoft.App/environments")
    )
    id = at(resource.inputs, key)
    subnet = stack.subnet(id)
    if subnet is None:
        return
    if not resource.type.endswith("ApiManagementService"):
        plan = stack.at(resource.inputs.get("serverFarmId"))
        if plan is None or at(plan.inputs, "sku.name") != "FC1":
            return
    delegated = [str(one.get("serviceName")) for one in lists(subnet, "delegations")]
    if delegated != [wanted]:
        yield f"the subnet {subnet.get('name')} is delegated to {', '.join(delegated) or 'nothing'}, and must be to {wanted}"
    if resource.type.endswith("ApiManagementService"):
        if not at(subnet, "networkSecurityGroup.id"):
            yield f"the subnet {subnet.get('name')} has no network security group, and must have one"
        prefix = range_of(subnet.get("addressPrefix"))
        if prefix is not None and prefix.prefixlen > 27:
            yield f"the subnet {subnet.get('name')} ({prefix}) is smaller than /27"
    others = [
        one.name
        for one in (
            *stack.all("apimanagement:ApiManagementService"),
            *stack.all("web:WebApp"),
            *stack.all("network:PrivateEndpoint"),
        )
        if one is not resource
        and str(id).lower()
        in {
            str(at(one.inputs, path)).lower()
            for path in ("virtualNetworkConfiguration.subnetResourceId", "virtualNetworkSubnetId", "subnet.id")
        }
    ]
    if others:
        yield f"the subnet {subnet.get('name')} is also that of {', '.join(others)}, and must be its own"


def range_of(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A range of addresses as it is declared. None: it is none."""
    try:
        return ipaddress.ip_network(str(value))
    except ValueError:
        return None


def _ranges(network: Resource, stack: Stack) -> Iterator[str]:
    del stack
    spaces = at(network.inputs, "addressSpace.addressPrefixes") or []
    if not spaces:
        yield "addressSpace.addressPrefixes is empty: a network has an address space"
    space = [one for value in spaces if (one := range_of(value)) is not None]
    for value in spaces:
        if range_of(value) is None:
            yield f"addressSpace.addressPrefixes has {value!r}, which is no range of addresses"
    if network.inputs.get("enableDdosProtection") is True and not network.inputs.get("ddosProtectionPlan"):
        yield "enableDdosProtection is True, and ddosProtectionPlan is not given"
    seen: list[tuple[Any, str]] = []
    names: set[str] = set()
    for subnet in lists(network, "subnets"):
        name = str(subnet.get("name") or "")
        if not name:
            yield "subnets has one without a name"
        elif name.lower() in names:
            yield f"subnets has {name} twice"
        names.add(name.lower())
        prefix = range_of(subnet.get("addressPrefix"))
        if prefix is None:
            if not subnet.get("addressPrefixes"):
                yield f"the subnet {name} has the addressPrefix {subnet.get('addressPrefix')!r}, which is no range of addresses"
            continue
        if not any(prefix.version == one.version and prefix.subnet_of(one) for one in space):  # pyright: ignore[reportArgumentType]
            yield f"the subnet {name} ({prefix}) is outside of the network's address space"
        for other, of in seen:
            if prefix.overlaps(other):
                yield f"the subnets {of} and {name} overlap: {other} and {prefix}"
        seen.append((prefix, name))
        for delegation in lists(subnet, "delegations"):
            if not delegation.get("name") or not delegation.get("serviceName"):
                yield f"the subnet {name} has a delegation without name or serviceName"


def _endpoint(endpoint: Resource, stack: Stack) -> Iterator[str]:
    connections = lists(endpoint, "privateLinkServiceConnections") or lists(
        endpoint, "manualPrivateLinkServiceConnections"
    )
    if not connections:
        yield "privateLinkServiceConnections is empty: it leads nowhere"
    if not text(endpoint, "subnet.id"):
        yield "subnet has no id"
    subnet = stack.subnet(at(endpoint.inputs, "subnet.id"))
    if subnet is not None and (taken := [str(one.get("serviceName")) for one in lists(subnet, "delegations")]):
        yield f"the subnet {subnet.get('name')} is delegated to {', '.join(taken)}: no private endpoint can be in it"
    for connection in connections:
        if not connection.get("name"):
            yield "privateLinkServiceConnections has one without a name"
        if not connection.get("privateLinkServiceId"):
            yield "privateLinkServiceConnections has one without privateLinkServiceId"
        target = stack.at(connection.get("privateLinkServiceId"))
        kinds = ZONES.get(target.type.removeprefix(NATIVE)) if target is not None else None
        groups = [str(one) for one in connection.get("groupIds") or ()]
        if kinds is None or target is None:
            continue
        if len(groups) != 1 or groups[0].lower() not in {one.lower() for one in kinds}:
            yield f"groupIds is {groups} for {target.name}, and must be one of {', '.join(kinds)}"
    if not any(
        group.id.lower().startswith(f"{endpoint.id.lower()}/") for group in stack.all("network:PrivateDnsZoneGroup")
    ):
        yield f"{endpoint.name} has no private DNS zone group: names lead to the public address"


def _zone_group(group: Resource, stack: Stack) -> Iterator[str]:
    configs = lists(group, "privateDnsZoneConfigs")
    if not configs:
        yield "privateDnsZoneConfigs is empty: no name is written into any zone"
    endpoint = stack.at(group.id.rsplit("/privateDnsZoneGroups/", 1)[0])
    for config in configs:
        if not config.get("name"):
            yield "privateDnsZoneConfigs has one without a name"
        if not config.get("privateDnsZoneId"):
            yield "privateDnsZoneConfigs has one without privateDnsZoneId"
    for connection in lists(endpoint, "privateLinkServiceConnections") if endpoint is not None else ():
        target = stack.at(connection.get("privateLinkServiceId"))
        kinds = ZONES.get(target.type.removeprefix(NATIVE), {}) if target is not None else {}
        for name in connection.get("groupIds") or ():
            wanted = next((zone for kind, zone in kinds.items() if kind.lower() == str(name).lower()), None)
            zones = [str(config.get("privateDnsZoneId") or "").rpartition("/")[2].lower() for config in configs]
            if wanted is not None and wanted not in zones:
                yield f"privateDnsZoneId is that of {', '.join(zones) or 'nothing'}, and for {name} it must be {wanted}"


def _zone(zone: Resource, stack: Stack) -> Iterator[str]:
    name = str(zone.get("name"))
    if name.startswith("privatelink.") and name not in {one for kinds in ZONES.values() for one in kinds.values()}:
        return
    if not any(
        link.id.lower().startswith(f"{zone.id.lower()}/") for link in stack.all("privatedns:VirtualNetworkLink")
    ):
        yield f"{name} is linked to no network: nobody asks it"


def _link(link: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if not text(link, "virtualNetwork.id"):
        yield "virtualNetwork has no id: the zone is linked to no network"
    if link.inputs.get("registrationEnabled") is True and "privatelink." in link.id.lower():
        yield "registrationEnabled is True: machines of the network would write their names into a zone of private endpoints"


def _security_rules(group: Resource, stack: Stack) -> Iterator[str]:
    del stack
    seen: dict[tuple[str, int], str] = {}
    for rule in lists(group, "securityRules"):
        name, priority, direction = str(rule.get("name") or ""), rule.get("priority"), str(rule.get("direction") or "")
        if not name:
            yield "securityRules has one without a name"
        for key in ("access", "direction", "protocol"):
            if not rule.get(key):
                yield f"the security rule {name} has no {key}"
        for side in ("sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange"):
            if not rule.get(side) and not rule.get(f"{side}s") and not rule.get(f"{side}es"):
                yield f"the security rule {name} has no {side}"
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            yield f"the security rule {name} has the priority {priority}, and there are 100 to 4096"
        elif (other := seen.setdefault((direction, priority), name)) != name:
            yield f"the security rules {other} and {name} have the same priority {priority}"


def _reached(group: Resource, stack: Stack) -> Iterator[str]:
    """Whether the internet gets in where the security group is."""
    del stack
    inbound = sorted(
        (one for one in lists(group, "securityRules") if one.get("direction") == "Inbound"),
        key=lambda one: one.get("priority") or 0,
    )
    for rule in inbound:
        wide = str(rule.get("sourceAddressPrefix")) in {"*", "Internet", "0.0.0.0/0", "Any"}
        if wide and rule.get("access") == "Allow":
            yield f"the security rule {rule.get('name')} lets the internet in at {rule.get('destinationPortRange')}"
            return
        everything = all(
            rule.get(key) == "*"
            for key in ("protocol", "destinationPortRange", "destinationAddressPrefix", "sourcePortRange")
        )
        if wide and everything and rule.get("access") == "Deny":
            return
    if not inbound or not any(one.get("access") == "Deny" for one in inbound):
        yield "no security rule denies the internet what the default rules would not"
    else:
        yield "no security rule denies everything from the internet: protocol, ports and addresses must all be '*'"


def _open_beside(resource: Resource, stack: Stack) -> Iterator[str]:
    behind = [
        one.name
        for one in stack.all("network:PrivateEndpoint")
        for connection in lists(one, "privateLinkServiceConnections")
        if str(connection.get("privateLinkServiceId")).lower() == resource.id.lower()
    ]
    if behind and not closed(resource):
        yield f"publicNetworkAccess is {text(resource, 'publicNetworkAccess') or 'not given'!r}: it is open to the internet beside {behind[0]}"
    elif behind and str(resource.inputs.get("publicNetworkAccess", "")).lower() != "disabled":
        yield f"publicNetworkAccess is {text(resource, 'publicNetworkAccess') or 'not given'!r} beside {behind[0]}, and only a rule keeps the internet out"


def _subnets(network: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for subnet in lists(network, "subnets"):
        if not at(subnet, "networkSecurityGroup.id"):
            yield f"the subnet {subnet.get('name')} has no network security group"


CALLERS = frozenset({"apimanagement:ApiManagementService", "web:WebApp"})

RULES = (
    Rule(
        "subnet-delegation",
        "error",
        "Azure refuses to put it into a subnet of another kind.",
        "Give it a subnet of its own with the delegation that is named.",
        f"{_INTEGRATION} {_FLEX}",
        CALLERS,
        _delegation,
    ),
    Rule(
        "address-range",
        "error",
        "Azure refuses subnets that overlap or are outside of the network.",
        "Correct the ranges of addresses.",
        "https://learn.microsoft.com/azure/virtual-network/manage-virtual-network",
        frozenset({"network:VirtualNetwork"}),
        _ranges,
        ON_SAVE,
    ),
    Rule(
        "private-endpoint",
        "error",
        "A private endpoint that is for nothing, or whose name nobody is told, is none.",
        "Name the target, what of it, a subnet, and a DNS zone group.",
        DNS,
        frozenset({"network:PrivateEndpoint"}),
        _endpoint,
    ),
    Rule(
        "private-name",
        "error",
        "The name of the target stays that of the public address unless the endpoint's zone group names the zone that belongs to it.",
        "Name the zone that the source lists for what the endpoint is for.",
        DNS,
        frozenset({"network:PrivateDnsZoneGroup"}),
        _zone_group,
    ),
    Rule(
        "zone-without-network",
        "error",
        "A private DNS zone answers only in networks that it is linked to.",
        "Declare a VirtualNetworkLink.",
        "https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links",
        frozenset({"privatedns:PrivateZone"}),
        _zone,
    ),
    Rule(
        "zone-link",
        "error",
        "A link without a network, or one by which machines register themselves, is not what private endpoints need.",
        "Name the network; set registration_enabled=False.",
        "https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links",
        frozenset({"privatedns:VirtualNetworkLink"}),
        _link,
    ),
    Rule(
        "security-rules",
        "error",
        "Azure refuses a security group whose rules lack something, or have the same priority.",
        "Complete the rule; priorities are 100 to 4096, each once in a direction.",
        "https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#security-rules",
        frozenset({"network:NetworkSecurityGroup"}),
        _security_rules,
        ON_SAVE,
    ),
    Rule(
        "open-subnet",
        "error",
        "The security group lets the internet in, or leaves to the default rules what they do not deny for good.",
        "Deny everything inbound from the internet, before anything that is allowed from there.",
        "https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules",
        frozenset({"network:NetworkSecurityGroup"}),
        _reached,
    ),
    Rule(
        "subnet-without-rules",
        "error",
        "A subnet without a security group takes whatever the network lets through.",
        "Attach a network security group.",
        "https://learn.microsoft.com/security/benchmark/azure/baselines/virtual-network-security-baseline",
        frozenset({"network:VirtualNetwork"}),
        _subnets,
    ),
    Rule(
        "open-beside-private",
        "error",
        "A private endpoint closes nothing: what has one and stays open to the internet is open.",
        "Set public_network_access='Disabled'.",
        "https://learn.microsoft.com/azure/private-link/private-endpoint-overview",
        frozenset({"cosmosdb:DatabaseAccount", "storage:StorageAccount", "web:WebApp"}),
        _open_beside,
    ),
)
