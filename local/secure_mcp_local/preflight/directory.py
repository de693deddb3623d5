"""What the directory must have and allow: rights in Entra ID, a licence, the people and groups of the stack."""

from typing import Any

from secure_mcp_local.preflight.check import Check, Unknown, Wrong
from secure_mcp_local.preflight.subject import Subject
from secure_mcp_local.resource_manager import Refused
from secure_mcp_local.rules.directory import RIGHTS
from secure_mcp_local.rules.grants import GRAPH

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND = 400, 403, 404
# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
_ROLES = {
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
}
_PREMIUM = {"AAD_PREMIUM", "AAD_PREMIUM_P2"}
"""Names of the service plans that Entra ID P1 and P2 are."""


def _role(subject: Subject) -> str:
    if not any(one.type.startswith("azuread:") for one in subject.recording):
        raise Unknown("the stack registers nothing in Entra ID")
    try:
        held = list(subject.graph.pages("/v1.0/me/transitiveMemberOf/microsoft.graph.directoryRole"))
    except Refused as refused:
        if refused.status == _BAD_REQUEST:
            # "/me request is only valid with delegated authentication flow": an application has no `me`.
            return _permissions(subject)
        raise Unknown(f"it cannot be read ({refused})") from None
    names = [name for one in held if (name := _ROLES.get(str(one.get("roleTemplateId"))))]
    if not names:
        raise Wrong(
            "whoever is signed in has no role that may consent for everybody",
            "ask an administrator for Cloud Application Administrator: Entra admin centre, Roles and admins; then az login again",
        )
    return names[0]


_ENOUGH = {
    "Application.ReadWrite.OwnedBy": ("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
}
"""By a permission: those that allow the same. https://learn.microsoft.com/graph/permissions-reference"""


def _permissions(subject: Subject) -> str:
    """What a pipeline's application may, which stands in the token that Microsoft Graph decides by.

    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    claims = subject.graph.claims()
    held, roles = {str(one) for one in claims.get("roles") or ()}, [str(one) for one in claims.get("wids") or ()]
    if names := [_ROLES[id] for id in roles if id in _ROLES]:
        return names[0]
    if not claims:
        raise Unknown("an application is signed in, and its token cannot be read")
    needed = sorted({RIGHTS[one.type][1] for one in subject.recording if one.type in RIGHTS and not one.read})
    missing = [one for one in needed if held.isdisjoint(_ENOUGH.get(one, (one,)))]
    if missing:
        raise Wrong(
            f"the application {claims.get('appid') or claims.get('azp') or 'that is signed in'} lacks {', '.join(missing)}",
            " && ".join(
                f"az ad app permission add --id APP-ID --api {GRAPH} --api-permissions $(az ad sp show --id {GRAPH} --query "
                f"\"appRoles[?value=='{one}'].id\" -o tsv)=Role"
                for one in missing
            )
            + " && az ad app permission admin-consent --id APP-ID",
        )
    return f"application with {', '.join(needed)}"


def _licence(subject: Subject) -> str:
    if not _groups(subject):
        raise Unknown("no group is assigned")
    try:
        skus = list(subject.graph.pages("/v1.0/subscribedSkus"))
    except Refused as refused:
        raise Unknown(f"it cannot be read ({refused})") from None
    plans = {
        str(plan.get("servicePlanName"))
        for sku in skus
        if sku.get("capabilityStatus") == "Enabled"
        for plan in sku.get("servicePlans") or []
        if plan.get("provisioningStatus") == "Success"
    }
    if not plans & _PREMIUM:
        raise Wrong(
            "groups are assigned, and the tenant has no Entra ID P1",
            "pulumi config rm assignedGroups && pulumi config set --path 'assignedUsers[0]' OBJECT-ID",
        )
    return "Entra ID P1 or P2"


def _people(subject: Subject) -> str:
    wanted = _principals(subject)
    if not wanted:
        raise Unknown("nobody is assigned by an id")
    missing: list[str] = []
    for id in wanted:
        try:
            subject.graph.get(f"/v1.0/directoryObjects/{id}")
        except Refused as refused:
            if refused.status == _FORBIDDEN:
                raise Unknown(f"it cannot be read ({refused})") from None
            if refused.status != _NOT_FOUND:
                raise
            missing.append(id)
    if missing:
        raise Wrong(
            f"not in this tenant: {', '.join(missing)}",
            "az ad group show --group NAME --query id, az ad user show --id NAME --query id; then pulumi config set",
        )
    return f"{len(wanted)} found"


def _principals(subject: Subject) -> list[str]:
    """Object ids of whom the stack assigns, but for identities that it makes itself."""
    own = {str(one.get("principalId")) for one in subject.recording if one.get("principalId")}
    own |= {str(one.get("objectId")) for one in subject.recording if one.get("objectId")}
    found = [str(one.inputs.get("principalObjectId")) for one in _assignments(subject)]
    return [id for id in dict.fromkeys(found) if id not in own]


def _groups(subject: Subject) -> list[str]:
    """Which of them are groups; those that cannot be told are none."""
    groups: list[str] = []
    for id in _principals(subject):
        try:
            found = subject.graph.get(f"/v1.0/directoryObjects/{id}")
        except Refused:
            continue
        if str(found.get("@odata.type")) == "#microsoft.graph.group":
            groups.append(id)
    return groups


def _assignments(subject: Subject) -> list[Any]:
    return subject.recording.all("azuread:index/appRoleAssignment:AppRoleAssignment")


CHECKS: tuple[Check, ...] = (
    Check("entra-role", "Whoever is signed in may register applications and consent", "learn.microsoft.com/graph/api/user-list-transitivememberof", _role),
    Check("entra-people", "Assigned users and groups are in the tenant", "learn.microsoft.com/graph/api/directoryobject-get", _people),
    Check("entra-licence", "Groups may be assigned", "learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal", _licence),
)  # fmt: skip
