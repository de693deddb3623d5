"""Time for who waits: none passes meanwhile."""


class Clock:
    """Time that passes by waiting."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.waits.append(seconds)
        self.time += seconds
