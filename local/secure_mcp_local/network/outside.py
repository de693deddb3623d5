"""Servers on this machine that are not part of the local cloud, such as the one of `--backend`."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from secure_mcp_local.network.exchange import Patience

_LINE = 64 * 1024
"""Bytes of a header at most."""
_OWN = frozenset({b"host", b"transfer-encoding", b"expect"})
"""Headers that are of one connection, which aiohttp writes itself."""
_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add to a request without them."""


class Outside:
    """Sends requests on as they are: through aiohttp, which takes a third of the time that httpx needs."""

    def __init__(self) -> None:
        """To be made while an event loop runs."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_ADDED,
            max_line_size=_LINE,
            max_field_size=_LINE,
        )

    async def answer(self, request: httpx.Request, base: httpx.URL, patience: Patience) -> httpx.Response:
        """The answer of the server at `base` as soon as its head is there; its path goes before the request's.

        Raises:
            httpx.TransportError: there is none, or not in time.
        """
        origin = f"{base.scheme}://{base.netloc.decode('ascii')}"
        path = base.raw_path.rstrip(b"/") + request.url.raw_path
        upload = _Upload(request)
        try:
            async with asyncio.timeout(patience.head):
                response = await self._session.request(
                    request.method,
                    # As it was sent: nothing is quoted again.
                    URL(origin + path.decode("ascii"), encoded=True),
                    headers=CIMultiDict(
                        (name.decode("ascii"), _text(value))
                        for name, value in request.headers.raw
                        if name.lower() not in _OWN
                    ),
                    data=upload.content,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_read=patience.chunk),
                )
        except TimeoutError:
            message = f"no answer from {request.url.host} within {patience.head} s"
            raise httpx.ReadTimeout(message, request=request) from None
        except (aiohttp.ClientError, OSError) as error:
            if upload.failure is not None:
                # Whoever sends the body has to hear of its own failure.
                raise upload.failure from None
            raise _translated(error, request) from error
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Download(response, request),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": (response.reason or "").encode("latin-1")},
            request=request,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()


class _Upload:
    """A request's body for aiohttp, which wraps what goes wrong while it is read."""

    def __init__(self, request: httpx.Request) -> None:
        self.failure: Exception | None = None
        self.content: bytes | AsyncIterator[bytes] | None
        if isinstance(request.stream, httpx.ByteStream):
            self.content = b"".join(request.stream) or None
        else:
            assert isinstance(request.stream, httpx.AsyncByteStream)
            self.content = self._pieces(request.stream)

    async def _pieces(self, stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
        try:
            async for piece in stream:
                yield piece
        except Exception as error:
            self.failure = error
            raise


class _Download(httpx.AsyncByteStream):
    """An answer's body as it comes. Closing it early closes the connection, so that the server knows."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._response, self._request = response, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except TimeoutError:
            raise httpx.ReadTimeout(f"{self._request.url.host} was silent", request=self._request) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, self._request) from error

    async def aclose(self) -> None:
        self._response.close()


def _text(value: bytes) -> str:
    """A header's value for aiohttp, which writes UTF-8: what is none becomes it."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _translated(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """aiohttp's exception as httpx's."""
    match error:
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(str(error), request=request)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(str(error), request=request)
        case _:
            return httpx.ReadError(str(error), request=request)
