"""Each call that the system makes, from caller to target, as the declaration routes it.

https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.network import CALLERS, DNS, ZONES, closed, range_of
from secure_mcp_local.rules.rule import NATIVE, SUBNET, Rule, Stack, at, lists, strings, text

_POLICIES = "https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy"


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
                _has_range(str(one), range_of(prefix))
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
    wide = range_of(place)
    return place.lower() in _EVERYWHERE or (
        wide is not None and prefix is not None and wide.version == prefix.version and prefix.subnet_of(wide)  # pyright: ignore[reportArgumentType]
    )


RULES = (
    Rule(
        "network-path",
        "error",
        "A call does not arrive: its target takes nothing from the internet, and no way through the network leads there.",
        "Declare what is missing: the caller's subnet, a private endpoint, its DNS zone group, the zone and its link, a security rule "
        "that allows TCP 443 from the network; or open the target.",
        f"{DNS} {_POLICIES}",
        CALLERS,
        _path,
    ),
)
