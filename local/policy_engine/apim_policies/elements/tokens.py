"""Who the caller is: validate-jwt, validate-azure-ad-token."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    BOOL,
    BOOL_HERE_LITERAL,
    INBOUND,
    LITERAL,
    LITERAL_HERE,
    NEEDED,
    NEEDED_LITERAL,
    NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions.context import Jwt
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_PUBLIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"]
_SECRET = ["HS256", "HS384", "HS512"]


@dataclass(frozen=True)
class RequiredClaim:
    name: str
    values: Sequence[Compiled]
    match_all: bool
    separator: str | None


@dataclass(frozen=True)
class SigningKey:
    """A key that the policy names: a secret in base64, an RSA key's modulus and exponent in base64url, or a certificate."""

    id: str | None
    secret: Compiled | None
    modulus: Compiled | None
    exponent: Compiled | None
    certificate: str | None = None
    """Id of one of the gateway's certificates."""

    def key(self, call: Call) -> Key:
        """The key.

        Raises:
            Failure: its text is none.
        """
        try:
            if self.certificate is not None:
                return self._of_certificate(call)
            if self.modulus is not None and self.exponent is not None:
                return RSAKey.import_key(
                    {"kty": "RSA", "n": self.modulus.text(call), "e": self.exponent.text(call), **self._id()}
                )
            secret = base64.b64decode(self.secret.text(call) if self.secret else "", validate=True)
            return OctKey.import_key({"kty": "oct", "k": _base64url(secret), **self._id()})
        except (JoseError, ValueError) as error:
            raise Failure("JwtInvalid", "a key of issuer-signing-keys is no key") from error

    def _of_certificate(self, call: Call) -> Key:
        found = next((one for one in call.services.certificates if one.id == self.certificate), None)
        if found is None:
            raise Failure("JwtInvalid", f"the gateway has no certificate {self.certificate!r}")
        public = found.certificate.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        kind = ECKey if isinstance(public, ec.EllipticCurvePublicKey) else RSAKey
        return kind.import_key(pem, {"kid": self.id} if self.id is not None else None)

    def _id(self) -> dict[str, str]:
        return {"kid": self.id} if self.id is not None else {}


@dataclass(frozen=True)
class ValidateJwt:
    """Signature by the provider's keys, expiry, audience, issuer and claims.

    https://learn.microsoft.com/azure/api-management/validate-jwt-policy
    """

    header: Compiled
    query: Compiled | None
    """Where the token is: one of header, query parameter and value."""
    token: Compiled | None
    require_scheme: Compiled | None
    status: Compiled
    message: Compiled | None
    require_expiry: Compiled
    clock_skew: Compiled
    variable: str | None
    configurations: Sequence[Compiled]
    audiences: Sequence[Compiled]
    issuers: Sequence[Compiled]
    """Issuers besides those of the configurations."""
    claims: Sequence[RequiredClaim]
    keys: Sequence[SigningKey] = field(default_factory=tuple[SigningKey, ...])
    clients: Sequence[Compiled] = field(default_factory=tuple[Compiled, ...])
    """Client ids that the token may have been given to."""

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
                raise _Invalid("TokenExpired", "IDX10225: the token has no expiration time. Access denied.")
        elif not isinstance(expiry, int | float) or expiry + skew < now:
            raise _Invalid("TokenExpired", "IDX10223: the token is expired. Access denied.")
        before = claims.get("nbf")
        if before is not None and (not isinstance(before, int | float) or before - skew > now):
            raise _Invalid("JwtInvalid", "IDX10222: the token is not yet valid. Access denied.")
        audiences = _texts(claims.get("aud"))
        if self.audiences and not {value.text(call) for value in self.audiences} & set(audiences):
            raise _Invalid("TokenAudienceNotAllowed", "IDX10214: the audience is not allowed. Access denied.")
        # A provider vouches for its own name, even if the policy names no issuer.
        issuers = {value.text(call) for value in self.issuers} | ({issuer} if issuer is not None else set())
        if issuers and claims.get("iss") not in issuers:
            raise _Invalid("TokenIssuerNotAllowed", "IDX10205: the issuer is not allowed. Access denied.")
        client = claims.get("azp", claims.get("appid"))
        if self.clients and client not in {value.text(call) for value in self.clients}:
            raise _Invalid("TokenClaimValueNotAllowed", "the token was given to another application. Access denied.")
        for required in self.claims:
            self._check_claim(call, required, claims)
        return _jwt(header, claims)

    def _token(self, call: Call) -> str:
        if self.token is not None:
            return self.token.text(call)
        if self.query is not None:
            found = call.context.request.original_url.query().get(self.query.text(call), [])
            return found[0] if len(found) == 1 else ""
        value = call.context.request.headers.get(self.header.text(call)) or ""
        scheme, _, token = value.partition(" ")
        if self.require_scheme is not None:
            return token.strip() if scheme.lower() == self.require_scheme.text(call).lower() else ""
        return token.strip() if scheme.lower() == "bearer" else value

    async def _verified(self, call: Call, token: str) -> tuple[Mapping[str, Any], dict[str, Any], str | None]:
        """The token's header and claims, and its provider's issuer if a provider signed it."""
        key_id = _key_id(token)
        known = False
        for held in self.keys:
            key = held.key(call)
            if held.id is None or key_id is None or held.id == key_id:
                known = True
                if (found := _verify(token, key, _SECRET if key.key_type == "oct" else _PUBLIC)) is not None:
                    return *found, None
        for configuration in self.configurations:
            try:
                provider = await call.services.openid.provider(configuration.text(call), key_id)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                raise Failure("OpenIdConfigurationNotAvailable", "the OpenID configuration cannot be read") from error
            if provider.has(key_id):
                known = True
                if (found := _verify(token, provider.keys, _PUBLIC)) is not None:
                    return *found, provider.issuer
        if not known:
            raise _Invalid("TokenSignatureKeyNotFound", "IDX10501: no key has the token's kid. Access denied.")
        raise _Invalid("TokenSignatureInvalid", "IDX10503: signature validation failed. Access denied.")

    def _check_claim(self, call: Call, required: RequiredClaim, claims: Mapping[str, Any]) -> None:
        if required.name not in claims:
            raise _Invalid(
                "TokenClaimNotFound", f"JWT token is missing the following claims: {required.name}. Access denied."
            )
        present = _texts(claims[required.name])
        if required.separator is not None:
            present = [part for text in present for part in text.split(required.separator)]
        wanted = [value.text(call) for value in required.values]
        found = [value in present for value in wanted]
        if wanted and not (all(found) if required.match_all else any(found)):
            raise _Invalid(
                "TokenClaimValueNotAllowed", f"Claim {required.name} has a value that is not allowed. Access denied."
            )


