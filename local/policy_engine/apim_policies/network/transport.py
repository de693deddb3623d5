"""Host names and how to reach them: an app in this process, or another address on this machine."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx
from starlette.types import ASGIApp

from apim_policies.errors import ExplainedError
from apim_policies.network.exchange import Exchange
from apim_policies.network.faults import Fault, Faults
from apim_policies.network.messages import Answer, Outgoing, Patience

if TYPE_CHECKING:
    from apim_policies.network.outside import Outside

_FOREVER = 3600.0
"""Seconds that a caller without a read timeout waits for an answer that will never come."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class _Route:
    kind: str | None
    app: ASGIApp | None = None
    base_url: httpx.URL | None = None


class Network(httpx.AsyncBaseTransport):
    """All that the services of the local cloud can reach. Other hosts are refused: nothing goes out.

    Requests are answered as over a socket: bodies stream both ways, httpx's read timeout bounds the wait for
    the answer's head and for each chunk (see `Patience`), and closing a response cancels the app behind it.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._routes: dict[str, _Route] = {}
        self._outside: Outside | None = None

    def serve(self, host: str, app: ASGIApp, kind: str | None = None) -> None:
        """Let `app` answer at `https://{host}`; at `http://localhost:{port}` if host is `localhost:{port}`.

        `kind` says which faults apply. Serving a name again replaces what answered there.
        """
        self._add(host, _Route(kind, app=app))

    def forward(self, host: str, base_url: str, kind: str | None = None) -> None:
        """Let another server on this machine answer for `host`, under its own path and Host header.

        Raises:
            ExplainedError: base_url is not a loopback address.
        """
        url = httpx.URL(base_url)
        if url.scheme not in {"http", "https"} or not is_loopback(url.host):
            raise ExplainedError(
                f"{base_url!r} is not an address of this machine; use something like http://localhost:3000"
            )
        self._add(host, _Route(kind, base_url=url))

    @property
    def hosts(self) -> list[str]:
        """Every name that can be reached."""
        return list(self._routes)

    def client(self) -> httpx.AsyncClient:
        """A client that sees this network and nothing else. Closing it leaves the network open."""
        return httpx.AsyncClient(
            transport=_Door(self), trust_env=False, follow_redirects=False, timeout=httpx.Timeout(None)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As `send`, for clients of httpx."""
        answer = await self.send(Outgoing.of(request))
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=answer.stream,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason.encode("ascii")},
            request=request,
        )

    async def send(self, request: Outgoing) -> Answer:
        """Send one request and return its answer as soon as the head is there.

        Raises:
            httpx.ConnectError: the stack has no such host, or a fault refuses the connection.
            httpx.ReadTimeout: no answer in time.
        """
        route = self._route(request)
        drop = False
        for fault in self.faults.of(route.kind):
            drop = drop or fault.drop
            if (answer := await self._suffer(fault, route, request)) is not None:
                return answer
        answer = await self._answer(route, request)
        if drop:
            answer.stream = _Dropped(answer.stream)
        return answer

    async def aclose(self) -> None:
        """Close the connections to forwarded addresses."""
        if self._outside is not None:
            await self._outside.aclose()
            self._outside = None

    def _add(self, host: str, route: _Route) -> None:
        if host != host.lower() or "/" in host:
            raise ExplainedError(f"{host!r} is not a lower-case host name without scheme and path")
        self._routes[_canonical(host)] = route

    def _route(self, request: Outgoing) -> _Route:
        url = request.url
        netloc = url.netloc.decode("ascii").lower()
        # A host without a port is one of Azure's, which all speak https only.
        route = self._routes.get(_canonical(netloc)) if url.port is not None or url.scheme == "https" else None
        if route is None:
            known = ", ".join(self._routes) or "none"
            shown = netloc if url.scheme == "https" else f"http://{netloc}"
            raise httpx.ConnectError(f"{shown} is not a host of this stack (its hosts: {known})")
        return route

    async def _answer(self, route: _Route, request: Outgoing) -> Answer:
        if route.app is not None:
            return await Exchange(route.app, request).answer()
        assert route.base_url is not None
        if self._outside is None:
            from apim_policies.network.outside import Outside  # noqa: PLC0415  (few stacks need it)

            self._outside = Outside()
        return await self._outside.answer(request, route.base_url)

    async def _suffer(self, fault: Fault, route: _Route, request: Outgoing) -> Answer | None:
        """What a fault does to a request: an answer of its own, an exception, or None to go on."""
        if fault.refuse:
            raise httpx.ConnectError(f"connection to {request.url.host} refused ({fault.name})")
        if fault.delay:
            await self._wait(fault.delay, fault, request)
        if fault.lose_answer:
            answer = await self._answer(route, replace(request, patience=Patience(None, None)))
            async for _ in answer.stream:
                pass
            await answer.stream.aclose()
            await self._wait(_FOREVER, fault, request)
            raise httpx.ReadError(f"the answer of {request.url.host} was lost ({fault.name})")
        if fault.status:
            content = fault.body.encode()
            headers = [*fault.headers, ("content-length", str(len(content)))]
            return Answer(
                fault.status,
                httpx.codes.get_reason_phrase(fault.status),
                [(name.encode(), value.encode()) for name, value in headers],
                httpx.ByteStream(content),
            )
        return None

    async def _wait(self, delay: float, fault: Fault, request: Outgoing) -> None:
        patience = request.patience.head
        if patience is None:
            # The caller may have a limit that only a real clock can reach.
            await asyncio.sleep(delay)
            return
        await asyncio.sleep(min(delay, patience) * self.faults.time_scale)
        if delay > patience:
            message = f"no answer from {request.url.host} within {patience} s ({fault.name})"
            raise httpx.ReadTimeout(message)


class _Door(httpx.AsyncBaseTransport):
    """One client's way into a network that several clients share."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._network.handle_async_request(request)


class _Dropped(httpx.AsyncByteStream):
    """Half of the first chunk, then the connection is gone."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk[: len(chunk) // 2]
            break
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body (functions-drop)")

    async def aclose(self) -> None:
        await self._stream.aclose()


def _canonical(netloc: str) -> str:
    """The name to look up: every loopback name with the same port is the same place."""
    host, colon, port = netloc.rpartition(":")
    if colon and port.isdigit():
        return f"localhost:{port}" if is_loopback(host) else netloc
    return netloc
