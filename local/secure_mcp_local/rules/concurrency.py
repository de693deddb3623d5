"""Changes that Azure refuses while another one goes on."""

from collections.abc import Callable, Collection, Iterator

_EXCLUSIVE = frozenset(
    f"cosmosdb:{kind}"
    for kind in (
        "SqlResourceSqlContainer",
        "SqlResourceSqlDatabase",
        "SqlResourceSqlRoleAssignment",
        "SqlResourceSqlRoleDefinition",
    )
)
PARALLEL = (
    "PreconditionFailed: there is already an operation in progress which requires an exclusive lock on this account. Let one "
    "depend on the other. https://github.com/hashicorp/terraform-provider-azurerm/issues/15842"
)
"""What Cosmos DB says to one of two changes of an account at the same time."""


def account_of(type: str, id: str) -> str | None:
    """The account that is locked while a resource is made, changed or deleted, in lower case; None: nothing is."""
    return "/".join(id.lower().split("/")[:9]) if type.removeprefix("azure-native:") in _EXCLUSIVE else None


def parallel(
    resources: Collection[tuple[str, str, str]], before: Callable[[str], Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Pairs of resources that change one account and do not wait for one another.

    Args:
        resources: URN, type token and ARM id of each.
        before: Gives the URNs of everything that exists before a resource is made.
    """
    accounts: dict[str, list[str]] = {}
    for urn, type, id in resources:
        if (account := account_of(type, id)) is not None:
            accounts.setdefault(account, []).append(urn)
    for urns in accounts.values():
        earlier = {urn: set(before(urn)) for urn in urns}
        for index, one in enumerate(urns):
            for other in urns[index + 1 :]:
                if one not in earlier[other] and other not in earlier[one]:
                    yield one, other
