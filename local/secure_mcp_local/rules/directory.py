"""Entra ID: who can sign in, as what, and what whoever deploys needs for it."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import Rule, Stack, at, lists, text

APPLICATION = "azuread:index/application:Application"
PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
_CREDENTIAL = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
_REDIRECTS = "azuread:index/applicationRedirectUris:ApplicationRedirectUris"
_ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
_IDENTIFIER = "azuread:index/applicationIdentifierUri:ApplicationIdentifierUri"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REGISTERING = "https://learn.microsoft.com/entra/identity-platform/reference-app-manifest"
_FEDERATION = (
    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity"
)
_AUDIENCES = frozenset(
    {"api://AzureADTokenExchange", "api://AzureADTokenExchangeUSGov", "api://AzureADTokenExchangeChina"}
)


_PROOFS = (
    _CREDENTIAL,
    "azuread:index/applicationPassword:ApplicationPassword",
    "azuread:index/applicationCertificate:ApplicationCertificate",
)
AUTHORITIES = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"}
)
"""https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud"""


def signs_in(application: Resource, stack: Stack) -> bool:
    """Whether people come back to it from signing in."""
    return bool(at(application.inputs, "web.redirectUris")) or any(
        text(one, "applicationId") == application.id for one in stack.all(_REDIRECTS)
    )


def application_of(principal: Resource | None, stack: Stack) -> Resource | None:
    """The declared application of a service principal."""
    if principal is None:
        return None
    client = principal.get("clientId")
    return next((one for one in stack.all(APPLICATION) if one.get("clientId") == client), None)


def _application(application: Resource, stack: Stack) -> Iterator[str]:
    proven = any(text(one, "applicationId") == application.id for type in _PROOFS for one in stack.all(type))
    if signs_in(application, stack) and not proven and not application.inputs.get("password"):
        yield f"{application.name} has no federated credential: it cannot prove who it is, and Entra ID gives it no token for a code"
    yield from _granted(application, stack)
    yield from _needs(application, stack, proven=proven)
    for one in lists(application, "appRoles"):
        members = one.get("allowedMemberTypes")
        if not isinstance(members, list) or not members or not {"User", "Application"}.issuperset(map(str, members)):
            yield f"appRoles: allowedMemberTypes of {one.get('value')} is {members!r}, and must have 'User' or 'Application'"
    audience = application.inputs.get("signInAudience")
    if audience not in {None, "AzureADMyOrg"}:
        yield f"signInAudience is {audience!r}: accounts of every tenant can sign in"
    if at(application.inputs, "api.requestedAccessTokenVersion") != 2:
        yield f"api.requestedAccessTokenVersion is {at(application.inputs, 'api.requestedAccessTokenVersion')!r}: tokens have another issuer and audience than are looked for"
    if not application.inputs.get("displayName"):
        yield "displayName is not given"
    for key in ("accessTokenIssuanceEnabled", "idTokenIssuanceEnabled"):
        if at(application.inputs, f"web.implicitGrant.{key}") is True:
            yield f"web.implicitGrant.{key} is True: tokens stand in addresses"
    if application.inputs.get("fallbackPublicClientEnabled") is True:
        yield "fallbackPublicClientEnabled is True: it signs in without proof of who it is"
    if application.inputs.get("passwords") or application.inputs.get("password"):
        yield "password is given: use a federated credential"
    values: set[str] = set()
    for path in ("appRoles", "api.oauth2PermissionScopes"):
        for one in lists(application, path):
            value = str(one.get("value") or "")
            if not _GUID.fullmatch(str(one.get("id") or "")) and not application.unknowns:
                yield f"{path}: id of {value or 'one'} is {one.get('id')!r}, and must be a GUID"
            if one.get("enabled") is False:
                yield f"{path}: enabled of {value or 'one'} is False: it can be given to nobody"
            if path != "appRoles" and one.get("type") not in {"User", "Admin"}:
                yield f"{path}: type of {value or 'one'} is {one.get('type')!r}, and must be 'User' or 'Admin'"
            if not value:
                yield f"{path} has one without value: no token says it"
            if value and value in values:
                yield f"{path} has the value {value!r} twice: roles and scopes share one space of names"
            values.add(value)
    uris = [
        *(at(application.inputs, "web.redirectUris") or []),
        *(at(application.inputs, "publicClient.redirectUris") or []),
    ]
    yield from _uris([str(one) for one in uris])


def _needs(application: Resource, stack: Stack, *, proven: bool) -> Iterator[str]:
    """Whether an application that goes on to other APIs in its users' names can, and without asking them."""
    accesses = lists(application, "requiredResourceAccesses")
    if not accesses or signs_in(application, stack):
        return
    if not proven:
        yield f"{application.name} needs other APIs (requiredResourceAccesses) and has no federated credential: it cannot prove who it is, and gets no token of them"
    own = {str(one.get("objectId")) for one in stack.all(PRINCIPAL) if application_of(one, stack) is application}
    clients = {str(one.get("objectId")): str(one.get("clientId")) for one in stack.all(PRINCIPAL)}
    granted = {
        clients.get(text(one, "resourceServicePrincipalObjectId"))
        for one in stack.all(GRANT)
        if text(one, "servicePrincipalObjectId") in own
    }
    for access in accesses:
        delegated = any(each.get("type") == "Scope" for each in access.get("resourceAccesses") or ())
        if delegated and str(access.get("resourceAppId")) not in granted:
            yield f"{application.name} needs {access.get('resourceAppId')} (requiredResourceAccesses), which no grant gives: users are asked, or refused (AADSTS65001)"


