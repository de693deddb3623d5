"""Who is who: authentication-managed-identity, validate-jwt, validate-azure-ad-token."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from joserfc import jws
from joserfc.errors import JoseError

from secure_mcp_local.apim.call import Call, Failure
from secure_mcp_local.apim.values import Compiled
from secure_mcp_local.expressions.context import Headers, Jwt
from secure_mcp_local.identities import IdentityUnavailable

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"]


class ManagedIdentity:
    """A token of one of the gateway's own identities, in a variable or as the request's Authorization."""

    def __init__(self, resource: Compiled, client_id: str | None, variable: str | None, ignore_error: bool) -> None:
        self._resource, self._client_id = resource, client_id
        self._variable, self._ignore_error = variable, ignore_error

    async def run(self, call: Call) -> None:
        self.authorize(call, call.context.request.headers)

    def authorize(self, call: Call, headers: Headers) -> None:
        """Puts the token where it belongs.

        Raises:
            Failure: there is none, and that matters.
        """
        services = call.services
        try:
            token = services.identities.token(services.service_urn, self._resource.text(call), self._client_id)
        except IdentityUnavailable as error:
            if not self._ignore_error:
                raise Failure("ManagedIdentityTokenNotAvailable", str(error)) from error
            return
        if self._variable is None:
            headers.set("Authorization", f"Bearer {token}")
        else:
            call.context.variables[self._variable] = token


@dataclass(frozen=True)
class RequiredClaim:
    name: str
    values: Sequence[Compiled]
    match_all: bool
    separator: str | None


@dataclass(frozen=True)
class ValidateJwt:
    """Signature by the provider's keys, expiry, audience, issuer and claims.

    https://learn.microsoft.com/azure/api-management/validate-jwt-policy
    """

    header: str | None
    query: str | None
    """Where the token is: one of header, query parameter and value."""
    token: Compiled | None
    require_scheme: str | None
    status: Compiled
    message: Compiled | None
    require_expiry: Compiled
    clock_skew: Compiled
    variable: str | None
    configurations: Sequence[Compiled]
    audiences: Sequence[Compiled]
    issuers: Sequence[Compiled]
    claims: Sequence[RequiredClaim]
    clients: Sequence[Compiled] = field(default_factory=tuple[Compiled, ...])
    """Client ids that the token may have been given to."""
    any_of_tenant: str | None = None
    """validate-azure-ad-token: the tenant whose issuers, of version 1 and 2, are the only ones."""

    async def run(self, call: Call) -> None:
        try:
            jwt = await self._validated(call)
        except _Invalid as problem:
            message = self.message.text(call) if self.message else problem.message
            raise Failure(problem.reason, message, int(self.status.number(call))) from problem
        if self.variable is not None:
            call.context.variables[self.variable] = jwt

    async def _validated(self, call: Call) -> Jwt:
        token = self._token(call)
        if not token:
            raise _Invalid("TokenNotPresent", "JWT not present.")
        header, claims, issuer = await self._verified(call, token)
        now, skew = call.services.clock.now(), self.clock_skew.number(call)
        expiry = claims.get("exp")
        if expiry is None:
            if self.require_expiry.boolean(call):
                raise _Invalid("TokenExpired", "IDX10225: the token has no expiration time.")
        elif not isinstance(expiry, int | float) or expiry + skew < now:
            raise _Invalid("TokenExpired", "IDX10223: the token is expired.")
        before = claims.get("nbf")
        if before is not None and (not isinstance(before, int | float) or before - skew > now):
            raise _Invalid("JwtInvalid", "IDX10222: the token is not yet valid.")
        audiences = _texts(claims.get("aud"))
        if self.audiences and not {value.text(call) for value in self.audiences} & set(audiences):
            raise _Invalid("TokenAudienceNotAllowed", "IDX10214: the audience is not allowed.")
        if self.issuers and claims.get("iss") not in {value.text(call) for value in self.issuers}:
            raise _Invalid("TokenIssuerNotAllowed", "IDX10205: the issuer is not allowed.")
        if self.any_of_tenant and claims.get("iss") not in {
            issuer,
            f"https://sts.windows.net/{self.any_of_tenant}/",
        }:
            raise _Invalid("TokenIssuerNotAllowed", "IDX10205: the issuer is not one of the tenant.")
        client = claims.get("azp", claims.get("appid"))
        if self.clients and client not in {value.text(call) for value in self.clients}:
            raise _Invalid("TokenClaimValueNotAllowed", "the token was given to another application.")
        for required in self.claims:
            self._check_claim(call, required, claims)
        return _jwt(header, claims)

    def _token(self, call: Call) -> str:
        if self.token is not None:
            return self.token.text(call)
        if self.query is not None:
            found = call.context.request.original_url.query().get(self.query, [])
            return found[0] if len(found) == 1 else ""
        value = call.context.request.headers.get(self.header or "Authorization") or ""
        scheme, _, token = value.partition(" ")
        if self.require_scheme is not None:
            return token.strip() if scheme.lower() == self.require_scheme.lower() else ""
        return token.strip() if scheme.lower() == "bearer" else value

    async def _verified(self, call: Call, token: str) -> tuple[Mapping[str, Any], dict[str, Any], str]:
        for configuration in self.configurations:
            try:
                keys, issuer = await call.services.openid.keys(configuration.text(call))
            except (httpx.HTTPError, ValueError, KeyError) as error:
                raise Failure("OpenIdConfigurationNotAvailable", "the OpenID configuration cannot be read") from error
            try:
                verified = jws.deserialize_compact(token, keys, algorithms=_ALGORITHMS)
                claims = json.loads(verified.payload)
            except (JoseError, ValueError, UnicodeError):
                continue
            if isinstance(claims, dict):
                return verified.headers(), claims, issuer
        raise _Invalid("TokenSignatureInvalid", "IDX10503: signature validation failed.")

    def _check_claim(self, call: Call, required: RequiredClaim, claims: Mapping[str, Any]) -> None:
        if required.name not in claims:
            raise _Invalid("TokenClaimNotFound", f"the claim {required.name} is missing.")
        present = _texts(claims[required.name])
        if required.separator is not None:
            present = [part for text in present for part in text.split(required.separator)]
        wanted = [value.text(call) for value in required.values]
        found = [value in present for value in wanted]
        if wanted and not (all(found) if required.match_all else any(found)):
            raise _Invalid("TokenClaimValueNotAllowed", f"the claim {required.name} has another value.")


class _Invalid(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value if isinstance(value, str) else json.dumps(value)]


def _jwt(header: Mapping[str, Any], claims: Mapping[str, Any]) -> Jwt:
    def moment(name: str) -> datetime | None:
        value = claims.get(name)
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None

    return Jwt(
        algorithm=str(header.get("alg", "")),
        claims={name: _texts(value) for name, value in claims.items()},
        issuer=claims.get("iss"),
        subject=claims.get("sub"),
        id=claims.get("jti"),
        type=header.get("typ"),
        audiences=_texts(claims.get("aud")),
        expiration_time=moment("exp"),
        not_before=moment("nbf"),
        issued_at=moment("iat"),
    )
