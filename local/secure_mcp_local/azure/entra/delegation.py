"""On behalf of a user: an API exchanges a token that is for it for one of another API.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from secure_mcp_local.azure.entra.directory import Application
from secure_mcp_local.azure.entra.grants import revoked
from secure_mcp_local.azure.entra.issuer import TokenRefused
from secure_mcp_local.azure.entra.permissions import Permissions
from secure_mcp_local.azure.entra.refusal import Refusal, missing
from secure_mcp_local.azure.entra.tenant import Tenant
from secure_mcp_local.azure.entra.users import User

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CONTEXT = "c1"
"""The authentication context that the faults about conditional access want."""


@dataclass(frozen=True)
class Assertion:
    """What a user's token of an API says."""

    user: User
    issued: float
    contexts: frozenset[str]


def assertion(form: Mapping[str, str], application: Application, tenant: Tenant) -> Assertion:
    """The user's token that an API presents.

    Raises:
        Refusal: it is not one of a user's for this API, or not valid now.
    """
    if form.get("requested_token_use") != "on_behalf_of":
        raise missing("requested_token_use")
    if not form.get("assertion"):
        raise missing("assertion")
    try:
        claims = tenant.issuer.verify_signature(form["assertion"])
    except TokenRefused as refused:
        raise Refusal(50013, "Assertion failed signature validation.", "invalid_grant") from refused
    if claims.get("aud") != application.client_id:
        message = (
            "Assertion audience does not match the Client app presenting the assertion. "
            f"The audience in the assertion was '{claims.get('aud')}' and the expected audience is '{application.client_id}'."
        )
        raise Refusal(500131, message, "invalid_grant")
    if not float(claims.get("nbf", 0)) <= tenant.clock.now() < float(claims.get("exp", 0)):
        raise Refusal(500133, "Assertion is not within its valid time range.", "invalid_grant")
    user = next((user for user in tenant.users if user.oid == claims.get("oid")), None)
    if user is None or not claims.get("scp"):
        message = "The assertion is invalid because it does not say for which user it is."
        raise Refusal(50027, message, "invalid_grant")
    tenant.admit(user, application)
    issued = float(claims.get("iat", 0))
    if revoked(user, issued):
        message = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
        raise Refusal(50173, message, "invalid_grant")
    return Assertion(user, issued, frozenset(claims.get("acrs") or ()))


def agree(user: User, asked: Permissions, application: Application, tenant: Tenant) -> None:
    """Whether an administrator, or this user, has agreed to what an API does in the user's name.

    Raises:
        Refusal: nobody has.
    """
    by_administrator = "tenant-consent" not in tenant.faults and asked.granted(application)
    by_user = {(application.client_id, f"{asked.resource}/{name}") for name in asked.names} <= user.consented
    if not by_administrator and not (by_user and not asked.default):
        raise Refusal(
            65001,
            f"The user or administrator has not consented to use the application with ID '{application.client_id}' "
            f"named '{application.name}'. Send an interactive authorization request for this user and resource.",
            "invalid_grant",
            suberror="consent_required",
            hint=f"declare a ServicePrincipalDelegatedPermissionGrant for {' '.join(sorted(asked.names))}",
        )


def require_contexts(met: frozenset[str], tenant: Tenant) -> None:
    """Whether the sign-in is as strong as conditional access wants it for other APIs.

    Raises:
        Refusal: it is not; `claims` says what a sign-in would have to bring.
    """
    wanted = {"access_token": {"acrs": {"essential": True, "value": _CONTEXT}}}
    claims = json.dumps(wanted, separators=(",", ":"))
    if "tenant-conditional-access-unmet" in tenant.faults:
        message = (
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll "
            "in multi-factor authentication to access the resource."
        )
        raise Refusal(50079, message, "interaction_required", claims=claims)
    if "tenant-conditional-access" in tenant.faults and _CONTEXT not in met:
        message = (
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use "
            "multi-factor authentication to access the resource."
        )
        raise Refusal(50076, message, "interaction_required", claims=claims)