def _granted(application: Resource, stack: Stack) -> Iterator[str]:
    """Whether somebody may ask for what an application of a stack with a sign-in offers."""
    scopes = [str(one.get("value")) for one in lists(application, "api.oauth2PermissionScopes")]
    own = {str(one.get("objectId")) for one in stack.all(PRINCIPAL) if application_of(one, stack) is application}
    if not scopes or not own or not any(signs_in(one, stack) for one in stack.all(APPLICATION)):
        return
    asked = any(text(one, "resourceServicePrincipalObjectId") in own for one in stack.all(GRANT))
    asked = asked or any(
        access.get("resourceAppId") == application.get("clientId")
        for one in stack.all(APPLICATION)
        for access in lists(one, "requiredResourceAccesses")
    )
    asked = asked or bool(stack.all("azuread:index/applicationPreAuthorized:ApplicationPreAuthorized"))
    if not asked:
        principal = next(one.name for one in stack.all(PRINCIPAL) if str(one.get("objectId")) in own)
        yield f"the scope {', '.join(scopes)} of {application.name} ({principal}) is granted to no client: nobody gets a token for it"


def _uris(uris: Iterable[str]) -> Iterator[str]:
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
            yield f"the redirect URI {uri!r} must be https: a code would be read on its way"
        if "*" in uri or parts.fragment:
            yield f"the redirect URI {uri!r} is a pattern, or has a fragment"


def _principal(principal: Resource, stack: Stack) -> Iterator[str]:
    client = text(principal, "clientId")
    own = client in {str(one.get("clientId")) for one in stack.all(APPLICATION)}
    if not _GUID.fullmatch(client) and "clientId" not in principal.unknowns:
        yield f"clientId is {client!r}, and must be that of an application"
    for other in stack.all(PRINCIPAL):
        if other is principal:
            break
        if client and text(other, "clientId") == client and principal.inputs.get("useExisting") is not True:
            yield f"clientId {client} is that of {other.name}, too: an application has one service principal in a tenant"
    if not own:
        if principal.inputs.get("useExisting") is not True:
            yield f"clientId {client} is that of no application that the stack declares, and useExisting is not True"
        return
    in_use = any(signs_in(one, stack) for one in stack.all(APPLICATION) if one.get("clientId") == client)
    required = principal.inputs.get("appRoleAssignmentRequired")
    # Roles can decide instead, those of an application behind it too, which another stack may declare.
    by_role = len(stack.all(APPLICATION)) == 1 or any(lists(one, "appRoles") for one in stack.all(APPLICATION))
    if in_use and required is not True and not (required is False and by_role):
        yield f"appRoleAssignmentRequired is {required!r}: every user and guest of the tenant can sign in"
    application = application_of(principal, stack)
    if (
        application is not None
        and not in_use
        and required is not True
        and lists(application, "api.oauth2PermissionScopes")
        and not lists(application, "appRoles")
        and not _elsewhere_declared(stack)
    ):
        yield f"appRoleAssignmentRequired is {required!r}, and {application.name} has no appRoles: nothing tells who may use it, and every user of the tenant gets a token of it"
    if principal.inputs.get("accountEnabled") is False:
        yield "accountEnabled is False: nobody can sign in"
    if principal.inputs.get("useExisting") is True:
        yield "useExisting is True, and the application is a new one"


