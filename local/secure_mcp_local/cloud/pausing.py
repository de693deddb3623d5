"""Requests wait while an edit is read.

Who saves a file and calls a tool gets what was saved; and reading the edit, which shares one interpreter with answering, is not slowed
down by clients that call all the time.
"""

import asyncio
import contextlib
from types import TracebackType

from starlette.types import ASGIApp, Receive, Scope, Send


class Pause:
    """While its block lasts, requests wait to begin, each for some seconds at most; those that run go on."""

    def __init__(self, longest: float = 2.0) -> None:
        """`longest`: seconds that a request waits, because a program may take its time."""
        self.longest = longest
        self._over = asyncio.Event()
        self._over.set()

    @property
    def lasts(self) -> bool:
        """Whether requests wait."""
        return not self._over.is_set()

    def __enter__(self) -> None:
        self._over.clear()

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def before(self, app: ASGIApp) -> ASGIApp:
        """An app whose requests wait."""

        async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
            if self.lasts:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), self.longest)
            await app(scope, receive, send)

        return waiting
