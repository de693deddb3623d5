"""Requests and answers between the services of the local cloud, as they are on the wire."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass

import httpx

RawHeaders = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits, in seconds; None waits for ever."""

    head: float | None
    """For the answer's status and headers."""
    chunk: float | None
    """For each piece of its body."""

    @classmethod
    def of(cls, request: httpx.Request) -> "Patience":
        """What a request says: httpx's read timeout, and perhaps another limit for the head only.

        A gateway bounds the wait for the head only: `extensions={"head_timeout": 240}`.
        """
        read: float | None = request.extensions.get("timeout", {}).get("read")
        return cls(request.extensions.get("head_timeout", read), read)


@dataclass(slots=True)
class Outgoing:
    """A request with all its headers. httpx's own takes five times as long to make."""

    method: str
    url: httpx.URL
    headers: RawHeaders
    content: bytes | AsyncIterable[bytes]
    patience: Patience

    @classmethod
    def of(cls, request: httpx.Request) -> "Outgoing":
        """A request of httpx, with the headers that it has added."""
        stream = request.stream
        if isinstance(stream, httpx.ByteStream):
            content = b"".join(stream)
        else:
            assert isinstance(stream, httpx.AsyncByteStream)
            content = stream
        return cls(request.method, request.url, request.headers.raw, content, Patience.of(request))


@dataclass(slots=True)
class Answer:
    """An answer whose head is there."""

    status: int
    reason: str
    headers: RawHeaders
    stream: httpx.AsyncByteStream
    """Its body as it comes, to be closed by whoever has it."""
