"""Counters of calls for each key: sliding windows and fixed periods."""

import math
from collections import deque

from secure_mcp_local.clock import Clock


class Counters:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._spent: dict[str, tuple[float, int]] = {}

    def admit(self, key: str, calls: int, period: float) -> tuple[int, int]:
        """Counts a call in a sliding window.

        Returns 0 if it is within the limit, else the seconds after which another may be; and how many are left.
        """
        now = self._clock.now()
        window = self._calls.setdefault(key, deque())
        while window and window[0] <= now - period:
            window.popleft()
        if len(window) >= calls:
            oldest = window[0] if window else now
            return max(1, math.ceil(oldest + period - now)), 0
        window.append(now)
        return 0, calls - len(window)

    def spend(self, key: str, calls: int, period: float) -> int | None:
        """Counts a call in a period that begins with its first; 0 seconds: one that never ends.

        Returns the seconds until the next period if there are none left in this one.
        """
        now = self._clock.now()
        start, spent = self._spent.get(key, (now, 0))
        if period and start + period <= now:
            start, spent = now, 0
        if spent >= calls:
            return max(0, math.ceil(start + period - now)) if period else 0
        self._spent[key] = (start, spent + 1)
        return None
