"""The tenant that both endpoints look at: who exists, and who may use what."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apim_policies.clock import Clock
from apim_policies.pipeline.refusals import Explain, unexplained
from secure_mcp_local.azure.entra.directory import Application, Directory
from secure_mcp_local.azure.entra.grants import Grants
from secure_mcp_local.azure.entra.issuer import TokenIssuer
from secure_mcp_local.azure.entra.refusal import Refusal
from secure_mcp_local.azure.entra.users import User


@dataclass
class Tenant:
    """The declared directory, its users, and what they have signed in to."""

    directory: Directory
    users: Sequence[User]
    grants: Grants
    issuer: TokenIssuer
    clock: Clock
    explain: Explain = unexplained
    faults: Collection[str] = ()
    """Names of what is switched on: an administrator's other mind about access to other APIs."""

    def require(self, name: str) -> None:
        """Accept a tenant in an address.

        Raises:
            Refusal: it is another one. `common` and `organizations` are not for an application of one tenant.
        """
        if name.lower() != self.directory.tenant:
            raise Refusal(
                90002,
                f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID.",
                "invalid_request",
                expected=f"the tenant '{name}'",
                declared=self.directory.tenant,
            )

    def application(self, client_id: str) -> Application:
        """The application that a request comes from.

        Raises:
            Refusal: there is none, or it is disabled.
        """
        application = self.directory.application(client_id)
        if application is None or application.service_principal is None:
            raise Refusal(
                700016,
                f"Application with identifier '{client_id}' was not found in the directory '{self.directory.tenant}'.",
                "unauthorized_client",
                hint="declare that Application with a ServicePrincipal",
                expected=f"an application with the client id '{client_id}' and a service principal",
                declared="an application without a service principal" if application else self._applications(),
            )
        if not application.enabled:
            message = f"Application '{client_id}'({application.name}) is disabled."
            hint = "its ServicePrincipal is declared with accountEnabled false"
            declared = f"the service principal of {application.name} has accountEnabled false"
            expected = f"{application.name} to be enabled"
            raise Refusal(7000112, message, "unauthorized_client", hint=hint, expected=expected, declared=declared)
        return application

    def _applications(self) -> str:
        declared = [f"{one.name} ({one.client_id})" for one in self.directory.applications]
        return ", ".join(declared) or "no application"

    def principals(self, user: User, application: Application) -> list[str]:
        """The user's object id and those of their groups: employees are in every group that is assigned."""
        people = {person.oid for person in self.users}
        groups = [a.principal for a in application.assignments if a.principal not in people]
        return [user.oid, *groups] if user.employee else [user.oid]

    def admit(self, user: User, application: Application) -> None:
        """Let a user use an application.

        Raises:
            Refusal: the user is disabled, or not assigned where that is required.
        """
        if not user.enabled:
            raise Refusal(50057, "The user account is disabled.", "invalid_grant")
        if application.admits(self.principals(user, application)):
            return
        nobody = "the stack assigns nobody to this application; configure assignedGroups or assignedUsers"
        raise Refusal(
            50105,
            f"Your administrator has configured the application {application.name} "
            f"('{application.client_id}') to block users unless they are specifically granted ('assigned') "
            f"access to the application. The signed in user '{user.user_principal_name}' is blocked because "
            "they are not a direct member of a group with access, nor had access directly assigned by an "
            "administrator.",
            "invalid_grant",
            hint="" if application.assignments else nobody,
            expected=f"{user.user_principal_name}, or a group of theirs, to be assigned to {application.name}",
            declared=f"appRoleAssignmentRequired, and {len(application.assignments)} assignments",
        )
