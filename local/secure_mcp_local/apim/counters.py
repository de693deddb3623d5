"""Counters of calls for each key: sliding windows and fixed periods."""

import math
from collections import deque

from secure_mcp_local.clock import Clock


class Counters:
    """What limits and quotas have counted so far.

    Asking and counting are two steps: some requests are counted only when their answer is known, or not at all.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, deque[tuple[float, int]]] = {}
        self._periods: dict[str, tuple[int, int]] = {}

    def left(self, key: str, calls: int, period: float) -> tuple[int, int]:
        """How many calls the sliding window has left, and seconds until it has another if it has none."""
        now = self._clock.now()
        window = self._windows.setdefault(key, deque())
        while window and window[0][0] <= now - period:
            window.popleft()
        left = calls - sum(count for _, count in window)
        if left > 0:
            return left, 0
        oldest = window[0][0] if window else now
        return 0, max(1, math.ceil(oldest + period - now))

    def count(self, key: str, calls: int) -> None:
        """Counts in the sliding window."""
        self._windows.setdefault(key, deque()).append((self._clock.now(), calls))

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
