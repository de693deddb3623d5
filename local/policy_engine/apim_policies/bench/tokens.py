"""Tokens that a test mints, and the provider whose keys sign them."""

from collections.abc import Mapping
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from apim_policies.bench.mocks import Mocks, Recorded, mock_of
from apim_policies.clock import Clock

ISSUER = "https://issuer.example"


class TokenMint:
    """Signs tokens with a key of its own, and answers for every OpenID configuration that policies ask for.

    Args:
        network: Where it answers, at any address that ends in `/.well-known/openid-configuration`.
        clock: What time it is.
    """

    def __init__(self, network: Mocks, clock: Clock) -> None:
        self._clock = clock
        self._key: RSAKey | None = None
        network.add(mock_of("https://*/.well-known/openid-configuration", answer=self._configuration))
        network.add(mock_of(f"{ISSUER}/keys", answer=self._keys))

    @property
    def key(self) -> RSAKey:
        """Made when it is first needed: that takes a moment."""
        if self._key is None:
            self._key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})
        return self._key

    def token(self, claims: Mapping[str, Any], *, expires_in: float = 3600) -> str:
        """A token with some claims; issuer, times and subject are there unless they are given."""
        now = int(self._clock.now())
        whole = {"iss": ISSUER, "sub": "user", "iat": now, "nbf": now, "exp": now + int(expires_in), **claims}
        return jwt.encode({"alg": "RS256", "kid": "bench", "typ": "JWT"}, whole, self.key)

    def _configuration(self, request: Recorded) -> httpx.Response:
        issuer = request.url.removesuffix("/.well-known/openid-configuration")
        return httpx.Response(200, json={"issuer": issuer, "jwks_uri": f"{ISSUER}/keys"})

    def _keys(self, request: Recorded) -> httpx.Response:
        del request
        return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
