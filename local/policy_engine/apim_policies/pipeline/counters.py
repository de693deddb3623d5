"""Counters of calls for each key: sliding windows and fixed periods."""

import math
from collections import deque
from dataclasses import dataclass, field

from apim_policies.clock import Clock


@dataclass
class _Window:
    counted: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    """When and how many, oldest first."""
    total: int = 0
    """How many altogether: a busy minute is not added up again at each call."""

    def add(self, now: float, calls: int) -> None:
        self.counted.append((now, calls))
        self.total += calls

    def forget(self, until: float) -> None:
        """Drops what was counted at `until` or before."""
        while self.counted and self.counted[0][0] <= until:
            self.total -= self.counted.popleft()[1]


class Counters:
    """What limits and quotas have counted so far.

    Asking and counting are two steps: some requests are counted only when their answer is known, or not at all.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._periods: dict[str, tuple[int, int]] = {}

    def left(self, key: str, calls: int, period: float) -> tuple[int, int]:
        """How many calls the sliding window has left, and seconds until it has another if it has none."""
        now = self._clock.now()
        window = self._windows.setdefault(key, _Window())
        window.forget(now - period)
        left = calls - window.total
        if left > 0:
            return left, 0
        oldest = window.counted[0][0] if window.counted else now
        return 0, max(1, math.ceil(oldest + period - now))

    def count(self, key: str, calls: int) -> None:
        """Counts in the sliding window."""
        self._windows.setdefault(key, _Window()).add(self._clock.now(), calls)

    def spent(self, key: str, period: int, start: float) -> tuple[int, int]:
        """What is spent of the period that began some whole periods after `start`, and seconds until the next.

        A period of 0 never ends.
        """
        now = self._clock.now()
        number = math.floor((now - start) / period) if period else 0
        counted_in, spent = self._periods.get(key, (number, 0))
        wait = max(1, math.ceil(start + (number + 1) * period - now)) if period else 0
        return (spent if counted_in == number else 0), wait

    def spend(self, key: str, calls: int, period: int, start: float) -> None:
        """Counts in the period."""
        number = math.floor((self._clock.now() - start) / period) if period else 0
        spent, _ = self.spent(key, period, start)
        self._periods[key] = (number, spent + calls)