def _without_principal(application: Resource, stack: Stack) -> Iterator[str]:
    if not any(one.get("clientId") == application.get("clientId") for one in stack.all(PRINCIPAL)):
        yield f"{application.name} ({application.get('clientId')}) has no service principal: who may use it cannot be said, and its tokens are given to anybody or nobody"


def _credential(credential: Resource, stack: Stack) -> Iterator[str]:
    subject, issuer = text(credential, "subject"), text(credential, "issuer")
    yield from _application_id(credential, stack)
    workflow = "actions.githubusercontent.com" in issuer
    application = next((one for one in stack.all(APPLICATION) if one.id == text(credential, "applicationId")), None)
    # A server's application is acted as by the identity of its gateway, which another stack may have.
    elsewhere = not stack.all("apimanagement:ApiManagementService") and bool(
        application and lists(application, "requiredResourceAccesses")
    )
    if not workflow and "subject" not in credential.unknowns:
        if stack.identities and not elsewhere:
            who = stack.identities.get(subject.lower())
            if who is None or str(who.get("principalId")).lower() != subject.lower():
                yield f"subject is {subject!r}, and must be the principal id of an identity of the stack"
        elif not _GUID.fullmatch(subject):
            yield f"subject is {subject!r}, and must be the principal id of an identity"
        host = urlsplit(issuer).hostname or ""
        if (
            not re.fullmatch(r"https://[^/]+/[^/]+/v2\.0", issuer)
            or "/common/" in issuer
            or ("microsoft" in host and host not in AUTHORITIES)
        ):
            yield f"issuer is {issuer!r}, and must be https://login.microsoftonline.com/TENANT/v2.0"
        who = stack.identities.get(subject.lower())
        if who is not None and who.get("tenantId") and str(who.get("tenantId")) not in issuer:
            yield f"issuer is {issuer!r}, and {who.name} is of the tenant {who.get('tenantId')}"
        if who is not None and not any(who.id.lower() in stack.attached(one) for one in stack):
            yield f"subject is the principal id of {who.name}, which no service has"
        gateways = [one for one in stack.all("apimanagement:ApiManagementService") if stack.attached(one)]
        if (
            who is not None
            and gateways
            and application is not None
            and (signs_in(application, stack) or lists(application, "requiredResourceAccesses"))
            and not any(who.id.lower() in stack.attached(one) for one in gateways)
        ):
            yield f"subject is the principal id of {who.name}, which {', '.join(one.name for one in gateways)} does not have"
    audiences = [str(one) for one in credential.inputs.get("audiences") or ()]
    if len(audiences) != 1 or audiences[0] not in _AUDIENCES:
        yield f"audiences is {audiences}, and must be ['api://AzureADTokenExchange']"
    if not text(credential, "displayName"):
        yield "displayName is not given"


def _application_id(resource: Resource, stack: Stack) -> Iterator[str]:
    id = text(resource, "applicationId")
    if "applicationId" in resource.unknowns:
        return
    if not id.startswith("/applications/"):
        yield f"applicationId is {id!r}, and must be the id of an application: /applications/OBJECT-ID"
    elif (declared := stack.all(APPLICATION)) and id not in {one.id for one in declared}:
        yield f"applicationId is {id}, which the stack does not declare"


def _redirects(redirects: Resource, stack: Stack) -> Iterator[str]:
    yield from _application_id(redirects, stack)
    uris = [str(one) for one in redirects.inputs.get("redirectUris") or ()]
    if not uris:
        yield "redirectUris is empty: nobody comes back from signing in"
    yield from _uris(uris)
    if redirects.inputs.get("type") != "Web":
        yield f"type is {redirects.inputs.get('type')!r}: a gateway that proves who it is, is a 'Web' application"
    hosts = {str(one.get("gatewayUrl")).rstrip("/") for one in stack.all("apimanagement:ApiManagementService")}
    hosts |= {
        f"https://{config.get('hostName')}"
        for one in stack.all("apimanagement:ApiManagementService")
        for config in lists(one, "hostnameConfigurations")
    }
    if hosts and uris and not any(uri.startswith(f"{host}/") for uri in uris for host in hosts):
        yield f"redirectUris is {', '.join(uris)}, and none is on {', '.join(sorted(hosts))}"
    for uri in uris:
        host = next((one for one in hosts if uri.startswith(f"{one}/")), None)
        if host is not None and stack.all("apimanagement:ApiOperation") and not _answered(urlsplit(uri).path, stack):
            yield f"redirectUris has {uri}, where the gateway has no operation: nobody takes the code"


