"""The clock: one for all that runs together, so that a test can let an hour pass at once."""

import time
from datetime import UTC, datetime


class Clock:
    """Wall-clock time plus an offset that only ever grows."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time() + self._offset

    def utcnow(self) -> datetime:
        """The same instant as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, for everything that has this clock."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        self._offset += seconds
