"""Azure role assignments that a stack declares."""

from dataclasses import dataclass

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.resources import Recording


@dataclass(frozen=True)
class RoleAssignment:
    principal: str
    """Object id, in lower case."""
    role: str
    """GUID of the role definition, in lower case."""
    scope: str
    """ARM id, in lower case."""

    def reaches(self, principal: str, resource_id: str) -> bool:
        """Whether a principal has the role on a resource: there or anywhere above."""
        return self.principal == principal.lower() and f"{resource_id.lower()}/".startswith(f"{self.scope}/")


def assignments(recording: Recording) -> list[RoleAssignment]:
    """Every role assignment of the stack.

    Raises:
        LocalCloudError: one lacks its principal, role or scope.
    """
    found: list[RoleAssignment] = []
    for declared in recording.all("azure-native:authorization:RoleAssignment"):
        if declared.unknowns & {"principalId", "roleDefinitionId", "scope"}:
            # Of something that does not run here: nobody that could use it.
            continue
        for key in ("principalId", "roleDefinitionId", "scope"):
            if not declared.get(key):
                raise LocalCloudError(f"{declared.name}: the recording has no {key} for this role assignment")
        found.append(
            RoleAssignment(
                str(declared.get("principalId")).lower(),
                str(declared.get("roleDefinitionId")).rpartition("/")[2].lower(),
                str(declared.get("scope")).rstrip("/").lower(),
            )
        )
    return found
