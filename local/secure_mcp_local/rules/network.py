"""The network as a path: each call that the system makes, from caller to target, as the declaration routes it.

https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, SUBNET, Rule, Stack, at, lists, mapping, strings, text

_DNS = "https://learn.microsoft.com/azure/private-link/private-endpoint-dns"
_INTEGRATION = "https://learn.microsoft.com/azure/api-management/integrate-vnet-outbound"
_POLICIES = "https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy"
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


@dataclass(frozen=True)
class _Host:
    target: Resource
    group: str


def _hosts(stack: Stack) -> Mapping[str, _Host]:
    found: dict[str, _Host] = {}
    for one in stack.all("cosmosdb:DatabaseAccount"):
        found[f"{one.get('name')}.documents.azure.com".lower()] = _Host(one, "Sql")
    for one in stack.all("keyvault:Vault"):
        found[f"{one.get('name')}.vault.azure.net".lower()] = _Host(one, "vault")
    for one in stack.all("storage:StorageAccount"):
        for kind in ("blob", "queue", "table", "file"):
            found[f"{one.get('name')}.{kind}.core.windows.net".lower()] = _Host(one, kind)
    for one in stack.all("web:WebApp"):
        found[text(one, "defaultHostName").lower()] = _Host(one, "sites")
    found.pop("", None)
    return found


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


_SENT = frozenset({"apimanagement:Api", "apimanagement:Backend", "apimanagement:NamedValue"})


def _calls(caller: Resource, stack: Stack) -> Iterator[tuple[Resource, str, str, _Host]]:
    """Where a caller's declaration names hosts of the stack: the resource and the property, the host, and what it is."""
    hosts = _hosts(stack)
    if caller.type == f"{NATIVE}web:WebApp":
        sources = [(caller, "siteConfig"), (caller, "functionAppConfig")]
    else:
        sources = [
            (one, key)
            for one in stack
            if one.type.removeprefix(NATIVE) in _SENT and one.id.lower().startswith(f"{caller.id.lower()}/")
            for key in ("value", "serviceUrl", "url")
        ]
    for resource, key in sources:
        for path, value in strings({key: resource.inputs.get(key)}):
            if "://" in value:
                host = value.partition("://")[2].partition("/")[0].partition(":")[0].lower()
                if host in hosts:
                    yield resource, path, host, hosts[host]


def _subnet_of(caller: Resource) -> object:
    return (
        at(caller.inputs, "virtualNetworkConfiguration.subnetResourceId")
        if caller.type.endswith("ApiManagementService")
        else caller.inputs.get("virtualNetworkSubnetId")
    )


def _network_of(caller: Resource) -> str:
    subnet = _subnet_of(caller)
    match = SUBNET.match(subnet) if isinstance(subnet, str) else None
    return match["network"].lower() if match else ""


def _path(caller: Resource, stack: Stack) -> Iterator[str]:
    network, said = _network_of(caller), set[str]()
    for resource, path, host, what in _calls(caller, stack):
        if not closed(what.target):
            continue
        problem = _blocked(caller, network, host, what, stack)
        where = caller.name if resource is caller else f"{resource.name} ({path})"
        if (
            problem
            and (message := f"{where} calls {host}, which {what.target.name} closes to the internet, and {problem}")
            not in said
        ):
            said.add(message)
            yield message


def _blocked(caller: Resource, network: str, host: str, what: _Host, stack: Stack) -> str:
    """What is missing on the way; empty: nothing."""
    if not network:
        return f"{caller.name} is in no virtual network"
    endpoints = [
        (one, connection)
        for one in stack.all("network:PrivateEndpoint")
        for connection in lists(one, "privateLinkServiceConnections")
        if str(connection.get("privateLinkServiceId")).lower() == what.target.id.lower()
        and what.group.lower() in [str(group).lower() for group in connection.get("groupIds") or ()]
    ]
    if not endpoints:
        return f"no private endpoint is for {what.group} of {what.target.name}"
    zone = ZONES[what.target.type.removeprefix(NATIVE)][what.group]
    problems: list[str] = []
    for endpoint, _ in endpoints:
        place = SUBNET.match(str(at(endpoint.inputs, "subnet.id")))
        if place is None or place["network"].lower() != network:
            problems.append(f"the private endpoint {endpoint.name} is in another network than {caller.name}")
            continue
        names = [
            str(config.get("privateDnsZoneId"))
            for group in stack.all("network:PrivateDnsZoneGroup")
            if group.id.lower().startswith(f"{endpoint.id.lower()}/")
            for config in lists(group, "privateDnsZoneConfigs")
        ]
        fitting = [id for id in names if id.rpartition("/")[2].lower() == zone]
        if not fitting:
            problems.append(
                f"no private DNS zone group of {endpoint.name} names a zone {zone}, so that {host} is the public address"
            )
            continue
        linked = {
            str(at(link.inputs, "virtualNetwork.id")).lower()
            for id in fitting
            for link in stack.all("privatedns:VirtualNetworkLink")
            if link.id.lower().startswith(f"{id.lower()}/")
        }
        if network not in linked and any(stack.at(id) is not None for id in fitting):
            problems.append(f"the zone {zone} is not linked to the network of {caller.name}")
            continue
        if denied := _denied(_subnet_of(caller), at(endpoint.inputs, "subnet.id"), stack):
            problems.append(f"{denied}, on the way from {caller.name} to {endpoint.name}")
            continue
        return ""
    return problems[0]