class _Invalid(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def _verify(token: str, key: Key | KeySet, algorithms: list[str]) -> tuple[Mapping[str, Any], dict[str, Any]] | None:
    """Header and claims of a token that one of the keys signed."""
    try:
        verified = jws.deserialize_compact(token, key, algorithms=algorithms)
        claims = json.loads(verified.payload)
    except (JoseError, ValueError, UnicodeError):
        return None
    return (verified.headers(), claims) if isinstance(claims, dict) else None


def _key_id(token: str) -> str | None:
    """The `kid` that a token's header names; nothing is said of whether that is true."""
    try:
        key_id = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "==")).get("kid")
    except (ValueError, AttributeError):
        return None
    return key_id if isinstance(key_id, str) else None


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


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


_TOKEN = {
    "header-name": ANY,
    "query-parameter-name": ANY,
    "token-value": ANY,
    "require-scheme": ANY,
    "failed-validation-httpcode": NUMBER,
    "failed-validation-error-message": ANY,
    "output-token-variable-name": LITERAL,
}
"""What the policies that validate tokens have in common."""


def _validate_jwt(source: Source, element: Element) -> Policy:
    if not source.flag(element, "require-signed-tokens", default=True):
        raise source.not_modelled(element, "require-signed-tokens other than true")
    lists = {child.name: child.children for child in element.children}
    configurations = [source.attribute(c, "url") for c in element.children if c.name == "openid-config"]
    keys = [_signing_key(source, child) for child in lists.get("issuer-signing-keys", [])]
    if not configurations and not keys:
        raise source.error(element, "<validate-jwt> needs <openid-config> or <issuer-signing-keys>")
    return ValidateJwt(
        **_common(source, element),
        configurations=configurations,
        keys=keys,
        audiences=[source.content(item) for item in lists.get("audiences", [])],
        issuers=[source.content(item) for item in lists.get("issuers", [])],
    )


