"""The client's side of one exchange: its body, piece by piece, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import Any

from starlette.types import Receive

from apim_policies.expressions import CSharpException
from apim_policies.expressions.context import Body

BUFFERED = 2 * 1024 * 1024
"""Bytes of a message that the v2 tiers hold in memory at most."""

_AHEAD = 16
"""Pieces of a body that are read before somebody wants them."""

_QUICK = 0.02
"""Seconds that work goes on before anybody looks whether the client is still there: most of it is done by then."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class LargeBody(Body):
    """More than can be held in memory: reading it in an expression fails, passing it on does not."""

    def __init__(self) -> None:
        self.consumed = False
        self.attempted = False

    @property
    def content(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Never there.

        Raises:
            CSharpException: always.
        """
        self.attempted = True
        raise CSharpException("System.InvalidOperationException", f"The message body is larger than {BUFFERED} bytes.")


class Incoming:
    """Reads what the client sends; while there is work, ahead of whoever wants it, so that it is seen when the client leaves."""

    def __init__(self, receive: Receive, *, has_body: bool) -> None:
        self._receive = receive
        self._has_body = has_body
        self._queue: asyncio.Queue[bytes | ClientGone | None]
        """What the reader has read."""
        self._left = False
        self._ended = False
        """Whether the last piece that came was the body's last."""
        self._worker: asyncio.Task[Any] | None = None
        """The task to cancel when the client leaves."""
        self._reader: asyncio.Task[None] | None = None
        self._start_soon: asyncio.TimerHandle | None = None
        self._kept: list[bytes] = []
        self._complete = not has_body

    async def body(self) -> Body | None:
        """The body, held in memory; None if there is none.

        Raises:
            ClientGone: the client left in the middle of it.
        """
        if not self._has_body:
            return None
        size = 0
        while (piece := await self._piece()) is not None:
            self._kept.append(piece)
            size += len(piece)
            if size > BUFFERED:
                return LargeBody()
        content, self._kept = b"".join(self._kept), []
        return Body(content)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, with what `body` has read of it."""
        while self._kept:
            yield self._kept.pop(0)
        while (piece := await self._piece()) is not None:
            yield piece

    @property
    def streamable(self) -> bool:
        """Whether there is anything to stream."""
        return bool(self._kept) or not self._complete

    @contextmanager
    def attended(self) -> Generator[None]:
        """Work that is cancelled if the client goes away: the block is left at its next `await`.

        Raises:
            ClientGone: it did, before or meanwhile.
        """
        self._watch()
        if self._left:
            raise ClientGone
        task = asyncio.current_task()
        assert task is not None
        # Others may cancel the task, too: only our own cancellation ends here, as with asyncio.timeout.
        before, self._worker = task.cancelling(), task
        try:
            yield
        except asyncio.CancelledError:
            if self._left and task.uncancel() <= before:
                raise ClientGone from None
            raise
        finally:
            self._worker = None

    async def close(self) -> None:
        """Reads no more."""
        if self._start_soon is not None:
            self._start_soon.cancel()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})

    def _watch(self) -> None:
        """Sees to it that there is a reader: soon, if all that can come is that the client leaves."""
        if self._reader is not None:
            return
        if not self._complete:
            self._start()
        elif self._start_soon is None:
            self._start_soon = asyncio.get_running_loop().call_later(_QUICK, self._start)

    def _start(self) -> None:
        self._queue = asyncio.Queue(_AHEAD)
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while not isinstance(item := await self._next(), ClientGone):
            await self._queue.put(item)
        if self._worker is not None:
            self._worker.cancel()
        await self._queue.put(item)

    async def _next(self) -> bytes | ClientGone | None:
        """A piece of the body, None at its end, or that the client has left."""
        if self._ended:
            self._ended = False
            return None
        message = await self._receive()
        if message["type"] != "http.request":
            self._left = True
            return ClientGone()
        self._ended = bool(message.get("body")) and not message.get("more_body")
        return message.get("body", b"") if message.get("body") or message.get("more_body") else None

    async def _piece(self) -> bytes | None:
        """The next piece of the body, None at its end."""
        if self._complete:
            return None
        # Before there is any work, without the reader: it would take two turns of the event loop.
        piece = await (self._next() if self._reader is None else self._queue.get())
        if isinstance(piece, ClientGone):
            raise piece
        self._complete = piece is None
        return piece
