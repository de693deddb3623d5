"""App Service authentication: who may call the app at all, decided by the platform before any code runs.

https://learn.microsoft.com/azure/app-service/overview-authentication-authorization
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apim_policies.pipeline.refusals import Explain, Refusal, unexplained
from secure_mcp_local.azure.entra import TokenIssuer, TokenRefused
from secure_mcp_local.azure.functions.site import Site, mapping
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, Resource

SETTINGS = "azure-native:web:WebAppAuthSettingsV2"
_IDENTITY_HEADERS = (b"x-ms-client-principal", b"x-ms-token-")
_REFUSAL = "You do not have permission to view this directory or page."
_CLAIM_TYPES = {
    "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
}


@dataclass(frozen=True)
class _Refused(Exception):
    status: int
    reason: str
    expected: str
    declared: str


@dataclass(frozen=True)
class Rules:
    """What a `WebAppAuthSettingsV2` declares."""

    issuer: str
    client_id: str
    audiences: frozenset[str]
    applications: frozenset[str] | None
    """Client ids that may call; none: all."""
    identities: frozenset[str] | None
    """Object ids that may call; none: all."""
    unauthenticated: int
    """Status for callers without a valid token."""

    @classmethod
    def of(cls, declared: Resource) -> "Rules | None":
        """The declared rules, or none if authentication is turned off.

        Raises:
            NotModelled: a setting of which the local cloud does not know what it does.
        """
        name = declared.name
        if mapping(declared.get("platform")).get("enabled") is not True:
            return None
        validation = mapping(declared.get("globalValidation"))
        action = validation.get("unauthenticatedClientAction")
        statuses = {"Return401": 401, "Return403": 403}
        if validation.get("requireAuthentication") is not True or action not in statuses:
            raise NotModelled(
                f"{name}: only requireAuthentication=true with unauthenticatedClientAction Return401 or Return403 is modelled"
            )
        if validation.get("excludedPaths"):
            raise NotModelled(f"{name}: excludedPaths are not modelled; remove them")
        providers = mapping(declared.get("identityProviders"))
        for provider, settings in providers.items():
            if provider != "azureActiveDirectory" and mapping(settings).get("enabled", True):
                raise NotModelled(
                    f"{name}: the identity provider {provider} is not modelled; only azureActiveDirectory is"
                )
        directory = mapping(providers.get("azureActiveDirectory"))
        registration = mapping(directory.get("registration"))
        if directory.get("enabled", True) is not True or not registration.get("openIdIssuer"):
            raise LocalCloudError(
                f"{name}: identityProviders.azureActiveDirectory must be enabled and have an openIdIssuer"
            )
        checks = mapping(directory.get("validation"))
        if checks.get("jwtClaimChecks"):
            raise NotModelled(f"{name}: jwtClaimChecks are not modelled; use defaultAuthorizationPolicy")
        policy = mapping(checks.get("defaultAuthorizationPolicy"))
        principals = mapping(policy.get("allowedPrincipals"))
        if principals.get("groups"):
            raise NotModelled(f"{name}: allowedPrincipals.groups are not modelled; use identities")
        client_id = str(registration.get("clientId", ""))
        return cls(
            issuer=str(registration["openIdIssuer"]),
            client_id=client_id,
            # The registration's own id is always accepted.
            audiences=frozenset({*_names(checks.get("allowedAudiences")), *([client_id] if client_id else [])}),
            applications=_lower(policy.get("allowedApplications")),
            identities=_lower(principals.get("identities")),
            unauthenticated=statuses[action],
        )


class Authentication:
    """Stands before the app and lets only declared identities through, under headers that only it can set."""

    def __init__(
        self, app: ASGIApp, site: Site, rules: Rules, issuer: TokenIssuer, explain: Explain = unexplained
    ) -> None:
        self._explain = explain
        self._app, self._site, self._rules, self._issuer = app, site, rules, issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        try:
            claims = self._authenticate(Headers(scope=scope))
        except _Refused as refused:
            response = PlainTextResponse(_REFUSAL, refused.status)
            # As in Azure, the answer does not say why.
            self._explain(
                Refusal(
                    service=f"App Service authentication of {self._site.host}",
                    code=str(refused.status),
                    message=refused.reason,
                    expected=refused.expected,
                    declared=refused.declared,
                )
            )
            if refused.status == 401:
                response.headers["www-authenticate"] = (
                    f'Bearer realm="{self._site.host}" '
                    f'authorization_uri="{self._issuer.base_url}/{self._issuer.tenant}/oauth2/authorize" '
                    f'resource_id="{self._rules.client_id}"'
                )
            await response(scope, receive, send)
            return
        kept: list[tuple[bytes, bytes]] = [
            (name, value) for name, value in scope["headers"] if not name.lower().startswith(_IDENTITY_HEADERS)
        ]
        await self._app({**scope, "headers": [*kept, *_identity_headers(claims)]}, receive, send)

    def _authenticate(self, headers: Headers) -> Mapping[str, Any]:
        values = headers.getlist("authorization")
        scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _Refused(self._rules.unauthenticated, "no bearer token", "a bearer token", "requireAuthentication")
        if self._rules.issuer != self._issuer.issuer:
            reason = f"openIdIssuer is {self._rules.issuer}, tokens are issued by {self._issuer.issuer}"
            expected = f"openIdIssuer {self._issuer.issuer}"
            raise _Refused(self._rules.unauthenticated, reason, expected, self._rules.issuer)
        try:
            claims = self._issuer.verify(token.strip(), self._rules.audiences)
        except TokenRefused as refused:
            expected = f"a token for one of allowedAudiences: {refused}"
            declared = ", ".join(sorted(self._rules.audiences))
            raise _Refused(
                self._rules.unauthenticated, f"the token is not valid: {refused}", expected, declared
            ) from refused
        application = str(claims.get("azp") or claims.get("appid") or "").lower()
        if self._rules.applications is not None and application not in self._rules.applications:
            reason = f"the application {application} is not among allowedApplications"
            expected = f"the application {application} among allowedApplications"
            raise _Refused(403, reason, expected, _listed(self._rules.applications))
        identity = str(claims.get("oid") or "").lower()
        if self._rules.identities is not None and identity not in self._rules.identities:
            reason = f"the identity {identity} is not among allowedPrincipals.identities"
            expected = f"the identity {identity} among allowedPrincipals.identities"
            raise _Refused(403, reason, expected, _listed(self._rules.identities))
        return claims


def authenticated(
    app: ASGIApp, site: Site, recording: Recording, issuer: TokenIssuer, explain: Explain = unexplained
) -> ASGIApp:
    """The app behind the authentication that the stack declares for it, if it does.

    Raises:
        LocalCloudError: the declaration is contradictory or not modelled.
    """
    declared = [r for r in recording.all(SETTINGS) if r.id.lower().startswith(f"{site.id.lower()}/")]
    if len(declared) > 1:
        raise LocalCloudError(f"{site.name} has {len(declared)} resources {SETTINGS}; there can be one")
    rules = Rules.of(declared[0]) if declared else None
    return app if rules is None else Authentication(app, site, rules, issuer, explain)


def _identity_headers(claims: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": name, "val": str(value)} for name, value in claims.items()],
        **_CLAIM_TYPES,
    }
    return [
        (b"x-ms-client-principal", base64.b64encode(json.dumps(principal).encode())),
        (b"x-ms-client-principal-id", str(claims.get("oid", "")).encode()),
        (b"x-ms-client-principal-idp", b"aad"),
    ]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def _names(value: object) -> list[str]:
    return [str(name) for name in cast("list[object]", value)] if isinstance(value, list) else []


def _lower(value: object) -> frozenset[str] | None:
    """An empty list lets nobody in, as far as we are concerned."""
    return None if value is None else frozenset(name.lower() for name in _names(value))