VALIDATE_JWT = PolicyElement(
    "validate-jwt",
    Model(
        {
            **_TOKEN,
            "require-expiration-time": BOOL,
            "require-signed-tokens": BOOL_HERE_LITERAL,
            "clock-skew": NUMBER,
        },
        (
            Child("openid-config"),
            Child("issuer-signing-keys", 0, 1),
            Child("audiences", 0, 1),
            Child("issuers", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
        beyond=frozenset({"issuer-signing-tokens", "decryption-keys"}),
    ),
    _validate_jwt,
)


def _validate_azure_ad_token(source: Source, element: Element) -> Policy:
    tenant = element.attributes["tenant-id"].text
    endpoint = (source.literal(element, "authentication-endpoint") or "https://login.microsoftonline.com").rstrip("/")
    lists = {child.name: child.children for child in element.children}
    audiences = [*lists.get("audiences", []), *lists.get("backend-application-ids", [])]
    return ValidateJwt(
        **_common(source, element),
        configurations=[Compiled(f"{endpoint}/{tenant}/v2.0/.well-known/openid-configuration", None)],
        audiences=[source.content(item) for item in audiences],
        issuers=[Compiled(f"https://sts.windows.net/{tenant}/", None)],
        clients=[source.content(item) for item in lists.get("client-application-ids", [])],
    )


VALIDATE_AZURE_AD_TOKEN = PolicyElement(
    "validate-azure-ad-token",
    Model(
        {
            **_TOKEN,
            "tenant-id": Attribute("not modelled", required=True),
            "authentication-endpoint": LITERAL_HERE,
        },
        (
            Child("backend-application-ids", 0, 1),
            Child("client-application-ids", 0, 1),
            Child("audiences", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
        ordered=False,
        beyond=frozenset({"allow-protected-forwarded-tokens", "allow-proof-of-possession-tokens", "decryption-keys"}),
    ),
    _validate_azure_ad_token,
)


def _signing_key(source: Source, element: Element) -> SigningKey:
    held = source.literal(element, "certificate-id")
    by_parts = [name for name in ("n", "e") if name in element.attributes]
    if len(by_parts) == 1 or [bool(by_parts), bool(element.text), held is not None].count(True) != 1:
        raise source.error(element, "a <key> holds a key in base64, has n and e, or a certificate-id")
    return SigningKey(
        source.literal(element, "id"),
        source.content(element) if element.text else None,
        source.optional(element, "n"),
        source.optional(element, "e"),
        held,
    )


def _common(source: Source, element: Element) -> dict[str, Any]:
    """What the two policies that validate tokens have in common."""
    places = [n for n in ("header-name", "query-parameter-name", "token-value") if n in element.attributes]
    if len(places) > 1 or (not places and element.name == "validate-jwt"):
        raise source.error(element, "the token has one place: header-name, query-parameter-name or token-value")
    lists = {child.name: child.children for child in element.children}
    return {
        "header": source.attribute(element, "header-name", "Authorization"),
        "query": source.optional(element, "query-parameter-name"),
        "token": source.optional(element, "token-value"),
        "require_scheme": source.optional(element, "require-scheme"),
        "status": source.attribute(element, "failed-validation-httpcode", "401"),
        "message": source.optional(element, "failed-validation-error-message"),
        "require_expiry": source.attribute(element, "require-expiration-time", "true"),
        "clock_skew": source.attribute(element, "clock-skew", "0"),
        "variable": source.literal(element, "output-token-variable-name"),
        "claims": [
            RequiredClaim(
                item.attributes["name"].text,
                [source.content(value) for value in item.children],
                source.literal(item, "match") != "any",
                source.literal(item, "separator"),
            )
            for item in lists.get("required-claims", [])
        ],
    }


ELEMENTS: Sequence[Declared] = (
    VALIDATE_JWT,
    VALIDATE_AZURE_AD_TOKEN,
    Part("openid-config", Model({"url": NEEDED}, beyond=frozenset({"host"}))),
    Part("issuer-signing-keys", Model({}, (Child("key", 1),), beyond=frozenset({"zumo-master-key"}))),
    Part("key", Model({"n": ANY, "e": ANY, "certificate-id": LITERAL}, text=True)),
    Part("backend-application-ids", Model({}, (Child("application-id", 1),))),
    Part("client-application-ids", Model({}, (Child("application-id", 1),))),
    Part("application-id", Model(text=True)),
    Part("audiences", Model({}, (Child("audience", 1),))),
    Part("audience", Model(text=True)),
    Part("issuers", Model({}, (Child("issuer", 1),))),
    Part("issuer", Model(text=True)),
    Part("required-claims", Model({}, (Child("claim", 1),))),
    Part(
        "claim",
        Model(
            {
                "name": NEEDED_LITERAL,
                "match": Attribute("not modelled", one_of=("all", "any")),
                "separator": LITERAL_HERE,
            },
            (Child("value"),),
        ),
    ),
)