def _answered(path: str, stack: Stack) -> bool:
    """Whether an operation of the stack has this path."""
    apis = {one.id.lower(): text(one, "path").strip("/") for one in stack.all("apimanagement:Api")}
    for one in stack.all("apimanagement:ApiOperation"):
        api = one.id.lower().partition("/operations/")[0]
        # An API that another stack declares may be anywhere.
        whole = f"/{apis[api]}/{text(one, 'urlTemplate').strip('/')}" if api in apis else path
        pattern = re.sub(r"\\\{\\?\*[^}]*\\\}", ".*", re.escape(whole.replace("//", "/").rstrip("/") or "/"))
        if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", pattern), path.rstrip("/") or "/"):
            return True
    return False


def _role(assignment: Resource, stack: Stack) -> Iterator[str]:
    principals = {str(one.get("objectId")) for one in stack.all(PRINCIPAL)}
    resource = text(assignment, "resourceObjectId")
    if principals and resource not in principals:
        yield f"resourceObjectId is {resource!r}, which is no service principal of the stack"
    for key in ("principalObjectId", "appRoleId"):
        value = text(assignment, key)
        if key not in assignment.unknowns and not _GUID.fullmatch(value):
            yield f"{key} is {value!r}, and must be a GUID"
    role = text(assignment, "appRoleId")
    principal = next((one for one in stack.all(PRINCIPAL) if str(one.get("objectId")) == resource), None)
    application = application_of(principal, stack)
    if (
        principal is not None
        and application is None
        and not _principal_of_stack(text(assignment, "principalObjectId"), stack)
    ):
        yield f"resourceObjectId is that of {principal.name}, an application of others: people are assigned to nothing of the stack"
    if role == _DEFAULT_ROLE and application is not None and principal is not None:
        if lists(application, "appRoles"):
            yield f"appRoleId is that of no role, and {application.name} has {', '.join(str(one.get('value')) for one in lists(application, 'appRoles'))}: whoever is assigned so has none"
        elif principal.inputs.get("appRoleAssignmentRequired") is not True:
            yield f"it assigns somebody to {principal.name} without a role, and appRoleAssignmentRequired of {principal.name} is not True: it decides nothing"
    if application is None or role == _DEFAULT_ROLE or _elsewhere_declared(stack):
        return
    if role not in {str(one.get("id")) for one in lists(application, "appRoles")}:
        yield f"appRoleId is {role}, which {application.name} does not have"


_DEFAULT_ROLE = "00000000-0000-0000-0000-000000000000"
"""Access without a role. https://learn.microsoft.com/graph/api/resources/approleassignment"""


def _principal_of_stack(id: str, stack: Stack) -> bool:
    """Whether an object id is that of an identity or a service principal that the stack declares."""
    return id.lower() in stack.identities or id in {str(one.get("objectId")) for one in stack.all(PRINCIPAL)}


def _elsewhere_declared(stack: Stack) -> bool:
    return bool(stack.all("azuread:index/applicationAppRole:ApplicationAppRole"))


def _identifier(identifier: Resource, stack: Stack) -> Iterator[str]:
    yield from _application_id(identifier, stack)
    uri = text(identifier, "identifierUri")
    if not uri.startswith(("api://", "https://")):
        yield f"identifierUri is {uri!r}, and must start with api:// or https://"


_PLACEHOLDER = re.compile(
    r"@example\.(?:com|org|net)$|\bcontoso\b|^changeme$|^TODO\b|^<[^>]+>$|^your-|^00000000-0000-0000-0000-000000000000$|^11111111-1111-1111-1111-111111111111$",
    re.IGNORECASE,
)


