"""Scopes: which exist, and which resource they belong to.

https://learn.microsoft.com/entra/identity-platform/scopes-oidc
"""

from dataclasses import dataclass

from secure_mcp_local.azure.entra.directory import GRAPH, Application, Directory
from secure_mcp_local.azure.entra.refusal import Refusal, missing
from secure_mcp_local.recording import microsoft_graph

OPENID = frozenset({"openid", "profile", "email", "offline_access"})
_GRAPH_URL = "https://graph.microsoft.com"
_GRAPH_PERMISSIONS = frozenset(microsoft_graph.PERMISSIONS)
_DEFAULT = ".default"


@dataclass(frozen=True)
class Permissions:
    """What an application asks for."""

    openid: frozenset[str]
    resource: str
    """Client id of the resource that the access token is for."""
    names: frozenset[str]
    """Permissions of that resource; empty: those of OpenID Connect only."""
    default: bool = False
    """`.default`: everything that is granted already."""

    @property
    def scope(self) -> str:
        """As in a token answer, which does not repeat `offline_access`."""
        return " ".join(sorted((self.openid | self.names) - {"offline_access"}))

    def covers(self, other: "Permissions", application: Application) -> bool:
        """Whether `other` asks for nothing beyond this, for the application that has it."""
        names = self.names | (application.standing(self.resource) if self.default else frozenset())
        return (
            other.openid <= self.openid
            and (not other.names or (other.resource == self.resource and other.names <= names))
            and (not other.default or self.default)
        )

    def granted(self, application: Application) -> bool:
        """Whether an administrator has agreed for everybody.

        Any grant for Microsoft Graph covers the permissions of OpenID Connect.
        """
        openid = not self.openid or bool(application.granted.get(GRAPH))
        granted = application.granted.get(self.resource, frozenset())
        return openid and self.names <= granted and (not self.default or bool(granted))


def parse(scope: str | None, application: Application, directory: Directory) -> Permissions:
    """Read a `scope` parameter.

    Raises:
        Refusal: a scope does not exist, or they belong to several resources.
    """
    scopes = (scope or "").split()
    if not scopes:
        raise missing("scope")
    names: dict[str, set[str]] = {}
    for value in scopes:
        if value in OPENID:
            continue
        resource, name = _resource(value, application, directory)
        names.setdefault(resource, set()).add(name)
    if len(names) > 1:
        message = "The input parameter scope is not valid because it contains more than one resource."
        raise Refusal(28000, message, "invalid_request")
    resource, found = next(iter(names.items()), (GRAPH, set[str]()))
    return Permissions(
        frozenset(OPENID.intersection(scopes)),
        resource,
        frozenset(found - {_DEFAULT}),
        default=_DEFAULT in found,
    )


def _resource(value: str, application: Application, directory: Directory) -> tuple[str, str]:
    prefix, slash, name = value.rpartition("/")
    if not slash or prefix in {_GRAPH_URL, GRAPH}:
        if name in _GRAPH_PERMISSIONS or (slash and name == _DEFAULT):
            return GRAPH, name
        message = (
            f"The application '{application.name}' asked for scope '{value}' that doesn't exist on "
            f"the resource '{GRAPH}'. Contact the app vendor."
        )
        raise Refusal(650053, message, "invalid_client", hint=f"{value} is not a scope of Entra ID; see oauthScopes")
    target = directory.resource(prefix)
    if target is None or target.service_principal is None:
        message = f"The resource principal named {prefix} was not found in the tenant."
        raise Refusal(
            500011,
            message,
            "invalid_resource",
            hint="declare its Application and ServicePrincipal",
            expected=f"an application with the identifier {prefix} and a service principal",
            declared="an application without a service principal" if target else "none",
        )
    if name != _DEFAULT and name not in target.scopes:
        message = (
            f"The application '{application.name}' asked for scope '{name}' that doesn't exist on the "
            f"resource '{target.client_id}'."
        )
        raise Refusal(
            650053,
            message,
            "invalid_client",
            hint=f"declare it in api.oauth2PermissionScopes of {target.name}",
            expected=f"{target.name} to have the scope '{name}'",
            declared=", ".join(sorted(target.scopes)) or "no scope",
        )
    return target.client_id, name
