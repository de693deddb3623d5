"""The built-in cache: volatile, and values can be read only some time after they were stored."""

from dataclasses import dataclass

from apim_policies.clock import Clock

_LARGEST = 2 * 1024 * 1024
"""Bytes of one value."""

_MOST = 10_000
"""Values."""


@dataclass(frozen=True)
class _Entry:
    value: object
    readable: float
    expires: float


class Cache:
    """`cache-store-value` is asynchronous, and the cache may forget at any time.

    https://learn.microsoft.com/azure/api-management/cache-store-value-policy
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self.delay = 0.0
        """Seconds until a stored value can be read."""

    def get(self, key: str) -> tuple[bool, object]:
        """Whether there is a value, and the value."""
        entry = self._entries.get(key)
        now = self._clock.now()
        if entry is None or entry.expires <= now:
            self._entries.pop(key, None)
            return False, None
        return (True, entry.value) if entry.readable <= now else (False, None)

    def store(self, key: str, value: object, seconds: float) -> None:
        if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > _LARGEST:
            return
        now = self._clock.now()
        if len(self._entries) >= _MOST:
            # A full cache forgets: first what has expired, then what is oldest.
            self._entries = {k: entry for k, entry in self._entries.items() if entry.expires > now}
            for oldest in list(self._entries)[: max(0, len(self._entries) - _MOST + 1)]:
                del self._entries[oldest]
        self._entries[key] = _Entry(value, now + self.delay, now + seconds)

    def remove(self, key: str) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
