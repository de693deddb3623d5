"""What the stack declares in the tenant: applications, who may use them, and who may speak for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, Resource, microsoft_graph

APPLICATION = "azuread:index/application:Application"
SERVICE_PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
FEDERATED_CREDENTIAL = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
APP_ROLE_ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
REDIRECT_URIS = "azuread:index/applicationRedirectUris:ApplicationRedirectUris"
IDENTIFIER_URI = "azuread:index/applicationIdentifierUri:ApplicationIdentifierUri"
PERMISSION_GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
PRE_AUTHORIZED = "azuread:index/applicationPreAuthorized:ApplicationPreAuthorized"
USER_ASSIGNED_IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"

GRAPH = microsoft_graph.CLIENT_ID
"""Client id of Microsoft Graph, whose permissions `openid`, `profile`, `email` and `offline_access` are."""
_GRAPH_SCOPES = {id: name for name, id in microsoft_graph.PERMISSIONS.items()}
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""App role id of an assignment without a role."""

# Inputs of an application that change tokens or sign-in in a way that is not modelled here.
_NOT_MODELLED = (
    "groupMembershipClaims",
    "optionalClaims",
    "fallbackPublicClientEnabled",
    "deviceOnlyAuthEnabled",
)


@dataclass(frozen=True)
class FederatedCredential:
    """Whose tokens an application accepts in place of a secret."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """A user, group or managed identity that may use an application."""

    principal: str
    """Object id, lower case."""
    role: str | None
    """Value of the app role, or None for default access."""


@dataclass(frozen=True)
class Application:
    """An app registration together with its service principal in the same tenant."""

    name: str
    client_id: str
    object_id: str
    redirect_uris: frozenset[str]
    identifier_uris: frozenset[str]
    token_version: int
    scopes: frozenset[str]
    """Delegated permissions that the application itself offers."""
    federated_credentials: tuple[FederatedCredential, ...]
    service_principal: str | None
    """Object id, None if the stack declares none."""
    enabled: bool
    assignment_required: bool
    assignments: tuple[Assignment, ...]
    granted: Mapping[str, frozenset[str]]
    """Permissions that an administrator granted for everybody, by the client id of the resource."""

    configured: Mapping[str, frozenset[str]]
    """Permissions that it declares to need, by the client id of the resource: what `.default` asks users for."""
    pre_authorized: Mapping[str, frozenset[str]]
    """Permissions of the application's own that other applications have for everybody, by their client ids."""
    known_clients: frozenset[str] = frozenset()
    """Client ids of applications whose users are asked for what this one needs, too."""

    def standing(self, resource: str) -> frozenset[str]:
        """What `.default` stands for at a resource: all that is granted, or else all that it declares to need.

        https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-default-scope
        """
        return self.granted.get(resource) or self.configured.get(resource, frozenset())

    def roles(self, principals: Sequence[str]) -> list[str]:
        """Values of the app roles assigned to any of these object ids."""
        return sorted({a.role for a in self.assignments if a.principal in principals and a.role})

    def admits(self, principals: Sequence[str]) -> bool:
        """Whether somebody with these object ids (their own and their groups') may use it."""
        if not self.assignment_required:
            return True
        return any(a.principal in principals for a in self.assignments)


@dataclass(frozen=True)
class Directory:
    """The tenant, as far as the stack declares it."""

    tenant: str
    applications: tuple[Application, ...]

    @classmethod
    def from_recording(cls, recording: Recording) -> "Directory":
        """Read the declared applications.

        Raises:
            LocalCloudError: a declaration that Entra ID would refuse, or that is not modelled.
        """
        applications = tuple(_application(recording, r) for r in recording.all(APPLICATION))
        return cls(tenant_id(recording), applications)

    def application(self, client_id: str) -> Application | None:
        """The application with a client id."""
        return next((a for a in self.applications if a.client_id == client_id.lower()), None)

    def resource(self, audience: str) -> Application | None:
        """The application that a token with this resource (client id or identifier URI) is for."""
        named = next((a for a in self.applications if audience.rstrip("/") in a.identifier_uris), None)
        return named or self.application(audience)


def tenant_id(recording: Recording) -> str:
    """The tenant that the stack is deployed to.

    Raises:
        LocalCloudError: the resources disagree.
    """
    found = {
        str(tenant).lower()
        for resource in recording
        for tenant in (
            resource.get("tenantId") if resource.type == USER_ASSIGNED_IDENTITY else None,
            _mapping(resource.get("identity")).get("tenantId") if resource.custom else None,
            resource.get("applicationTenantId")
            if resource.type == SERVICE_PRINCIPAL and resource.get("clientId") != GRAPH
            else None,
        )
        if tenant
    }
    if not found:
        return recording.tenant
    if len(found) != 1:
        names = ", ".join(sorted(found))
        raise LocalCloudError(f"the stack {recording.stack!r} must belong to exactly one tenant; found: {names}")
    return found.pop()


