"""Request units of a container: what an operation costs, and what happens when a second's are spent."""

from apim_policies.clock import Clock

SERVERLESS = 5000.0
"""Request units a second that a serverless container with one physical partition has.

https://learn.microsoft.com/azure/cosmos-db/serverless-performance
"""
_READ, _WRITE = 1.0, 5.0
"""Request units of a document of 1 KB: a point read, and about as much for each version that is written or taken away.

https://learn.microsoft.com/azure/cosmos-db/request-units
"""


def cost(method: str, size: int) -> float:
    """Request units of an operation by id; `size` is what it writes, in bytes."""
    if method == "GET":
        return _READ
    # A replacement takes the old version away and writes the new one.
    return _WRITE * max(1.0, size / 1024) * (2 if method == "PUT" else 1)


class Throughput:
    """The budget of each second. What comes while there is some left is served, even if it costs more."""

    def __init__(self, clock: Clock, limit: float = SERVERLESS) -> None:
        self._clock = clock
        self.limit = limit
        """Request units a second."""
        self.refused = 0
        """How many requests have been throttled."""
        self._second, self._spent = 0, 0.0

    def take(self, units: float) -> float | None:
        """Spends some; else the seconds until there are some again."""
        now = self._clock.now()
        if int(now) != self._second:
            self._second, self._spent = int(now), 0.0
        if self._spent >= self.limit:
            self.refused += 1
            return self._second + 1 - now
        self._spent += units
        return None
