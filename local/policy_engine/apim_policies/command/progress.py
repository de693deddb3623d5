"""A sign of life on standard error while something takes long."""

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def working(message: str) -> Generator[None]:
    """A spinner on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415  (takes longer to import than most commands in a pipe run)

    with Console(stderr=True).status(message + " ..."):
        yield
