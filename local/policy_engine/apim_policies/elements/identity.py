"""authentication-managed-identity: who the gateway is for others."""

from collections.abc import Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    LITERAL,
    LITERAL_BOOL,
    NEEDED,
    Declared,
    Model,
    PolicyElement,
)
from apim_policies.expressions.context import Headers
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.identities import IdentityUnavailable
from apim_policies.pipeline.values import Compiled, Source


class ManagedIdentity:
    """A token of one of the gateway's own identities, in a variable or as the request's Authorization."""

    def __init__(self, resource: Compiled, client_id: str | None, variable: str | None, ignore_error: bool) -> None:
        self._resource, self._client_id = resource, client_id
        self._variable, self._ignore_error = variable, ignore_error

    def run(self, call: Call) -> None:
        self.authorize(call, call.context.request.headers)

    def authorize(self, call: Call, headers: Headers) -> None:
        """Puts the token where it belongs.

        Raises:
            Failure: there is none, and that matters.
        """
        try:
            token = call.services.identities.token(self._resource.text(call), self._client_id)
        except IdentityUnavailable as error:
            if not self._ignore_error:
                raise Failure("ManagedIdentityTokenNotAvailable", str(error)) from error
            return
        if self._variable is None:
            headers.set("Authorization", f"Bearer {token}")
        else:
            call.context.variables[self._variable] = token


def managed_identity(source: Source, element: Element) -> ManagedIdentity:
    return ManagedIdentity(
        source.attribute(element, "resource"),
        source.literal(element, "client-id"),
        source.literal(element, "output-token-variable-name"),
        source.flag(element, "ignore-error"),
    )


MANAGED_IDENTITY = PolicyElement(
    "authentication-managed-identity",
    Model(
        {
            "resource": NEEDED,
            "client-id": LITERAL,
            "output-token-variable-name": LITERAL,
            "ignore-error": LITERAL_BOOL,
        },
        # The documentation says inbound; Microsoft's own samples deploy it in outbound, and wait takes it in backend.
    ),
    managed_identity,
)

ELEMENTS: Sequence[Declared] = (MANAGED_IDENTITY,)
