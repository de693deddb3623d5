"""Changes that Azure refuses while another one goes on."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from secure_mcp_local.rules.rule import at, lists

_EXCLUSIVE = frozenset(
    f"cosmosdb:{kind}"
    for kind in (
        "SqlResourceSqlContainer",
        "SqlResourceSqlDatabase",
        "SqlResourceSqlRoleAssignment",
        "SqlResourceSqlRoleDefinition",
    )
)
COSMOS = (
    "PreconditionFailed: there is already an operation in progress which requires an exclusive lock on this account. Let one "
    "depend on the other. https://github.com/hashicorp/terraform-provider-azurerm/issues/15842 "
    "https://github.com/hashicorp/terraform-provider-azurerm/issues/11126"
)
"""What Cosmos DB says to one of two changes of an account at the same time."""
NETWORK = (
    "RetryableError: cannot proceed with operation because a resource that it uses is not in Succeeded state. Let one private "
    "endpoint depend on the other. https://github.com/hashicorp/terraform-provider-azurerm/issues/21293 "
    "https://github.com/hashicorp/terraform-provider-azurerm/issues/14364"
)
"""What Azure says to one of two private endpoints at the same time in one subnet, or of one service."""
_ACCOUNTS = "/providers/microsoft.documentdb/databaseaccounts/"


def held(type: str, id: str, inputs: Mapping[str, Any]) -> Mapping[str, str]:
    """What is locked while a resource is made, changed or deleted: ids in lower case, with what Azure says to others meanwhile."""
    kind = type.removeprefix("azure-native:")
    if kind in _EXCLUSIVE:
        return {"/".join(id.lower().split("/")[:9]): COSMOS}
    if kind != "network:PrivateEndpoint":
        return {}
    targets = [str(one.get("privateLinkServiceId")) for one in lists(inputs, "privateLinkServiceConnections")]
    places = [one.lower() for one in (str(at(inputs, "subnet.id") or ""), *targets) if one]
    return {one: COSMOS if _ACCOUNTS in one else NETWORK for one in places}


def parallel(
    resources: Collection[tuple[str, str, str, Mapping[str, Any]]], before: Callable[[str], Collection[str]]
) -> Iterator[tuple[str, str, str]]:
    """Pairs of resources that lock the same and do not wait for one another, each with what Azure says then.

    Args:
        resources: URN, type token, ARM id and inputs of each.
        before: Gives the URNs of everything that exists before a resource is made.
    """
    holders: dict[str, list[tuple[str, str]]] = {}
    for urn, type, id, inputs in resources:
        for what, said in held(type, id, inputs).items():
            holders.setdefault(what, []).append((urn, said))
    earlier: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    for found in holders.values():
        urns = [urn for urn, _ in found]
        earlier |= {urn: set(before(urn)) for urn in urns if urn not in earlier}
        for index, (one, said) in enumerate(found):
            for other in urns[index + 1 :]:
                if one not in earlier[other] and other not in earlier[one] and (one, other) not in seen:
                    seen.add((one, other))
                    yield one, other, said
