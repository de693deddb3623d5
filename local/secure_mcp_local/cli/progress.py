"""A sign of life on standard error while something takes long."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def working(message: str) -> Generator[None]:
    """A spinner on a terminal; nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(message + " ..."):
        yield
