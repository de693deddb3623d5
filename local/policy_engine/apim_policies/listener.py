"""Loopback ports and the servers behind them."""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from apim_policies.errors import ExplainedError

_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def bind(port: int) -> tuple[int, list[socket.socket]]:
    """Sockets on the loopback addresses that `localhost` can mean, IPv6 only where the machine has it.

    Args:
        port: The port, or 0 for a free one.

    Raises:
        ExplainedError: the port is taken.
    """
    for _ in range(20):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for family, address in _LOOPBACK:
                try:
                    # Named, or asyncio does not take it for TCP and an answer's body waits 40 ms for the client's acknowledgement.
                    candidate = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
                except OSError:
                    continue
                _claim(candidate)
                try:
                    candidate.bind((address, chosen))
                except OSError as error:
                    candidate.close()
                    if error.errno == errno.EADDRNOTAVAIL and family == socket.AF_INET6:
                        continue
                    raise
                candidate.listen(128)
                chosen = candidate.getsockname()[1]
                sockets.append(candidate)
        except OSError as error:
            for opened in sockets:
                opened.close()
            if port == 0 and error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue  # free for IPv4, taken for IPv6: another one
            raise ExplainedError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None
        return chosen, sockets
    raise ExplainedError("no free port found")


def _claim(candidate: socket.socket) -> None:
    """Nobody else listens there as long as we do; what of earlier connections lingers is no obstacle.

    On Windows SO_REUSEADDR lets two programs have the same port, and says so to neither:
    https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse
    """
    if sys.platform == "win32":
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


class Listener:
    """One app on one port, as long as the block lasts."""

    def __init__(
        self, app: ASGIApp, sockets: list[socket.socket], certificate: tuple[Path, Path] | None = None
    ) -> None:
        """`certificate`: files of a certificate and its key, for TLS."""
        self._server = _Server(
            uvicorn.Config(
                app,
                ws="none",
                # Or uvicorn takes httptools where something else has installed it, which lets requests without a host through, or with two.
                http=H11Protocol,
                log_config=None,
                access_log=False,
                interface="asgi3",
                proxy_headers=False,
                lifespan="off",
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=1,
                ssl_certfile=str(certificate[0]) if certificate else None,
                ssl_keyfile=str(certificate[1]) if certificate else None,
            )
        )
        self._sockets = sockets
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Listener":
        self._task = asyncio.create_task(self._server.serve(self._sockets))
        while not self._server.started:
            if self._task.done():
                await self._task
            # A few turns of the event loop: the sockets are bound.
            await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the local cloud."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