def _application(recording: Recording, resource: Resource) -> Application:
    for key in _NOT_MODELLED:
        if resource.get(key):
            raise NotModelled(f"{resource.name}: the local Entra ID does not model {key} of an application")
    audience = resource.get("signInAudience", "AzureADMyOrg")
    if audience != "AzureADMyOrg":
        raise NotModelled(f"{resource.name}: signInAudience {audience!r} is not modelled; use AzureADMyOrg")
    client_id, object_id = _id(resource, "clientId"), _id(resource, "objectId")
    api = _mapping(resource.get("api"))
    principal = next((r for r in recording.all(SERVICE_PRINCIPAL) if str(r.get("clientId")).lower() == client_id), None)
    principal_id = _id(principal, "objectId") if principal else None

    def ours(extra: Resource) -> bool:
        return str(extra.get("applicationId")).lower().rpartition("/")[2] == object_id

    redirect_uris: set[str] = set(_strings(_mapping(resource.get("web")).get("redirectUris")))
    for platform in ("publicClient", "singlePageApplication"):
        if _strings(_mapping(resource.get(platform)).get("redirectUris")):
            raise NotModelled(f"{resource.name}: redirect URIs of the platform {platform} are not modelled; use web")
    for extra in filter(ours, recording.all(REDIRECT_URIS)):
        if extra.get("type") != "Web":
            raise NotModelled(
                f"{extra.name}: redirect URIs of the type {extra.get('type')!r} are not modelled; use Web"
            )
        redirect_uris.update(_strings(extra.get("redirectUris")))
    identifier_uris = {uri.rstrip("/") for uri in _strings(resource.get("identifierUris"))}
    identifier_uris.update(
        str(extra.get("identifierUri")).rstrip("/") for extra in filter(ours, recording.all(IDENTIFIER_URI))
    )
    return Application(
        name=str(resource.get("displayName", resource.name)),
        client_id=client_id,
        object_id=object_id,
        redirect_uris=frozenset(redirect_uris),
        identifier_uris=frozenset(identifier_uris),
        token_version=int(api.get("requestedAccessTokenVersion") or 1),
        scopes=frozenset(
            str(scope.get("value"))
            for scope in _mappings(api.get("oauth2PermissionScopes"))
            if scope.get("enabled", True)
        ),
        federated_credentials=tuple(
            FederatedCredential(str(f.get("issuer")), str(f.get("subject")), tuple(_strings(f.get("audiences"))))
            for f in filter(ours, recording.all(FEDERATED_CREDENTIAL))
        ),
        service_principal=principal_id,
        enabled=principal is not None and principal.get("accountEnabled") is not False,
        assignment_required=principal is not None and bool(principal.get("appRoleAssignmentRequired")),
        assignments=_assignments(recording, resource, principal_id),
        granted=_granted(recording, principal_id),
        configured=_configured(recording, resource),
        known_clients=frozenset(one.lower() for one in _strings(api.get("knownClientApplications"))),
        pre_authorized={
            str(extra.get("authorizedClientId")).lower(): frozenset(
                str(scope.get("value"))
                for scope in _mappings(api.get("oauth2PermissionScopes"))
                if str(scope.get("id")) in _strings(extra.get("permissionIds"))
            )
            for extra in filter(ours, recording.all(PRE_AUTHORIZED))
        },
    )


def _assignments(recording: Recording, application: Resource, principal: str | None) -> tuple[Assignment, ...]:
    roles = {
        str(role.get("id")).lower(): str(role.get("value"))
        for role in _mappings(application.get("appRoles"))
        if role.get("enabled", True)
    }
    assignments: list[Assignment] = []
    for declared in recording.all(APP_ROLE_ASSIGNMENT):
        if principal is None or str(declared.get("resourceObjectId")).lower() != principal:
            continue
        role = str(declared.get("appRoleId")).lower()
        if role == DEFAULT_ACCESS and roles:
            raise LocalCloudError(
                f"{declared.name}: {application.get('displayName')} has app roles, so that default access cannot be assigned; "
                f"name the id of a role: {', '.join(sorted(roles))}"
            )
        if role != DEFAULT_ACCESS and role not in roles:
            raise LocalCloudError(
                f"{declared.name}: {application.get('displayName')} has no app role {role}; "
                f"default access is {DEFAULT_ACCESS}"
            )
        assignments.append(Assignment(str(declared.get("principalObjectId")).lower(), roles.get(role)))
    return tuple(assignments)


def _granted(recording: Recording, principal: str | None) -> dict[str, frozenset[str]]:
    clients = {str(r.get("objectId")).lower(): str(r.get("clientId")).lower() for r in recording.all(SERVICE_PRINCIPAL)}
    granted: dict[str, frozenset[str]] = {}
    for grant in recording.all(PERMISSION_GRANT):
        if principal is None or str(grant.get("servicePrincipalObjectId")).lower() != principal:
            continue
        if grant.get("userObjectId"):
            raise NotModelled(f"{grant.name}: a grant for one user is not modelled; leave userObjectId out")
        resource = str(grant.get("resourceServicePrincipalObjectId")).lower()
        if resource not in clients:
            raise LocalCloudError(f"{grant.name}: the stack declares no service principal {resource}")
        client = clients[resource]
        granted[client] = granted.get(client, frozenset()) | frozenset(_strings(grant.get("claimValues")))
    return granted


def _configured(recording: Recording, application: Resource) -> dict[str, frozenset[str]]:
    configured: dict[str, frozenset[str]] = {}
    for needed in _mappings(application.get("requiredResourceAccesses")):
        client = str(needed.get("resourceAppId")).lower()
        names = dict(_GRAPH_SCOPES) if client == GRAPH else {}
        for other in recording.all(APPLICATION):
            if str(other.get("clientId")).lower() == client:
                scopes = _mappings(_mapping(other.get("api")).get("oauth2PermissionScopes"))
                names |= {str(scope.get("id")).lower(): str(scope.get("value")) for scope in scopes}
        wanted = [
            str(one.get("id")).lower()
            for one in _mappings(needed.get("resourceAccesses"))
            if one.get("type") == "Scope"
        ]
        found = frozenset(names[id] for id in wanted if id in names)
        configured[client] = configured.get(client, frozenset()) | found
    return configured


def _id(resource: Resource, key: str) -> str:
    if not (value := resource.get(key)):
        raise LocalCloudError(f"{resource.name}: the recording has no {key} for this {resource.type}")
    return str(value).lower()


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [_mapping(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []
