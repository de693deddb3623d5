"""Backend resources: single ones, pools of them, and their circuit breakers.

https://learn.microsoft.com/azure/api-management/backends
"""

import math
import random
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apim_policies.clock import Clock
from apim_policies.errors import ExplainedError


@dataclass(frozen=True)
class Breaker:
    """When a backend is left alone."""

    interval: float
    """Seconds in which failures are counted."""
    trip: float
    """Seconds for which nothing is sent."""
    count: int | None = None
    """How many failures trip it."""
    percentage: int | None = None
    """How many of a hundred calls must fail."""
    statuses: Sequence[tuple[int, int]] = ()
    """First and last status of each range that is a failure."""
    reasons: Sequence[str] = ()
    """Failures without an answer, such as `BackendConnectionFailure` and `Timeout`; empty with statuses: none is."""
    accept_retry_after: bool = False
    """Whether the backend's Retry-After says for how long."""


@dataclass(frozen=True)
class Member:
    """One backend of a pool."""

    id: str
    priority: int = 1
    """Those with the lowest number come first."""
    weight: int = 1


@dataclass(frozen=True)
class DeclaredBackend:
    """A backend as it is declared; a pool has members and no address."""

    id: str
    url: str = ""
    members: Sequence[Member] = ()
    breaker: Breaker | None = None
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    query: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    authorization: str = ""
    """The Authorization that it wants."""

    @property
    def type(self) -> str:
        return "Pool" if self.members else "Single"


_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def seconds(duration: str) -> float:
    """An ISO 8601 duration such as `PT1M` in seconds.

    Raises:
        ExplainedError: it is none.
    """
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        raise ExplainedError(f"the duration {duration!r} is none of ISO 8601; write PT1M for a minute")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


@dataclass
class _State:
    calls: deque[tuple[float, bool]] = field(default_factory=deque[tuple[float, bool]])
    """When, and whether it failed."""
    open_until: float = 0.0


class AllTripped(Exception):
    """Nothing can be sent now.

    Args:
        seconds: Until something can.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = max(1, math.ceil(seconds))


class Backends:
    """The backends of a gateway, and how they have done.

    Args:
        declared: By id.
        clock: What time it is.
        seed: Of the choice by weight, so that a run can be repeated.
    """

    def __init__(self, declared: Mapping[str, DeclaredBackend], clock: Clock, seed: int = 0) -> None:
        self._declared = {id.lower(): backend for id, backend in declared.items()}
        self._clock, self._random = clock, random.Random(seed)  # noqa: S311  (whose turn it is)
        self._states: dict[str, _State] = {}

    def find(self, id: str) -> DeclaredBackend:
        """A backend by its id, without regard to case.

        Raises:
            ExplainedError: there is none.
        """
        found = self._declared.get(id.lower())
        if found is None:
            known = ", ".join(sorted(self._declared)) or "none"
            raise ExplainedError(f"the backend {id!r} is not declared; declared are: {known}")
        return found

    def choose(self, backend: DeclaredBackend) -> DeclaredBackend:
        """The single backend that the next call goes to.

        Raises:
            AllTripped: circuit breakers are open.
        """
        now = self._clock.now()
        members = backend.members or (Member(backend.id),)
        closed = [one for one in members if self._state(one.id).open_until <= now]
        if not closed:
            raise AllTripped(min(self._state(one.id).open_until for one in members) - now)
        first = min(one.priority for one in closed)
        group = [one for one in closed if one.priority == first]
        weights = [one.weight for one in group]
        chosen = self._random.choices(group, weights if any(weights) else None)[0]
        return self.find(chosen.id) if backend.members else backend

    def answered(self, backend: DeclaredBackend, status: int, retry_after: str | None = None) -> None:
        """A call got an answer."""
        breaker = backend.breaker
        if breaker is not None:
            failed = any(low <= status <= high for low, high in breaker.statuses)
            self._count(backend, breaker, failed, retry_after)

    def failed(self, backend: DeclaredBackend, reason: str) -> None:
        """A call got no answer."""
        breaker = backend.breaker
        if breaker is not None:
            known = {text.replace(" ", "").lower() for text in breaker.reasons}
            self._count(backend, breaker, reason.lower() in known or (not known and not breaker.statuses), None)

    def open_until(self, id: str) -> float:
        """Until when the breaker of a backend is open, in seconds since 1970; 0 if it never was."""
        return self._state(id).open_until

    def _count(self, backend: DeclaredBackend, breaker: Breaker, failed: bool, retry_after: str | None) -> None:
        now, state = self._clock.now(), self._state(backend.id)
        state.calls.append((now, failed))
        while state.calls and state.calls[0][0] <= now - breaker.interval:
            state.calls.popleft()
        failures = sum(bad for _, bad in state.calls)
        enough = breaker.count is not None and failures >= breaker.count
        share = breaker.percentage is not None and failures * 100 >= breaker.percentage * len(state.calls)
        if failed and (enough or share):
            wait = breaker.trip
            if breaker.accept_retry_after and retry_after is not None and retry_after.strip().isdecimal():
                wait = float(retry_after)
            state.open_until = now + wait
            state.calls.clear()

    def _state(self, id: str) -> _State:
        return self._states.setdefault(id.lower(), _State())