def _placeholder(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for key, value in resource.inputs.items():
        if key in {"appRoleId", "value", "description"} or not isinstance(value, str):
            continue
        if _PLACEHOLDER.search(value):
            yield f"{key} is {value!r}, which stands for yours"


RIGHTS = {
    APPLICATION: ("Application Administrator", "Application.ReadWrite.OwnedBy"),
    PRINCIPAL: ("Application Administrator", "Application.ReadWrite.OwnedBy"),
    _CREDENTIAL: ("Application Administrator", "Application.ReadWrite.OwnedBy"),
    _REDIRECTS: ("Application Administrator", "Application.ReadWrite.OwnedBy"),
    _IDENTIFIER: ("Application Administrator", "Application.ReadWrite.OwnedBy"),
    _ASSIGNMENT: ("Cloud Application Administrator", "AppRoleAssignment.ReadWrite.All"),
    GRANT: ("Cloud Application Administrator", "DelegatedPermissionGrant.ReadWrite.All"),
}
"""By type: what a person, and what a pipeline needs. https://learn.microsoft.com/graph/permissions-reference"""
_AZURE_RIGHTS = {
    "authorization:RoleAssignment": "Role Based Access Control Administrator",
    "authorization:ManagementLockByScope": "User Access Administrator",
}


def rights(stack: Stack) -> list[str]:
    """What whoever deploys the stack has to be allowed, as sentences; none where it needs nothing beside Contributor."""
    roles = {RIGHTS[one.type][0] for one in stack if one.type in RIGHTS and not one.read}
    permissions = {RIGHTS[one.type][1] for one in stack if one.type in RIGHTS and not one.read}
    found: list[str] = []
    if roles:
        role = (
            "Cloud Application Administrator"
            if "Cloud Application Administrator" in roles
            else "Application Administrator"
        )
        found.append(
            f"In Entra ID, whoever deploys needs the role {role}; a pipeline needs {', '.join(sorted(permissions))}"
        )
    more = sorted({role for type, role in _AZURE_RIGHTS.items() if any(not one.read for one in stack.all(type))})
    if more:
        found.append(f"In Azure, whoever deploys needs Contributor and {' and '.join(more)}")
    return found


RULES = (
    Rule(
        "application",
        "error",
        "More people, or other applications, can sign in than should, or tokens are not what is looked for.",
        "Register it for one tenant, with tokens of version 2 and a federated credential.",
        _REGISTERING,
        frozenset({APPLICATION}),
        _application,
    ),
    Rule(
        "application-without-principal",
        "error",
        "An application is used through its service principal, which is what people and roles are assigned to.",
        "Declare a ServicePrincipal for it.",
        "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals",
        frozenset({APPLICATION}),
        _without_principal,
    ),
    Rule(
        "service-principal",
        "error",
        "It is nobody's, or everybody in the tenant can sign in.",
        "Set app_role_assignment_required=True, and assign who may.",
        "https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal",
        frozenset({PRINCIPAL}),
        _principal,
    ),
    Rule(
        "federated-credential",
        "error",
        "Entra ID takes wrong values of a federated credential, and refuses every sign-in with it.",
        "Name the application, the identity's principal id, its tenant as issuer, and the one audience.",
        _FEDERATION,
        frozenset({_CREDENTIAL}),
        _credential,
    ),
    Rule(
        "redirect-uris",
        "error",
        "Entra ID sends nobody back to an address that is not registered, and codes to every one that is.",
        "Register the gateway's own addresses, with https.",
        "https://learn.microsoft.com/entra/identity-platform/reply-url",
        frozenset({_REDIRECTS}),
        _redirects,
    ),
    Rule(
        "app-role-assignment",
        "error",
        "Entra ID refuses an assignment of what is not there.",
        "Take the ids from the service principal and the application.",
        "https://learn.microsoft.com/graph/api/resources/approleassignment",
        frozenset({_ASSIGNMENT}),
        _role,
    ),
    Rule(
        "identifier-uri",
        "error",
        "Entra ID refuses an identifier of another form, or of an application that is not there.",
        "Use api://CLIENT-ID, or https:// with a domain of the tenant.",
        _REGISTERING,
        frozenset({_IDENTIFIER}),
        _identifier,
    ),
    Rule(
        "placeholder",
        "note",
        "A value stands for one that only you know.",
        "Replace it before the first deployment.",
        "https://www.rfc-editor.org/rfc/rfc2606",
        frozenset(),
        _placeholder,
    ),
)
