"""Signing keys of OpenID providers, read through the local network and kept for an hour."""

import json
from typing import Any

import httpx
from joserfc.jwk import KeySet

from secure_mcp_local.clock import Clock

_KEPT = 3600.0
"""Seconds; API Management refreshes its metadata about hourly."""


class OpenIdMetadata:
    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._found: dict[str, tuple[float, KeySet, str]] = {}

    async def keys(self, url: str) -> tuple[KeySet, str]:
        """The provider's keys and its issuer.

        Raises:
            httpx.HTTPError, ValueError: the provider cannot be asked, or answers something else.
        """
        known = self._found.get(url)
        if known is None or known[0] <= self._clock.now():
            configuration = await self._json(url)
            keys = await self._json(configuration["jwks_uri"])
            known = (self._clock.now() + _KEPT, KeySet.import_key_set(keys), configuration["issuer"])
            self._found[url] = known
        return known[1], known[2]

    async def _json(self, url: str) -> Any:
        response = await self._client.get(url, timeout=10)
        response.raise_for_status()
        return json.loads(response.content)
