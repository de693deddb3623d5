from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from secure_mcp_local.recording import Recording, record

ROOT = Path(__file__).parents[2]


@cache
def _recorded(stack: str, config: tuple[tuple[str, str], ...]) -> Recording:
    return record(ROOT, stack, dict(config))


@pytest.fixture(scope="session")
def declared() -> Callable[..., Recording]:
    """What a stack declares with some configuration; each program runs once."""

    def declared(stack: str = "dev", **config: str) -> Recording:
        return _recorded(stack, tuple(sorted(config.items())))

    return declared
