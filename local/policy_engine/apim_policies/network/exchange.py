"""One HTTP exchange with an in-process ASGI app: bodies stream both ways, and leaving early ends it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message, Scope

from apim_policies.network.messages import Answer, Outgoing

_log = logging.getLogger(__name__)


class ResponseStream(httpx.AsyncByteStream):
    """The body that an app sends, chunk by chunk; closing it cancels the app."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._exchange.next_chunk()) is not None:
            yield chunk

    async def aclose(self) -> None:
        """End the exchange; the app learns it as a disconnected client."""
        await self._exchange.end()


class _Whole:
    """A body that is there: no generator, which the event loop would have to end for every app that does not read on to its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __anext__(self) -> bytes:
        content, self._content = self._content, b""
        if not content:
            raise StopAsyncIteration
        return content


class Exchange:
    """Runs an ASGI app for one request.

    As with a real server, an app that has sent its whole answer may go on with work in the background.
    """

    def __init__(self, app: ASGIApp, request: Outgoing) -> None:
        self._app = app
        self._request = request
        self._patience = request.patience
        self._head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        # One chunk at a time: an app cannot run ahead of its reader.
        self._chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(maxsize=1)
        self._upload = _Whole(request.content) if isinstance(request.content, bytes) else aiter(request.content)
        self._uploaded = False
        self._gone = asyncio.Event()
        self._complete = False
        self._finished = False
        self._task = asyncio.create_task(self._run(), name=f"{request.method} {request.url.host}")

    async def answer(self) -> Answer:
        """The answer, as soon as its head is there.

        Raises:
            httpx.ReadTimeout: the app has not begun to answer in time. Its work is cancelled.
        """
        try:
            async with asyncio.timeout(self._patience.head):
                status, headers = await self._head
        except TimeoutError:
            await self.end()
            message = f"no answer from {self._request.url.host} within {self._patience.head} s"
            raise httpx.ReadTimeout(message) from None
        except BaseException:
            await self.end()
            raise
        return Answer(status, httpx.codes.get_reason_phrase(status), headers, ResponseStream(self))

    async def next_chunk(self) -> bytes | None:
        """The next piece of the body, or None at its end.

        Raises:
            httpx.ReadTimeout: the app was silent for longer than the caller's patience.
            httpx.RemoteProtocolError: the app failed in the middle of its answer.
        """
        if self._finished:
            return None
        try:
            async with asyncio.timeout(self._patience.chunk):
                chunk = await self._chunks.get()
        except TimeoutError:
            message = f"{self._request.url.host} was silent for {self._patience.chunk} s"
            raise httpx.ReadTimeout(message) from None
        if isinstance(chunk, Exception):
            self._finished = True
            raise chunk
        if chunk is None:
            self._finished = True
        return chunk

    async def end(self) -> None:
        """Disconnect: cancels the app unless it has already answered completely."""
        self._gone.set()
        if not self._task.done() and not self._complete:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _scope(self) -> Scope:
        url = self._request.url
        path, _, query = url.raw_path.partition(b"?")
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in self._request.headers],
            "client": ("127.0.0.1", 0),
            "server": (url.host, port),
        }

    async def _receive(self) -> Message:
        if not self._uploaded:
            try:
                while not (chunk := await anext(self._upload)):
                    pass
            except StopAsyncIteration:
                self._uploaded = True
                return {"type": "http.request", "body": b"", "more_body": False}
            except Exception as error:  # the caller's own failure: it is the caller who must hear of it
                self._uploaded = True
                self._fail(error)
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": True}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            return  # as a real server: nobody listens any more
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = [(bytes(k), bytes(v)) for k, v in message.get("headers", [])]
            self._head.set_result((message["status"], headers))
        elif message["type"] == "http.response.body":
            if self._complete:
                raise RuntimeError("the app sent more body after the end of its body")
            if (body := message.get("body", b"")) and self._request.method != "HEAD":
                await self._chunks.put(bytes(body))
            if not message.get("more_body", False):
                await self._chunks.put(None)
                self._complete = True
        else:
            raise RuntimeError(f"the app sent an unexpected ASGI message {message['type']!r}")

    async def _run(self) -> None:
        app: Any = self._app
        failure = "the app ended without an answer"
        try:
            await app(self._scope(), self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception:
            failure = "the app failed"
            _log.exception("%s %s: the app failed", self._request.method, self._request.url.host)
        if self._complete:
            return
        if not self._head.done():
            # What a server does with an app that fails: nothing of it may reach the client.
            self._head.set_result((500, [(b"content-length", b"0")]))
            await self._chunks.put(None)
        else:
            self._fail(httpx.RemoteProtocolError(f"{self._request.url.host}: {failure} in the middle of its answer"))

    def _fail(self, error: Exception) -> None:
        if not self._head.done():
            self._head.set_exception(error)
            return
        if self._chunks.full():  # an unread chunk: the reader gets it first, then learns of the failure
            self._task.get_loop().create_task(self._chunks.put(error))
        else:
            self._chunks.put_nowait(error)
