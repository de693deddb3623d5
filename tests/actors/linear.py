"""Whether work grows with what it reads and no faster, by the processor time of this process.

A limit in seconds would fail on a slow machine and pass a slow reader on a fast one. What it costs is measured in docs/performance.md.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")

TIMES = 8
"""How many times larger the larger text is."""
_SLACK = 2.5
"""What is linear may take so many times longer than by its size: allocation, caches. What is quadratic takes TIMES times longer."""
_LEAST = 0.02
"""Seconds. Less is noise."""
_RUNS = 4


async def assert_linear(work: Callable[[str], Awaitable[Answer]], small: str, large: str) -> tuple[Answer, Answer]:
    """The answers to a text and to one that is `TIMES` times as long, the second of which took about so many times longer.

    The best of some runs counts: a busy machine makes single ones slow.
    """
    least, most = float("inf"), float("inf")
    for _ in range(_RUNS):
        took, first = await _timed(work, small)
        least = min(least, took)
        took, second = await _timed(work, large)
        most = min(most, took)
        if most <= _SLACK * TIMES * max(least, _LEAST):
            return first, second
    raise AssertionError(f"{len(large)} characters take {most:.3f} s, {len(small)} take {least:.3f} s: not linear")


async def _timed(work: Callable[[str], Awaitable[Answer]], text: str) -> tuple[float, Answer]:
    start = time.process_time()
    answer = await work(text)
    return time.process_time() - start, answer
