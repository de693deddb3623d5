"""Time for who waits: none passes meanwhile."""


class Clock:
    """Time that passes by waiting."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
