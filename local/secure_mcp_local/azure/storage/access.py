"""Who may do what with blobs: Azure roles, from the role assignments that a stack declares."""

from collections.abc import Iterable

from secure_mcp_local.recording import Recording
from secure_mcp_local.recording.roles import RoleAssignment, assignments

LIST_CONTAINERS = READ_CONTAINER = "containers/read"
WRITE_CONTAINER = "containers/write"
DELETE_CONTAINER = "containers/delete"
READ_BLOB = "containers/blobs/read"
WRITE_BLOB = "containers/blobs/write"
DELETE_BLOB = "containers/blobs/delete"
"""Actions, below Microsoft.Storage/storageAccounts/blobServices/."""

_READER = frozenset({READ_CONTAINER, READ_BLOB})
_CONTRIBUTOR = _READER | {WRITE_CONTAINER, DELETE_CONTAINER, WRITE_BLOB, DELETE_BLOB}
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
# Every other role, such as Contributor of the account, gives no access to data.
_ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": _CONTRIBUTOR,  # Owner, which besides sets POSIX access rights
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": _CONTRIBUTOR,
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": _READER,
}


class Access:
    """The role assignments of a stack that give access to blobs."""

    def __init__(self, grants: Iterable[RoleAssignment]) -> None:
        self._grants = tuple(grants)

    @classmethod
    def from_recording(cls, recording: Recording) -> "Access":
        """What the stack declares.

        Raises:
            LocalCloudError: an assignment lacks its principal, role or scope.
        """
        return cls(grant for grant in assignments(recording) if grant.role in _ROLES)

    def declared(self, principal: str) -> str:
        """What gives a principal (object id) access to blobs, in words."""
        own = [grant for grant in self._grants if grant.principal == principal.lower()]
        return ", ".join(f"role {grant.role} on {grant.scope}" for grant in own) or "no role assignment for it"

    def permits(self, principal: str, action: str, resource_id: str) -> bool:
        """Whether a principal (object id) may do something with an account or container (ARM id), by a role on it or above."""
        return any(grant.reaches(principal, resource_id) and action in _ROLES[grant.role] for grant in self._grants)
