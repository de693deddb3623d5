"""An HTTP proxy that opens tunnels: code that speaks TLS with names of Azure gets to servers on this machine."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

_HEAD = 16384
"""Bytes that the head of a CONNECT request may have."""

Way = Callable[[str], tuple[str, int]]
"""Where a host name (in lower case, port 443) leads to: address and port. Raises NoWay."""


class NoWay(Exception):
    """Nothing is reached under a host name: why."""


class Proxy:
    """A proxy on a free port of this machine; use as an asynchronous context manager."""

    url: str
    """Its address."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0, limit=_HEAD)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, *_ = [*head.split("\r\n", 1)[0].split(" "), "", ""]
            host, _, port = target.rpartition(":")
            try:
                if method != "CONNECT" or port != "443":
                    raise NoWay(f"{target} is not HTTPS")
                address = self._way(host.lower())
                there_reader, there_writer = await asyncio.open_connection(*address)
            except (NoWay, OSError) as error:
                body = f"{error}\n".encode()
                writer.write(b"HTTP/1.1 502 Not a host of this stack\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                return
            try:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
            finally:
                there_writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    with suppress(OSError):
        if target.can_write_eof():
            target.write_eof()