_HTTPS = 443
_EVERYWHERE = frozenset({"*", "any", "virtualnetwork", "0.0.0.0/0"})


def _denied(source: object, target: object, stack: Stack) -> str:
    """Which rule of a security group stops a call over HTTPS between two subnets of a network; empty: none."""
    here, there = stack.subnet(source), stack.subnet(target)
    if here is None or there is None:
        return ""
    sides = [(here, "Outbound")]
    # The group of a subnet counts for its private endpoints only where the subnet says so.
    if there.get("privateEndpointNetworkPolicies") in {"Enabled", "NetworkSecurityGroupEnabled"}:
        sides.append((there, "Inbound"))
    for subnet, direction in sides:
        group = stack.at(at(subnet, "networkSecurityGroup.id"))
        rules = [one for one in lists(group, "securityRules") if one.get("direction") == direction] if group else []
        for rule in sorted(rules, key=lambda one: one.get("priority") or 0):
            if not _concerns(rule, here.get("addressPrefix"), there.get("addressPrefix")):
                continue
            if rule.get("access") == "Deny" and group is not None:
                return f"the security rule {rule.get('name')} of {group.name} denies it"
            break
    return ""


def _concerns(rule: Mapping[str, Any], source: object, destination: object) -> bool:
    """Whether a security rule is about HTTPS from one range of addresses to another."""
    ports = [rule.get("destinationPortRange"), *(rule.get("destinationPortRanges") or ())]
    return (
        str(rule.get("protocol")).lower() in {"*", "tcp"}
        and any(_has_port(str(one)) for one in ports if one)
        and all(
            any(
                _has_range(str(one), _range(prefix))
                for one in (rule.get(f"{side}AddressPrefix"), *(rule.get(f"{side}AddressPrefixes") or ()))
                if one
            )
            for side, prefix in (("source", source), ("destination", destination))
        )
    )


def _has_port(ports: str) -> bool:
    low, _, high = ports.partition("-")
    return ports == "*" or (low.isdecimal() and int(low) <= _HTTPS <= int(high if high.isdecimal() else low))


def _has_range(place: str, prefix: ipaddress.IPv4Network | ipaddress.IPv6Network | None) -> bool:
    wide = _range(place)
    return place.lower() in _EVERYWHERE or (
        wide is not None and prefix is not None and wide.version == prefix.version and prefix.subnet_of(wide)  # pyright: ignore[reportArgumentType]
    )


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
        prefix = _range(subnet.get("addressPrefix"))
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


def _range(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(str(value))
    except ValueError:
        return None


def _ranges(network: Resource, stack: Stack) -> Iterator[str]:
    del stack
    spaces = at(network.inputs, "addressSpace.addressPrefixes") or []
    if not spaces:
        yield "addressSpace.addressPrefixes is empty: a network has an address space"
    space = [one for value in spaces if (one := _range(value)) is not None]
    for value in spaces:
        if _range(value) is None:
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
        prefix = _range(subnet.get("addressPrefix"))
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


_CALLERS = frozenset({"apimanagement:ApiManagementService", "web:WebApp"})

RULES = (
    Rule(
        "network-path",
        "error",
        "A call does not arrive: its target takes nothing from the internet, and no way through the network leads there.",
        "Declare what is missing: the caller's subnet, a private endpoint, its DNS zone group, the zone and its link, a security rule "
        "that allows TCP 443 from the network; or open the target.",
        f"{_DNS} {_POLICIES}",
        _CALLERS,
        _path,
    ),
    Rule(
        "subnet-delegation",
        "error",
        "Azure refuses to put it into a subnet of another kind.",
        "Give it a subnet of its own with the delegation that is named.",
        f"{_INTEGRATION} {_FLEX}",
        _CALLERS,
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
        _DNS,
        frozenset({"network:PrivateEndpoint"}),
        _endpoint,
    ),
    Rule(
        "private-name",
        "error",
        "The name of the target stays that of the public address unless the endpoint's zone group names the zone that belongs to it.",
        "Name the zone that the source lists for what the endpoint is for.",
        _DNS,
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
