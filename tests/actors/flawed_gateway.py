"""A gateway with one flaw: stands between a client and a real one, and changes what it hears or says."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

Forward = Callable[[httpx.Request], Awaitable[httpx.Response]]
Flaw = Callable[[httpx.Request, Forward], Awaitable[httpx.Response]]
Matches = Callable[[httpx.Request], bool]


class FlawedGateway(httpx.AsyncBaseTransport):
    """A transport that sends everything on to the real server, through a flaw. A new one for each examination."""

    def __init__(self, flaw: Flaw) -> None:
        self._flaw = flaw
        self._real = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = await self._flaw(request, self._forward)
        response.request = request
        return response

    async def _forward(self, request: httpx.Request) -> httpx.Response:
        response = await self._real.handle_async_request(request)
        body = await response.aread()
        await response.aclose()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        await self._real.aclose()


def fields_of(request: httpx.Request) -> dict[str, str]:
    """The fields of the query and of a form."""
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    sent = parse_qsl(request.url.query.decode(), keep_blank_values=True)
    return dict(sent + (parse_qsl(request.content.decode(), keep_blank_values=True) if is_form else []))


def on(path: str, method: str = "", **fields: str) -> Matches:
    """Requests to a path (`*` for any) with these fields; the value `*` means that the field is there, "" that it is not."""

    def matches(request: httpx.Request) -> bool:
        if path not in {"*", request.url.path} or method not in {"", request.method}:
            return False
        sent = fields_of(request) if fields else {}
        return all(
            name in sent if value == "*" else name not in sent if value == "" else sent.get(name) == value
            for name, value in fields.items()
        )

    return matches


def with_header(matches: Matches, name: str, beginning: str = "") -> Matches:
    """Those of the requests that have a header with such a value."""
    return lambda request: matches(request) and name in request.headers and request.headers[name].startswith(beginning)


def answers(matches: Matches, status: int, **response: Any) -> Flaw:
    """Some requests get an answer of the flaw's own."""

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        return httpx.Response(status, **response) if matches(request) else await forward(request)

    return flaw


def says(matches: Matches, change: Callable[[httpx.Response], httpx.Response | None]) -> Flaw:
    """The answers to some requests are changed, in place or by another one."""

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        response = await forward(request)
        return (change(response) or response) if matches(request) else response

    return flaw


def header(matches: Matches, name: str, change: str | Callable[[str], str] | None) -> Flaw:
    """A header of some answers has another value, or is missing."""

    def changed(response: httpx.Response) -> None:
        if callable(change) and name in response.headers:
            given = response.headers.multi_items()
            response.headers = httpx.Headers([(key, change(value) if key == name else value) for key, value in given])
        elif callable(change):
            response.headers[name] = change("")
        elif change is None:
            response.headers.pop(name, None)
        else:
            response.headers[name] = change

    return says(matches, changed)


def text(matches: Matches, old: str, new: str) -> Flaw:
    """Some answers have another text."""

    def changed(response: httpx.Response) -> httpx.Response:
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=response.text.replace(old, new).encode())

    return says(matches, changed)


def members(matches: Matches, **changes: Any) -> Flaw:
    """Some JSON answers have other members; one that is changed to `...` is left out."""

    def changed(response: httpx.Response) -> httpx.Response | None:
        if response.status_code >= 300:
            return None
        value = response.json() | changes
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        kept = {name: member for name, member in value.items() if member is not ...}
        return httpx.Response(response.status_code, headers=headers, content=json.dumps(kept).encode())

    return says(matches, changed)


def hears(matches: Matches, **changes: str | None) -> Flaw:
    """Some requests reach the gateway with other fields (of the form or the query); None leaves one out."""

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        if not matches(request):
            return await forward(request)
        fields = {name: value for name, value in (fields_of(request) | changes).items() if value is not None}
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        if request.content:
            return await forward(httpx.Request(request.method, request.url, headers=headers, data=fields))
        url = request.url.copy_with(query=urlencode(fields).encode())
        return await forward(httpx.Request(request.method, url, headers=headers))

    return flaw


def deaf(matches: Matches, name: str) -> Flaw:
    """A header of some requests does not reach the gateway."""

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        if matches(request):
            request.headers.pop(name, None)
        return await forward(request)

    return flaw


def forgetful(matches: Matches, key: Callable[[httpx.Request], str]) -> Flaw:
    """What was answered well once is answered so again: nothing is single use."""
    known: dict[str, httpx.Response] = {}

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        if not matches(request):
            return await forward(request)
        name = key(request)
        if name not in known:
            response = await forward(request)
            if response.status_code != 200:
                return response
            known[name] = response
        kept = known[name]
        return httpx.Response(kept.status_code, headers=kept.headers, content=kept.content)

    return flaw


async def no_flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
    """Nothing is changed."""
    return await forward(request)
