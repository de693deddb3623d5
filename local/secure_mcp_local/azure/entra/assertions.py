"""Client assertions: who may speak for an application without a secret.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

from collections.abc import Mapping

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra.directory import Application
from secure_mcp_local.azure.entra.issuer import TokenIssuer, TokenRefused
from secure_mcp_local.azure.entra.refusal import Refusal, missing

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW = 300
"""Seconds."""
_CHECK = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion."


def authenticate(
    form: Mapping[str, str], basic: bool, application: Application, issuer: TokenIssuer, clock: Clock
) -> None:
    """Accept the request as the application's own. `basic`: whether it has an Authorization header.

    Raises:
        Refusal: it proves nothing, or not what the declared federated credentials ask for.
    """
    if basic or "client_secret" in form:
        raise _refused(
            7000215,
            f"Invalid client secret provided for app '{application.client_id}'.",
            "the stack declares no secrets: send a client assertion of the gateway's identity",
        )
    if "client_assertion" not in form:
        raise _refused(
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            "send a client assertion of the gateway's identity",
        )
    if "client_assertion_type" not in form:
        raise missing("client_assertion_type")
    if form["client_assertion_type"] != ASSERTION_TYPE:
        raise _refused(50027, "The client assertion type is not supported.", f"it must be {ASSERTION_TYPE}")
    credentials = application.federated_credentials
    if not credentials:
        raise _refused(
            70025,
            f"The client '{application.client_id}'({application.name}) has no configured federated identity "
            "credentials.",
            "declare an ApplicationFederatedIdentityCredential",
        )
    try:
        claims = issuer.verify_signature(form["client_assertion"])
    except TokenRefused as refused:
        message = "Assertion failed signature validation."
        raise _refused(50013, message, "the assertion must be a token of a managed identity") from refused
    now, expires, begins = clock.now(), claims.get("exp"), claims.get("nbf", 0)
    if (
        not isinstance(expires, int | float)
        or not isinstance(begins, int | float)
        or not begins - _SKEW <= now < expires + _SKEW
    ):
        raise _refused(700024, "Client assertion is not within its valid time range.")
    remaining = [c for c in credentials if c.issuer == claims.get("iss")]
    if not remaining:
        raise _unmatched(700211, "issuer", claims.get("iss"), [c.issuer for c in credentials])
    by_audience = [c for c in remaining if claims.get("aud") in c.audiences]
    if not by_audience:
        declared = [audience for c in remaining for audience in c.audiences]
        raise _unmatched(700212, "audience", claims.get("aud"), declared)
    # Compared with case, as Entra ID does since 2024.
    if not any(c.subject == claims.get("sub") for c in by_audience):
        raise _unmatched(700213, "subject", claims.get("sub"), [c.subject for c in by_audience])


def _unmatched(code: int, part: str, presented: object, declared: list[str]) -> Refusal:
    message = f"No matching federated identity record found for presented assertion {part} '{presented}'. {_CHECK}"
    return Refusal(
        code,
        message,
        "invalid_client",
        status=401,
        expected=f"a federated credential with the {part} '{presented}'",
        declared=", ".join(f"'{one}'" for one in declared),
    )


def _refused(code: int, message: str, hint: str = "") -> Refusal:
    return Refusal(code, message, "invalid_client", status=401, hint=hint)
