"""The client's side of one exchange: its body, piece by piece, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from starlette.types import Receive

from secure_mcp_local.expressions import CSharpException
from secure_mcp_local.expressions.context import Body

Result = TypeVar("Result")

BUFFERED = 2 * 1024 * 1024
"""Bytes of a message that the v2 tiers hold in memory at most."""


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
    """Reads what the client sends. Only one reader at a time: the body first, then whether it leaves."""

    def __init__(self, receive: Receive, *, has_body: bool) -> None:
        self._receive = receive
        self._has_body = has_body
        self._complete = asyncio.Event()
        if not has_body:
            self._complete.set()
        self._read: list[bytes] = []

    async def body(self) -> Body | None:
        """The body, held in memory; None if there is none."""
        if not self._has_body:
            return None
        size = 0
        async for piece in self._pieces():
            self._read.append(piece)
            size += len(piece)
            if size > BUFFERED:
                return LargeBody()
        content, self._read = b"".join(self._read), []
        return Body(content)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, with what `body` has read of it."""
        while self._read:
            yield self._read.pop(0)
        async for piece in self._pieces():
            yield piece

    @property
    def streamable(self) -> bool:
        """Whether there is anything to stream."""
        return self._has_body and (bool(self._read) or not self._complete.is_set())

    async def unless_gone(self, work: Awaitable[Result]) -> Result:
        """The result of some work, which is cancelled if the client goes away.

        Raises:
            ClientGone: it did.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ClientGone
        finally:
            for pending in (task, gone):
                pending.cancel()
            await asyncio.wait({task, gone})

    async def _gone(self) -> None:
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _pieces(self) -> AsyncIterator[bytes]:
        while not self._complete.is_set():
            message = await self._receive()
            if message["type"] != "http.request":
                self._complete.set()
                raise ClientGone
            if not message.get("more_body"):
                self._complete.set()
            if message.get("body"):
                yield message["body"]
