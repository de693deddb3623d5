"""Signed tokens: Entra ID's key, who may verify with it, and what makes a token unacceptable."""

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from apim_policies.clock import Clock

_ALGORITHM = "RS256"
_SKEW = 300
"""Seconds by which two clocks in Azure may differ; the default of Microsoft's token validation."""


class TokenRefused(Exception):
    """Why a token is not accepted. Never contains the token."""


class TokenIssuer:
    """Signs every token of the stack's tenant: for users and for managed identities, as Entra ID does."""

    def __init__(self, base_url: str, tenant: str, clock: Clock) -> None:
        """`base_url`: Entra ID's address without a trailing slash; `tenant`: the tenant id."""
        self.base_url = base_url.rstrip("/")
        self.tenant = tenant
        self._clock = clock

    @cached_property
    def _key(self) -> RSAKey:
        """A new one for each run, unless one is restored: nothing signed by an earlier run is valid in this one."""
        return RSAKey.generate_key(2048, auto_kid=True)

    def kept(self) -> dict[str, Any]:
        """The key, private as it is, JSON-ready."""
        return {**self._key.as_dict(private=True)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Signs with the key of an earlier run."""
        self._key = RSAKey.import_key(dict(kept))

    @property
    def issuer(self) -> str:
        """The `iss` of version 2.0 tokens."""
        return f"{self.base_url}/{self.tenant}/v2.0"

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT with exactly these claims."""
        header = {"typ": "JWT", "alg": _ALGORITHM, "kid": self._key.kid}
        payload = json.dumps(dict(claims), separators=(",", ":"))
        return jws.serialize_compact(header, payload, self._key, algorithms=[_ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `/discovery/v2.0/keys` shows them."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "use": "sig", "alg": _ALGORITHM, "issuer": self.issuer}]}

    def verify(self, token: str, audience: str | Collection[str]) -> dict[str, Any]:
        """The claims of a token of this issuer, for (one of) this audience, valid now.

        Raises:
            TokenRefused: anything is wrong with it.
        """
        claims = self.verify_signature(token)
        accepted = [audience] if isinstance(audience, str) else list(audience)
        if claims.get("iss") != self.issuer:
            raise TokenRefused(f"its issuer is {claims.get('iss')!r}, not {self.issuer!r}")
        if claims.get("aud") not in accepted:
            wanted = " or ".join(repr(name) for name in accepted)
            raise TokenRefused(f"its audience is {claims.get('aud')!r}, not {wanted}")
        now = self._clock.now()
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            raise TokenRefused("it does not say when it expires")
        if now >= expires + _SKEW:
            raise TokenRefused(f"it expired {round(now - expires)} seconds ago")
        if now < begins - _SKEW:
            raise TokenRefused(f"it is valid only in {round(begins - now)} seconds")
        return claims

    def verify_signature(self, token: str) -> dict[str, Any]:
        """The claims of a token that this issuer's key signed; nothing else is checked.

        Raises:
            TokenRefused: not a JWT, or signed by another key or algorithm.
        """
        try:
            signed = jws.deserialize_compact(token, self._key, algorithms=[_ALGORITHM])
            claims: Any = json.loads(signed.payload)
        except (JoseError, ValueError) as error:
            raise TokenRefused("its signature is not valid, or it is not a token") from error
        if not isinstance(claims, dict):
            raise TokenRefused("it has no claims")
        return claims
