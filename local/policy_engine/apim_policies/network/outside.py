"""Servers on this machine that are not part of the local cloud, such as the one of `--backend`."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from apim_policies.network.messages import Answer, Outgoing

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

    async def answer(self, request: Outgoing, base: httpx.URL) -> Answer:
        """The answer of the server at `base` as soon as its head is there; its path goes before the request's.

        Raises:
            httpx.TransportError: there is none, or not in time.
        """
        origin = f"{base.scheme}://{base.netloc.decode('ascii')}"
        path = base.raw_path.rstrip(b"/") + request.url.raw_path
        upload, patience = _Upload(request.content), request.patience
        try:
            async with asyncio.timeout(patience.head):
                response = await self._session.request(
                    request.method,
                    # As it was sent: nothing is quoted again.
                    URL(origin + path.decode("ascii"), encoded=True),
                    headers=CIMultiDict(
                        (name.decode("ascii"), _text(value))
                        for name, value in request.headers
                        if name.lower() not in _OWN
                    ),
                    data=upload.content,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_read=patience.chunk),
                )
        except TimeoutError:
            message = f"no answer from {request.url.host} within {patience.head} s"
            raise httpx.ReadTimeout(message) from None
        except (aiohttp.ClientError, OSError) as error:
            if upload.failure is not None:
                # Whoever sends the body has to hear of its own failure.
                raise upload.failure from None
            raise _translated(error) from error
        reason = (response.reason or "").encode("ascii", "ignore").decode()
        return Answer(response.status, reason, response.raw_headers, _Download(response, request.url.host))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()


class _Upload:
    """A request's body for aiohttp, which wraps what goes wrong while it is read."""

    def __init__(self, content: bytes | AsyncIterable[bytes]) -> None:
        self.failure: Exception | None = None
        self.content = (content or None) if isinstance(content, bytes) else self._pieces(content)

    async def _pieces(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in stream:
                yield piece
        except Exception as error:
            self.failure = error
            raise


class _Download(httpx.AsyncByteStream):
    """An answer's body as it comes. Closing it early closes the connection, so that the server knows."""

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response, self._host = response, host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except TimeoutError:
            raise httpx.ReadTimeout(f"{self._host} was silent") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        self._response.close()


def _text(value: bytes) -> str:
    """A header's value for aiohttp, which writes UTF-8: what is none becomes it."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _translated(error: Exception) -> httpx.TransportError:
    """aiohttp's exception as httpx's."""
    match error:
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(str(error))
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(str(error))
        case _:
            return httpx.ReadError(str(error))
