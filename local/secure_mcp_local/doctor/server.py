"""The server under examination, as anybody on the network sees it: plain HTTP requests and their answers."""

import asyncio
import json
from asyncio import sleep
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import httpx

from secure_mcp_local.doctor.report import DoctorError, Failure

TIMEOUT = 20.0
"""Seconds for each step of a request: connecting, sending, the first byte, each further one."""
DEADLINE = 45.0
"""Seconds for a request and its whole answer."""
LIMIT = 1024 * 1024
"""Bytes of an answer that are read; what is longer is cut off."""
PATIENCE = 65.0
"""Seconds to wait at most when a rate limit says `Retry-After`."""

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


class NoAnswer(Failure):
    """A request was not answered."""


@dataclass(frozen=True)
class Answer:
    """One request and its answer."""

    method: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def path(self) -> str:
        """The path that was asked, for reports: no query, which may hold a code."""
        return urlsplit(self.url).path or "/"

    @property
    def media_type(self) -> str:
        """`application/json`, without parameters, in small letters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as an absolute address; None if the answer is none."""
        target = self.headers.get("location")
        return urljoin(self.url, target) if self.status in {301, 302, 303, 307, 308} and target else None

    def value(self) -> Any:
        """The JSON value of the body.

        Raises:
            Failure: it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Failure(f"{self} is not JSON") from None

    def object(self) -> dict[str, Any]:
        """The JSON object of the body.

        Raises:
            Failure: it is none.
        """
        value = self.value()
        if not isinstance(value, dict):
            raise Failure(f"{self} is not a JSON object")
        return cast("dict[str, Any]", value)

    @property
    def error(self) -> str:
        """The OAuth error that a JSON answer names, or ""."""
        try:
            error = self.object().get("error")
        except Failure:
            return ""
        return error if isinstance(error, str) else ""

    def __str__(self) -> str:
        """For reports: never the body, never a query."""
        media = f" {self.media_type}" if self.media_type else ""
        return f"{self.method} {self.path}: {self.status}{media}"


def is_loopback(url: str) -> bool:
    """Whether an address means this computer."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


@dataclass
class Server:
    """Sends requests. Use as an asynchronous context manager."""

    url: str
    """The address that users type into their MCP client."""
    transport: httpx.AsyncBaseTransport | None = None
    seen: list[Answer] = field(default_factory=list[Answer])
    """Every answer of this server's own origin."""

    def __post_init__(self) -> None:
        # Environment proxies are for the world outside; certificates of SSL_CERT_FILE count as well.
        self._client = httpx.AsyncClient(
            transport=self.transport, timeout=TIMEOUT, trust_env=not is_loopback(self.url), follow_redirects=False
        )
        self._client.headers = httpx.Headers({"User-Agent": f"secure-mcp-doctor/{version('pulumi-secure-mcp')}"})
        for name in ("accept", "accept-encoding"):
            self._client.headers.pop(name, None)

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @property
    def origin(self) -> str:
        return origin_of(self.url)

    async def reach(self) -> None:
        """Finds out whether there is anything at all.

        Raises:
            DoctorError: there is not, or its certificate is not good.
        """
        try:
            await self._once("GET", self.url, {})
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            text = str(error) or type(error).__name__
            hint = (
                "the server's certificate is not trusted; a company's own authority goes into SSL_CERT_FILE"
                if "CERTIFICATE_VERIFY_FAILED" in text
                else "check the address, and that the server runs and can be reached from here"
            )
            raise DoctorError(f"{self.url} does not answer ({text}): {hint}") from None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        form: Mapping[str, str | list[str]] | None = None,
        value: Any = None,
        content: bytes | None = None,
    ) -> Answer:
        """One request; `url` may be a path. Redirects are not followed. A rate limit is waited for.

        Args:
            form: Fields of an `application/x-www-form-urlencoded` body.
            value: A JSON value as the body.
            content: A body as it is.

        Raises:
            NoAnswer: there was none in time.
        """
        target = urljoin(self.url, url)
        body: dict[str, Any] = {"data": form} if form is not None else {"json": value} if value is not None else {}
        if content is not None:
            body = {"content": content}
        for last in (False, False, True):
            try:
                answer = await self._once(method, target, headers or {}, **body)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                raise NoAnswer(f"{method} {urlsplit(target).path}: no answer ({type(error).__name__})") from None
            wait = answer.headers.get("retry-after", "")
            if answer.status != 429 or last or not wait.isdigit() or int(wait) > PATIENCE:
                break
            await sleep(int(wait) + 1)
        return answer

    async def _once(self, method: str, url: str, headers: Headers, **body: Any) -> Answer:
        request = self._client.build_request(method, url, headers=list(_pairs(headers)), **body)
        async with asyncio.timeout(DEADLINE):
            response = await self._client.send(request, stream=True)
            try:
                read = b""
                async for piece in response.aiter_bytes():
                    read += piece
                    if len(read) > LIMIT or _complete(response, read):
                        break
            finally:
                await response.aclose()
        answer = Answer(method, url, response.status_code, response.headers, read[:LIMIT])
        if origin_of(url) == self.origin:
            self.seen.append(answer)
        return answer


def _pairs(headers: Headers) -> Sequence[tuple[str, str]]:
    return list(headers.items()) if isinstance(headers, Mapping) else headers


def _complete(response: httpx.Response, read: bytes) -> bool:
    """Whether a stream of events has told what was asked: such a stream may stay open for as long as it likes."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        return False
    return any(b'"jsonrpc"' in event and b'"id"' in event for event in read.replace(b"\r", b"").split(b"\n\n")[:-1])
