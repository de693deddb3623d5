"""Counters of `rate-limit-by-key`: a sliding window for each key."""

import math
from collections import deque

from secure_mcp_local.clock import Clock


class Counters:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}

    def admit(self, key: str, calls: int, period: float) -> int:
        """Counts a call. Returns 0 if it is within the limit, else the seconds after which another may be."""
        now = self._clock.now()
        window = self._calls.setdefault(key, deque())
        while window and window[0] <= now - period:
            window.popleft()
        if len(window) >= calls:
            oldest = window[0] if window else now
            return max(1, math.ceil(oldest + period - now))
        window.append(now)
        return 0
