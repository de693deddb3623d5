"""Work that ends when the engine is told to end: with the first Ctrl-C, and not when it would have been done.

The engine waits for a hook that runs. A program learns of Ctrl-C by a signal from its language host, which ends it; a component
provider lives on and is told by a call.
https://github.com/pulumi/pulumi/pull/22397, https://github.com/pulumi/pulumi/pull/22588
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK = 0.2
"""Seconds between two looks at whether it was told."""
_told = threading.Event()


class Interrupted(Exception):
    """The engine was told to end."""


def interrupt() -> None:
    """Tells all that waits here, from now on."""
    _told.set()


async def unless_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """What comes of some work.

    Raises:
        Interrupted: the engine was told to end before; the work is cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if _told.is_set():
                raise Interrupted("it was interrupted; the next pulumi up goes on from here")
            await asyncio.wait({task}, timeout=_LOOK)
        return task.result()
    finally:
        task.cancel()


async def in_thread(work: Callable[[], T]) -> T:
    """What comes of work that blocks. Its thread keeps no interrupted program from ending, as those of the event loop would."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # pyright: ignore[reportArgumentType]  (it is what the work gave)

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # whoever waits gets it
            failure = error
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="secure-mcp", daemon=True).start()
    return await future
