"""Whose tokens the gateway can get: given by whoever runs it."""

from typing import Protocol

from apim_policies.errors import ExplainedError

_UNAVAILABLE = "ManagedIdentityTokenNotAvailable"


class IdentityUnavailable(ExplainedError):
    """Why there is no token: what was asked for, and what to declare."""

    def __init__(
        self, message: str, *, code: str = _UNAVAILABLE, expected: str = "", declared: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.code, self.expected, self.declared, self.remedy = code, expected, declared, remedy


class Identities(Protocol):
    """The managed identities of one service.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
    """

    def token(self, resource: str, client_id: str | None) -> str:
        """A token of the system-assigned identity, or of the user-assigned one with a client id.

        Args:
            resource: Whom it is for, such as `https://vault.azure.net`.
            client_id: Of the user-assigned identity.

        Raises:
            IdentityUnavailable: there is no such identity, or it gets no token for the resource.
        """
        ...


class NoIdentities:
    """A gateway without any."""

    def token(self, resource: str, client_id: str | None) -> str:
        """None: raises always."""
        which = f"with the client id {client_id}" if client_id else "of its own"
        raise IdentityUnavailable(f"the gateway has no managed identity {which}, so there is no token for {resource}")
