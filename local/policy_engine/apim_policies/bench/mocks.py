"""Whom policies call in a test: answers that it gives, and what was asked."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from apim_policies.network import Network
from apim_policies.network.messages import Answer, Outgoing


@dataclass(frozen=True)
class Recorded:
    """A request that policies sent."""

    method: str
    url: str
    headers: httpx.Headers
    content: bytes

    def json(self) -> Any:
        """Its body as JSON."""
        return json.loads(self.content)

    @property
    def text(self) -> str:
        """The body, read as UTF-8; what is none is replaced."""
        return self.content.decode("utf-8", "replace")


@dataclass
class Mock:
    """An answer to requests of an address.

    Args:
        url: The address without its query, with `*` for any text: `https://backend.example/*`.
        method: Only for requests with it; empty: for all.
        times: How often it answers; None: always. After that the next mock of the address does.
    """

    url: str
    method: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    times: int | None = None
    error: str = ""
    """`timeout` or `refused`: there is no answer."""
    answer: Callable[[Recorded], httpx.Response] | None = None
    """What answers instead."""
    calls: list[Recorded] = field(default_factory=list[Recorded])

    def fits(self, method: str, url: str) -> bool:
        """Whether it is for a request."""
        pattern = ".*".join(map(re.escape, self.url.split("*")))
        left = self.times is None or len(self.calls) < self.times
        # An address without a path is that of its root.
        bare = url.partition("?")[0]
        fits = any(re.fullmatch(pattern, one) for one in (bare, bare + "/"))
        return left and self.method.upper() in {"", method} and fits


def mock_of(
    url: str,
    *,
    method: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    text: str | None = None,
    content: bytes | None = None,
    times: int | None = None,
    error: str = "",
    answer: Callable[[Recorded], httpx.Response] | None = None,
) -> Mock:
    """A mock whose body is given as JSON, text or bytes."""
    given = dict(headers or {})
    body = content if content is not None else (text or "").encode()
    if json is not None:
        body = _json(json)
        given.setdefault("Content-Type", "application/json")
    elif text is not None:
        given.setdefault("Content-Type", "text/plain")
    return Mock(url, method, status, given, body, times, error, answer)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class Mocks(Network):
    """A network of mocks, later ones before earlier ones. Nothing goes out."""

    def __init__(self) -> None:
        super().__init__()
        self._mocks: list[Mock] = []
        self.passing: set[str] = set()
        """Hosts that are served, whatever the mocks say."""
        self.calls: list[Recorded] = []
        """Everything that was sent, mocked or not."""

    def add(self, mock: Mock) -> Mock:
        """One more."""
        self._mocks.insert(0, mock)
        return mock

    async def send(self, request: Outgoing) -> Answer:
        """Answers by the first mock that fits, or by what is served under the name.

        Raises:
            httpx.ConnectError: nobody answers.
        """
        content = request.content
        if not isinstance(content, bytes):
            content = b"".join([chunk async for chunk in content])
            request.content = content
        headers = httpx.Headers([(name, value) for name, value in request.headers])
        recorded = Recorded(request.method.upper(), str(request.url), headers, content)
        self.calls.append(recorded)
        host = request.url.netloc.decode("ascii").lower()
        for mock in self._mocks if host not in self.passing else ():
            if mock.fits(recorded.method, recorded.url):
                mock.calls.append(recorded)
                return _answered(mock, recorded)
        if host in self.hosts:
            return await super().send(request)
        raise httpx.ConnectError(f"nothing answers {recorded.method} {recorded.url}; mock it")


def _answered(mock: Mock, recorded: Recorded) -> Answer:
    if mock.error == "timeout":
        raise httpx.ReadTimeout("the mock does not answer in time")
    if mock.error:
        raise httpx.ConnectError(f"the mock refuses the connection ({mock.error})")
    if mock.answer is not None:
        given = mock.answer(recorded)
        return _answer(given.status_code, given.headers.multi_items(), given.content)
    return _answer(mock.status, list(mock.headers.items()), mock.content)


def _answer(status: int, headers: Sequence[tuple[str, str]], content: bytes) -> Answer:
    raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
    if not any(name.lower() == b"content-length" for name, _ in raw):
        raw.append((b"Content-Length", str(len(content)).encode()))
    return Answer(status, httpx.codes.get_reason_phrase(status), raw, httpx.ByteStream(content))
