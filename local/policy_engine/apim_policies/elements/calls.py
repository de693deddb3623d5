"""Calls to others: send-request and forward-request."""

import asyncio
import time
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode, urljoin

import httpx

from apim_policies.documents.document import Element
from apim_policies.elements.identity import ManagedIdentity, managed_identity
from apim_policies.elements.message import SetBody, SetHeader, set_body, set_header
from apim_policies.elements.model import (
    BOOL_HERE_LITERAL,
    LITERAL,
    LITERAL_BOOL,
    LITERAL_NUMBER,
    NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    PolicyElement,
)
from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Backend, Headers, Response
from apim_policies.network.messages import Answer, Outgoing, Patience
from apim_policies.pipeline.backends import AllTripped, DeclaredBackend
from apim_policies.pipeline.bodies import TooLarge, buffered
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.incoming import ClientGone, LargeBody
from apim_policies.pipeline.messages import HOP_BY_HOP, response_headers
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Seconds, Source

_OWN = HOP_BY_HOP | {"host", "content-length"}
"""What a request to somebody else says for itself."""


@dataclass(frozen=True, kw_only=True)
class SendRequest:
    """A request of the gateway's own; its answer goes into a variable.

    https://learn.microsoft.com/azure/api-management/send-request-policy
    """

    variable: str | None
    timeout: Seconds
    ignore_error: bool
    fail_on_error: bool
    copy: bool
    """Whether it begins as a copy of the client's request."""
    url: Compiled
    method: Compiled | None
    headers: Sequence[SetHeader]
    body: SetBody | None
    identity: ManagedIdentity | None

    async def run(self, call: Call) -> None:
        headers, content = Headers(), None
        if self.copy:
            kept = call.context.request.headers.items()
            headers = Headers((name, value) for name, value in kept if name.lower() not in _OWN)
            content = await self._copied_body(call) if self.body is None else None
        for header in self.headers:
            header.apply(call, headers)
        if self.identity is not None:
            self.identity.authorize(call, headers)
        default = call.context.request.method if self.copy else "GET"
        url, method = self.url.text(call), self.method.text(call) if self.method else default
        if self.body is not None:
            content = self.body.content(call)
        seconds = self.timeout.number(call)
        response: Response | None = None
        try:
            response = await exchange(call, method, url, headers, content, seconds)
        except (httpx.TimeoutException, TimeoutError) as error:
            if not self.ignore_error:
                raise Failure("Timeout", f"no answer within {seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, TooLarge) as error:
            if not self.ignore_error:
                raise Failure("BackendConnectionFailure", type(error).__name__) from error
        if self.variable is not None:
            call.context.variables[self.variable] = response
        if self.fail_on_error and response is not None and response.status_code >= 400 and not self.ignore_error:
            raise Failure("BackendErrorStatusCode", f"the answer's status is {response.status_code}")

    async def _copied_body(self, call: Call) -> bytes | None:
        # "In outbound mode, mode=copy does not initialize the request body."
        if call.section not in {"inbound", "backend"}:
            return None
        request = call.context.request
        if request.body is None:
            request.body = await call.incoming.body()
        return request.body.content if request.body is not None else None


async def exchange(
    call: Call, method: str, url: str, headers: Headers, content: bytes | None, seconds: float
) -> Response:
    """A request of the gateway's own, and its whole answer.

    Raises:
        httpx.HTTPError, httpx.InvalidURL, TimeoutError, TooLarge: there is none.
    """
    request = httpx.Request(
        method,
        url,
        headers=list(headers.items()),
        content=content,
        extensions={"timeout": httpx.Timeout(seconds).as_dict()},
    )
    # From the request to the end of the answer.
    async with asyncio.timeout(seconds):
        answer = await _send(call, Outgoing.of(request))
        try:
            body = await buffered(answer)
        finally:
            await answer.stream.aclose()
    return Response(answer.status, answer.reason, response_headers(answer), body)


async def _send(call: Call, request: Outgoing) -> Answer:
    """Sends a request, and notes in the trace to whom and what came of it."""
    note = call.trace.called(request)
    start = time.perf_counter()
    try:
        answer = await call.services.network.send(request)
        note["status"] = answer.status
        return answer
    finally:
        note["milliseconds"] = round((time.perf_counter() - start) * 1000, 3)


_IDENTITY = "authentication-managed-identity"


def _send_request(source: Source, element: Element) -> Policy:
    return _request_of(source, element, ignore_error=source.flag(element, "ignore-error"))


def _request_of(source: Source, element: Element, *, ignore_error: bool) -> SendRequest:
    by_name = {child.name: child for child in element.children}
    copy = source.literal(element, "mode") == "copy"
    if "set-url" not in by_name:
        if copy:
            raise source.not_modelled(element, 'mode="copy" but no <set-url>')
        raise source.error(element, "<send-request> of a new request needs <set-url>")
    return SendRequest(
        variable=source.literal(element, "response-variable-name"),
        timeout=source.seconds(element, "60"),
        ignore_error=ignore_error,
        fail_on_error=source.flag(element, "fail-on-error-status-code"),
        copy=copy,
        url=source.content(by_name["set-url"]),
        method=source.content(by_name["set-method"]) if "set-method" in by_name else None,
        headers=[set_header(source, child) for child in element.children if child.name == "set-header"],
        body=set_body(source, by_name["set-body"]) if "set-body" in by_name else None,
        identity=managed_identity(source, by_name[_IDENTITY]) if _IDENTITY in by_name else None,
    )


SEND_REQUEST = PolicyElement(
    "send-request",
    Model(
        {
            "mode": Attribute("not modelled", one_of=("new", "copy")),
            "response-variable-name": LITERAL,
            "timeout": NUMBER,
            "timeout-ms": NUMBER,
            "ignore-error": LITERAL_BOOL,
            "buffer-response": LITERAL_BOOL,
            "fail-on-error-status-code": LITERAL_BOOL,
        },
        (
            Child("set-url", 0, 1),
            Child("set-method", 0, 1),
            Child("set-header"),
            Child("set-body", 0, 1),
            Child("authentication-certificate", 0, 1),
            Child(_IDENTITY, 0, 1),
        ),
        beyond=frozenset({"authentication-token", "authentication-token-store", "proxy"}),
    ),
    _send_request,
)


class ForwardRequest:
    """Sends the request to the API's backend; its answer becomes the response.

    https://learn.microsoft.com/azure/api-management/forward-request-policy
    """

    def __init__(self, timeout: Seconds, buffer_response: bool, fail_on_error: bool, *, follow: bool = False) -> None:
        self._timeout, self._buffer, self._fail_on_error = timeout, buffer_response, fail_on_error
        self._follow = follow

    async def run(self, call: Call) -> None:
        seconds = self._timeout.number(call)
        outgoing = self._request(call, seconds)
        chosen, backends = call.context.backend, call.services.backends
        single = backends.find(chosen.id) if chosen is not None else None
        try:
            with call.incoming.attended():
                answer = await _send(call, outgoing)
                for _ in range(_REDIRECTS if self._follow else 0):
                    further = _redirected(outgoing, answer)
                    if further is None:
                        break
                    await answer.stream.aclose()
                    outgoing, answer = further, await _send(call, further)
                call.backend_response = answer
                if single is not None:
                    backends.answered(single, answer.status, response_headers(answer).get("Retry-After"))
                call.context.response = Response(answer.status, answer.reason, response_headers(answer))
                if self._buffer or call.reads_response:
                    call.context.response.body = await buffered(answer)
                    await call.drop_backend_response()
        except ClientGone:
            raise Failure("ClientConnectionFailure", "the client has left", 499) from None
        except (httpx.TimeoutException, TimeoutError) as error:
            if single is not None:
                backends.failed(single, "Timeout")
            raise Failure("Timeout", f"the backend did not answer within {seconds:g} s", 504) from error
        except TooLarge as error:
            message = "the backend's answer is too large to be held in memory"
            raise Failure("BackendConnectionFailure", message, 502) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if single is not None:
                backends.failed(single, "BackendConnectionFailure")
            raise Failure("BackendConnectionFailure", "the backend cannot be reached", 502) from error
        if self._fail_on_error and answer.status >= 400:
            raise Failure("BackendErrorStatusCode", f"the backend answered {answer.status}", answer.status)

    def _backend(self, call: Call) -> DeclaredBackend | None:
        """The single backend of the resource that was chosen, if one was."""
        if call.backend is None:
            return None
        try:
            single = call.services.backends.choose(call.backend)
        except AllTripped as tripped:
            call.limit_headers.set("Retry-After", str(tripped.seconds))
            raise Failure("BackendConnectionFailure", "the circuit breaker of the backend is open", 503) from None
        call.context.backend = Backend(single.id, single.type)
        return single

    def _request(self, call: Call, seconds: float) -> Outgoing:
        request = call.context.request
        single = self._backend(call)
        if single is not None:
            call.service_url = single.url
        if not call.service_url:
            raise Failure("BackendConnectionFailure", "the API has no service URL")
        if isinstance(request.body, LargeBody) and request.body.attempted:
            # A policy wanted to look at it, and could not.
            raise Failure("ExpressionValueEvaluationFailure", "the request's body is too large to be read", 413)
        content: bytes | AsyncIterable[bytes] = b""
        if request.body is not None and not isinstance(request.body, LargeBody):
            content = request.body.content
        elif call.incoming.streamable:
            content = call.incoming.stream()
        method, original = request.method.upper(), request.original_url
        query = request.url.query_string
        if single is not None and single.query:
            query = f"{query}&" if query else "?"
            query += urlencode([(name, value) for name, values in single.query.items() for value in values])
        url = _address(call.service_url.rstrip("/") + call.backend_path + query)
        headers = [
            ("Host", url.netloc.decode("ascii")),
            *((name, value) for name, value in request.headers.items() if name.lower() not in _OWN),
            ("X-Forwarded-For", request.ip_address),
            ("X-Forwarded-Proto", original.scheme),
            ("X-Forwarded-Host", request.headers.get("Host") or original.host),
        ]
        if single is not None:
            own = [(name, value) for name, values in single.headers.items() for value in values]
            own += [("Authorization", single.authorization)] if single.authorization else []
            replaced = {name.lower() for name, _ in own}
            headers = [*((name, value) for name, value in headers if name.lower() not in replaced), *own]
        if not isinstance(content, bytes):
            headers.append(("Transfer-Encoding", "chunked"))
        elif content or method in {"POST", "PUT", "PATCH"}:
            headers.append(("Content-Length", str(len(content))))
        return Outgoing(method, url, _raw(headers), content, Patience(seconds, None))


def _forward_request(source: Source, element: Element) -> Policy:
    return ForwardRequest(
        source.seconds(element, "300"),
        source.flag(element, "buffer-response", default=True),
        source.flag(element, "fail-on-error-status-code"),
        follow=source.flag(element, "follow-redirects"),
    )


_REDIRECTS = 10


def _redirected(request: Outgoing, answer: Answer) -> Outgoing | None:
    """The request to where an answer points, if it points anywhere; a body that is a stream is gone."""
    place = response_headers(answer).get("Location")
    if answer.status not in {301, 302, 303, 307, 308} or place is None or not isinstance(request.content, bytes):
        return None
    url = _address(urljoin(str(request.url), place))
    keeps = answer.status in {307, 308} or request.method in {"GET", "HEAD"}
    dropped = {b"host"} | (set() if keeps else {b"content-length", b"content-type"})
    dropped |= {b"authorization"} if url.host != request.url.host else set()
    headers = [(name, value) for name, value in request.headers if name.lower() not in dropped]
    content, method = (request.content, request.method) if keeps else (b"", "GET")
    return Outgoing(method, url, [(b"Host", url.netloc), *headers], content, request.patience)


FORWARD_REQUEST = PolicyElement(
    "forward-request",
    Model(
        {
            "timeout": NUMBER,
            "timeout-ms": NUMBER,
            "follow-redirects": BOOL_HERE_LITERAL,
            "buffer-request-body": LITERAL_BOOL,
            "buffer-response": LITERAL_BOOL,
            "fail-on-error-status-code": LITERAL_BOOL,
            "http-version": Attribute("refused", one_of=("1", "2", "2or1")),
        },
        sections=frozenset({"backend"}),
        beyond=frozenset({"continue-timeout"}),
    ),
    _forward_request,
)


def _raw(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
    except UnicodeEncodeError:
        raise NotModelled("a header beyond ASCII that goes to the backend is not modelled by the local cloud") from None


@lru_cache(256)
def _address(url: str) -> httpx.URL:
    """Parsing one takes as long as ten policies, and most requests go to the same few."""
    return httpx.URL(url)


@dataclass(frozen=True)
class SendOneWayRequest:
    """A request whose answer nobody waits for.

    https://learn.microsoft.com/azure/api-management/send-one-way-request-policy
    """

    request: SendRequest

    async def run(self, call: Call) -> None:
        # It goes out before the next policy runs, so that what a test sees is the same every time.
        await self.request.run(call)


def _send_one_way(source: Source, element: Element) -> Policy:
    return SendOneWayRequest(_request_of(source, element, ignore_error=True))


SEND_ONE_WAY_REQUEST = PolicyElement(
    "send-one-way-request",
    Model(
        {"mode": Attribute("not modelled", one_of=("new", "copy")), "timeout": LITERAL_NUMBER},
        SEND_REQUEST.model.children,
        beyond=frozenset({"authentication-token", "authentication-token-store", "proxy"}),
    ),
    _send_one_way,
)

ELEMENTS: Sequence[Declared] = (
    SEND_REQUEST,
    SEND_ONE_WAY_REQUEST,
    FORWARD_REQUEST,
)
