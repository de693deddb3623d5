"""Memory of a command, which mostly ends soon: what it has made goes with its process."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Nothing looks for cycles meanwhile, nor when the process ends: the SDK's modules are a million objects, and among the syntax
    trees of a whole stack it frees nothing. Together that is a fifth of the time of `secure-mcp plan`."""
    gc.disable()
    try:
        yield
    finally:
        # Python looks a last time when it ends, but not among what is frozen.
        gc.freeze()


def collected() -> None:
    """From now on garbage is looked for, because the command goes on: not among what is there already, which stays."""
    gc.freeze()
    gc.enable()
