"""Who may do what with the data of a Cosmos DB account: its declared data plane role assignments.

https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource

ROLE_ASSIGNMENT = "azure-native:cosmosdb:SqlResourceSqlRoleAssignment"
ROLE_DEFINITION = "azure-native:cosmosdb:SqlResourceSqlRoleDefinition"

_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
_METADATA = "Microsoft.DocumentDB/databaseAccounts/readMetadata"

ITEMS = f"{_CONTAINERS}/items"
"""Prefix of the actions on documents: `/create`, `/read`, `/replace`, `/upsert`, `/delete`."""

QUERY = f"{_CONTAINERS}/executeQuery"
"""The action on a container that a query needs."""

_BUILT_IN = {
    "00000000-0000-0000-0000-000000000001": (
        _METADATA,
        f"{ITEMS}/read",
        QUERY,
        f"{_CONTAINERS}/readChangeFeed",
    ),
    "00000000-0000-0000-0000-000000000002": (_METADATA, f"{_CONTAINERS}/*", f"{ITEMS}/*"),
}
"""Cosmos DB Built-in Data Reader and Data Contributor."""

_DEFINITION = re.compile(
    r"(?P<account>/subscriptions/.+/databaseAccounts/[^/]+)/sqlRoleDefinitions/(?P<id>[^/]+)", re.I
)
_SCOPE = re.compile(
    r"(?P<account>/subscriptions/.+?/databaseAccounts/[^/]+)?(?P<data>(?:/dbs/[^/]+(?:/colls/[^/]+)?)?)/?",
    re.I,
)


@dataclass(frozen=True)
class _Grant:
    principal: str
    scope: str
    """Below the account: empty, `/dbs/<db>` or `/dbs/<db>/colls/<container>`; case-sensitive."""
    actions: tuple[str, ...]


class Access:
    """The role assignments of one account."""

    def __init__(self, recording: Recording, account: Resource) -> None:
        """Read the declared assignments.

        Raises:
            LocalCloudError: an assignment that Azure would refuse to deploy.
        """
        self._account_id = account.id
        name = account.id.rpartition("/")[2].lower()
        definitions = {
            r.id.rpartition("/")[2].lower(): _data_actions(r)
            for r in recording.all(ROLE_DEFINITION)
            if str(r.get("accountName")).lower() == name
        }
        self._grants = [
            self._grant(assignment, {**_BUILT_IN, **definitions})
            for assignment in recording.all(ROLE_ASSIGNMENT)
            if str(assignment.get("accountName")).lower() == name
        ]

    def permits(self, principal: str, action: str, database: str, container: str) -> bool:
        """Whether a principal (object id) may do `action` in a container."""
        place = f"/dbs/{database}/colls/{container}/"
        return any(
            grant.principal == principal.lower()
            and place.startswith(f"{grant.scope}/")
            and any(_covers(granted, action) for granted in grant.actions)
            for grant in self._grants
        )

    def declared(self, principal: str) -> str:
        """What a principal (object id) may do and where, in words."""
        grants = [grant for grant in self._grants if grant.principal == principal.lower()]
        if not grants:
            others = sorted({grant.principal for grant in self._grants})
            return f"role assignments for {', '.join(others)} only" if others else "no role assignment"
        return "; ".join(f"{', '.join(grant.actions)} on {grant.scope or 'the account'}" for grant in grants)

    def _grant(self, assignment: Resource, definitions: Mapping[str, tuple[str, ...]]) -> _Grant:
        id = str(assignment.get("roleDefinitionId"))
        definition = _DEFINITION.fullmatch(id)
        if definition is None or definition["account"].lower() != self._account_id.lower():
            raise LocalCloudError(
                f"{assignment.name}: roleDefinitionId {id!r} is not a role definition of the account; "
                f"it must begin with {self._account_id}/sqlRoleDefinitions/"
            )
        if (actions := definitions.get(definition["id"].lower())) is None:
            raise LocalCloudError(f"{assignment.name}: the stack declares no role definition {definition['id']}")
        declared = str(assignment.get("scope"))
        scope = _SCOPE.fullmatch(declared)
        if scope is None or (scope["account"] or self._account_id).lower() != self._account_id.lower():
            raise LocalCloudError(
                f"{assignment.name}: scope {declared!r} is not a data plane scope of the account; it must be "
                f"{self._account_id}, or that and /dbs/<database> or /dbs/<database>/colls/<container>"
            )
        principal = assignment.get("principalId")
        if not principal:
            raise LocalCloudError(f"{assignment.name}: the recording has no principalId for this role assignment")
        return _Grant(str(principal).lower(), scope["data"], actions)


def _covers(granted: str, action: str) -> bool:
    """Whether a data action covers another; a wildcard stands for the rest of the name.

    `.../containers/*` covers operations on containers (queries, the change feed), not the items in them.
    """
    if granted.endswith("/*"):
        prefix = granted[:-1].lower()
        return action.lower().startswith(prefix) and "/" not in action[len(prefix) :]
    return granted.lower() == action.lower()


def _data_actions(definition: Resource) -> tuple[str, ...]:
    permissions: object = definition.get("permissions")
    actions: list[str] = []
    for permission in cast("list[object]", permissions) if isinstance(permissions, list) else []:
        if not isinstance(permission, Mapping):
            continue
        declared = cast("Mapping[str, Any]", permission)
        if declared.get("notDataActions"):
            raise LocalCloudError(f"{definition.name}: Cosmos DB does not accept notDataActions in a role definition")
        actions.extend(str(action) for action in declared.get("dataActions") or ())
    return tuple(actions)
