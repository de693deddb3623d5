"""Who the gateway is for backends: authentication-basic, authentication-certificate, get-authorization-context."""

import base64
from collections.abc import Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import ANY, INBOUND, NEEDED, Attribute, Declared, Model, PolicyElement
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source


class Basic:
    """A name and a password as the request's Authorization.

    https://learn.microsoft.com/azure/api-management/authentication-basic-policy
    """

    def __init__(self, username: Compiled, password: Compiled) -> None:
        self._username, self._password = username, password

    def run(self, call: Call) -> None:
        pair = f"{self._username.text(call)}:{self._password.text(call)}"
        call.context.request.headers.set("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())


def _basic(source: Source, element: Element) -> Policy:
    return Basic(source.attribute(element, "username"), source.attribute(element, "password"))


AUTHENTICATION_BASIC = PolicyElement(
    "authentication-basic", Model({"username": NEEDED, "password": NEEDED}, sections=INBOUND), _basic
)


class ClientCertificate:
    """The certificate that the gateway shows to the backend: the trace says which, the connection has none here.

    https://learn.microsoft.com/azure/api-management/authentication-certificate-policy
    """

    def __init__(self, thumbprint: Compiled | None, id: Compiled | None, body: Compiled | None) -> None:
        self._thumbprint, self._id, self._body = thumbprint, id, body

    def run(self, call: Call) -> None:
        given = self._thumbprint or self._id
        call.client_certificate = given.text(call) if given is not None else "in the policy"


def _certificate(source: Source, element: Element) -> Policy:
    names = [name for name in ("thumbprint", "certificate-id", "body") if name in element.attributes]
    if len(names) != 1:
        raise source.error(element, "<authentication-certificate> has one of thumbprint, certificate-id and body")
    return ClientCertificate(
        source.optional(element, "thumbprint"),
        source.optional(element, "certificate-id"),
        source.optional(element, "body"),
    )


AUTHENTICATION_CERTIFICATE = PolicyElement(
    "authentication-certificate",
    Model({"thumbprint": ANY, "certificate-id": ANY, "body": ANY, "password": ANY}, sections=INBOUND),
    _certificate,
)


class AuthorizationContext:
    """The token of a connection of the credential manager, in a variable.

    https://learn.microsoft.com/azure/api-management/get-authorization-context-policy
    """

    def __init__(self, provider: Compiled, authorization: Compiled, variable: Compiled, ignore_error: Compiled) -> None:
        self._provider, self._authorization = provider, authorization
        self._variable, self._ignore_error = variable, ignore_error

    def run(self, call: Call) -> None:
        key = (self._provider.text(call), self._authorization.text(call))
        found = call.services.authorizations.get(key)
        if found is None and not self._ignore_error.boolean(call):
            raise Failure("AuthorizationNotFound", f"the connection {key[1]!r} of {key[0]!r} is not there", 500)
        call.context.variables[self._variable.text(call)] = found


def _authorization(source: Source, element: Element) -> Policy:
    return AuthorizationContext(
        source.attribute(element, "provider-id"),
        source.attribute(element, "authorization-id"),
        source.attribute(element, "context-variable-name"),
        source.attribute(element, "ignore-error", "false"),
    )


GET_AUTHORIZATION_CONTEXT = PolicyElement(
    "get-authorization-context",
    Model(
        {
            "provider-id": NEEDED,
            "authorization-id": NEEDED,
            "context-variable-name": NEEDED,
            "identity-type": ANY,
            "identity": ANY,
            "ignore-error": Attribute(one_of=("true", "false")),
        },
        sections=INBOUND,
    ),
    _authorization,
)

ELEMENTS: Sequence[Declared] = (AUTHENTICATION_BASIC, AUTHENTICATION_CERTIFICATE, GET_AUTHORIZATION_CONTEXT)
