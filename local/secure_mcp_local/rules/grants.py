"""Permissions that are granted for everybody: those of signing in, and those of applications that go on in their users' names."""

from collections.abc import Iterator

from secure_mcp_local.recording import microsoft_graph
from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.directory import GRANT, PRINCIPAL, application_of, signs_in
from secure_mcp_local.rules.rule import Rule, Stack, lists, text

GRAPH = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph's client id, in every tenant."""
_SIGNING_IN = ("openid", "profile", "offline_access")
_OF_GRAPH = frozenset({*_SIGNING_IN, "email", "User.Read"})


def _grant(grant: Resource, stack: Stack) -> Iterator[str]:
    principals = {str(one.get("objectId")): one for one in stack.all(PRINCIPAL)}
    client, resource = text(grant, "servicePrincipalObjectId"), text(grant, "resourceServicePrincipalObjectId")
    for key, value in (("servicePrincipalObjectId", client), ("resourceServicePrincipalObjectId", resource)):
        if principals and value not in principals:
            yield f"{key} is {value!r}, which is no service principal of the stack"
    if client and client == resource:
        yield "servicePrincipalObjectId and resourceServicePrincipalObjectId are the same: it would be its own client"
    if (actor := _acting(principals.get(client), stack)) is not None:
        yield from _delegated(grant, actor, principals.get(resource), stack)
        return
    holder = principals.get(client)
    if holder is not None and holder.inputs.get("useExisting") is True and client != resource:
        yield f"servicePrincipalObjectId is that of {holder.name}, an application of others: it may act as everybody who signs in"
    values = [str(one) for one in grant.inputs.get("claimValues") or ()]
    application = application_of(principals.get(client), stack)
    if application is not None and not signs_in(application, stack):
        yield f"servicePrincipalObjectId is that of {principals[client].name}, with which nobody signs in: it has no redirect URI"
    if not values:
        yield "claimValues is empty: nothing is granted"
    target = principals.get(resource)
    offering = application_of(target, stack)
    if offering is not None and not _scopes_elsewhere(stack):
        offered = {str(one.get("value")) for one in lists(offering, "api.oauth2PermissionScopes")}
        for value in values:
            if value not in offered:
                yield f"claimValues has {value!r}, which {offering.name} does not offer"
    if target is not None and offering is None and text(target, "clientId") != GRAPH and set(values) & set(_SIGNING_IN):
        yield f"claimValues has {', '.join(values)} of {target.name}, and those are permissions of Microsoft Graph, {GRAPH}"
    existing = resource in principals and principals[resource].inputs.get("useExisting") is True
    if existing:
        for value in values:
            if value not in _OF_GRAPH:
                yield f"claimValues has {value!r}: the gateway may act as its users at Microsoft Graph"
        if "openid" not in values:
            yield "claimValues lacks 'openid': nobody can sign in"
        elif missing := [one for one in _SIGNING_IN if one not in values]:
            yield f"claimValues lacks {', '.join(missing)}: everybody is asked for it, and may not be allowed to consent"


def _acting(principal: Resource | None, stack: Stack) -> Resource | None:
    """The application of a principal, if it goes on to other APIs in its users' names: it says what it needs of them, and nobody signs in to it."""
    application = application_of(principal, stack)
    if application is None or signs_in(application, stack) or not lists(application, "requiredResourceAccesses"):
        return None
    return application


def _delegated(grant: Resource, actor: Resource, target: Resource | None, stack: Stack) -> Iterator[str]:
    """What is granted to an application that acts in its users' names, held against what it says that it needs."""
    values = {str(one) for one in grant.inputs.get("claimValues") or ()}
    if not values:
        yield "claimValues is empty: nothing is granted"
    offering = application_of(target, stack)
    names = _permissions_of(target, offering)
    if names is None or target is None:
        return
    offered = set(names.values())
    if offering is not None and not _scopes_elsewhere(stack):
        for value in sorted(values - offered):
            yield f"claimValues has {value!r}, which {offering.name} does not offer"
    accesses = [
        one for one in lists(actor, "requiredResourceAccesses") if one.get("resourceAppId") == target.get("clientId")
    ]
    if not accesses:
        yield f"it grants {', '.join(sorted(values))} of {target.name}, which requiredResourceAccesses of {actor.name} does not name"
        return
    ids = [str(each.get("id")) for one in accesses for each in one.get("resourceAccesses") or ()]
    if any(id not in names for id in ids):
        # A permission of Microsoft Graph's that is not known here.
        return
    needed = {names[id] for id in ids}
    for value in sorted(needed - values):
        yield f"claimValues lacks {value!r}, which {actor.name} needs: nobody has agreed to it, and its calls are refused (AADSTS65001)"
    for value in sorted(values - needed):
        yield f"claimValues has {value!r}, which requiredResourceAccesses of {actor.name} does not name: its calls may do more than is declared"


def _permissions_of(target: Resource | None, offering: Resource | None) -> dict[str, str] | None:
    """Names of an API's permissions by their ids; None where nobody here knows them."""
    if offering is not None:
        return {str(one.get("id")): str(one.get("value")) for one in lists(offering, "api.oauth2PermissionScopes")}
    if target is not None and text(target, "clientId") == GRAPH:
        return {id: name for name, id in microsoft_graph.PERMISSIONS.items()}
    return None


def _scopes_elsewhere(stack: Stack) -> bool:
    return bool(stack.all("azuread:index/applicationPermissionScope:ApplicationPermissionScope"))


RULES = (
    Rule(
        "permission-grant",
        "error",
        "Nobody is asked for consent to what is granted here for everybody: it is refused, or more than signing in.",
        "Grant openid, profile and offline_access, from the gateway's principal to Microsoft Graph's.",
        "https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant",
        frozenset({GRANT}),
        _grant,
    ),
)
