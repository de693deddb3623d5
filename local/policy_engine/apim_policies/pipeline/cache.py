"""The built-in cache: volatile, and values can be read only some time after they were stored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apim_policies.clock import Clock
from apim_policies.expressions.context import Body, Response

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

    @property
    def living(self) -> int:
        """How many values have not expired."""
        now = self._clock.now()
        return sum(entry.expires > now for entry in self._entries.values())

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


class ResponseCache:
    """Whole answers, as `cache-store` keeps them."""

    def __init__(self, clock: Clock) -> None:
        self._cache = Cache(clock)

    def get(self, key: str) -> Response | None:
        """A copy of the answer that is kept under a key."""
        found, kept = self._cache.get(key)
        return copied(kept) if found and isinstance(kept, Response) else None

    def store(self, key: str, response: Response, seconds: float) -> None:
        """Keeps an answer, if its body is not larger than 2 MiB."""
        if response.body is None or len(response.body.content) <= _LARGEST:
            self._cache.store(key, copied(response), seconds)

    def clear(self) -> None:
        """Forgets everything."""
        self._cache.clear()


def copied(response: Response) -> Response:
    """An answer of its own, whose headers and body others do not change."""
    body = Body(response.body.content) if response.body is not None else None
    return replace(response, headers=response.headers.copy(), body=body)


@dataclass(frozen=True)
class Asked:
    """What a model was asked: a vector of the text, and what else answers depend on."""

    group: str
    vector: Sequence[float]


@dataclass(frozen=True)
class _Answered:
    asked: Asked
    response: Response
    expires: float


class SemanticCache:
    """Answers of models, found by how near a question is to an earlier one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: list[_Answered] = []

    def nearest(self, asked: Asked, threshold: float) -> Response | None:
        """The answer to the nearest question whose distance is no larger.

        Args:
            asked: The question.
            threshold: Largest cosine distance, 0 (the same) to 1: `score-threshold`.
        """
        now = self._clock.now()
        self._answers = [one for one in self._answers if one.expires > now]
        near = [
            (distance, one)
            for one in self._answers
            if one.asked.group == asked.group and (distance := _distance(one.asked.vector, asked.vector)) <= threshold
        ]
        return copied(min(near, key=lambda one: one[0])[1].response) if near else None

    def store(self, asked: Asked, response: Response, seconds: float) -> None:
        """Keeps an answer."""
        self._answers = [*self._answers[-_MOST:], _Answered(asked, copied(response), self._clock.now() + seconds)]


def _distance(one: Sequence[float], two: Sequence[float]) -> float:
    length = math.hypot(*one) * math.hypot(*two)
    return 1 - sum(a * b for a, b in zip(one, two, strict=False)) / length if length and len(one) == len(two) else 1.0
