"""Signing keys of OpenID providers, read through the local network and kept for an hour."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc.jwk import KeySet

from apim_policies.clock import Clock

_KEPT = 3600.0
"""Seconds; API Management refreshes its metadata about hourly."""
_RELUCTANT = 300.0
"""Seconds between two looks for a key that was not there."""


@dataclass(frozen=True)
class Provider:
    """What an OpenID provider says of itself."""

    issuer: str
    keys: KeySet

    def has(self, key_id: str | None) -> bool:
        """Whether a key of this id is there; any is, if none is named."""
        return key_id is None or any(key.kid == key_id for key in self.keys.keys)


class OpenIdMetadata:
    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._found: dict[str, tuple[float, Provider]] = {}

    async def provider(self, url: str, key_id: str | None = None) -> Provider:
        """The provider; asked again for a key that it did not have, but not often.

        Raises:
            httpx.HTTPError, ValueError, KeyError: the provider cannot be asked, or answers something else.
        """
        now = self._clock.now()
        if (known := self._found.get(url)) is not None:
            read, provider = known
            if now < read + (_KEPT if provider.has(key_id) else _RELUCTANT):
                return provider
        configuration = await self._json(url)
        keys = await self._json(configuration["jwks_uri"])
        provider = Provider(str(configuration["issuer"]), KeySet.import_key_set(keys))
        self._found[url] = (now, provider)
        return provider

    async def _json(self, url: str) -> Any:
        response = await self._client.get(url, timeout=10)
        response.raise_for_status()
        return json.loads(response.content)
