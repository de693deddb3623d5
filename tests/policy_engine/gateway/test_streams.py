"""Bodies: what is held in memory, what passes piece by piece, and what happens when the client leaves."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

Stack = Any
LARGE = 2 * 1024 * 1024 + 1
PASSING = '<forward-request buffer-response="false" />'
READING = '<choose><when condition="@(context.Request.Headers.ContainsKey("X-Read") && context.Request.Body.As<string>(true) == "")" /></choose>'


async def length(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of what it got."""
    await JSONResponse(len(await Request(scope, receive).body()))(scope, receive, send)


async def pieces(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 65536):
        yield b"x" * min(65536, size - start)


class Client:
    """A client that speaks ASGI, so that it can leave."""

    def __init__(self, body: bytes = b"", method: str = "GET") -> None:
        self.sent: list[dict[str, Any]] = []
        self.first: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()
        self._first = True
        self._body = body
        headers = [(b"host", b"apim.example")]
        if body:
            headers.append((b"content-length", str(len(body)).encode()))
        self.scope: dict[str, Any] = {
            "type": "http", "method": method, "path": "/api", "raw_path": b"/api", "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1), "scheme": "https",
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        if self._first:
            self._first = False
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.first.put_nowait(message["body"])

    @property
    def got(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Endless:
    """Sends one piece, then nothing more, and knows when its caller has left."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.started, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            self.started.set()
            if not self.silent:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await asyncio.sleep(60)
        finally:
            self.ended.set()


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("body", [b"", b"something"])
async def test_a_client_that_leaves_ends_the_call_to_the_backend(stack: Stack, silent: bool, body: bytes) -> None:
    stack.backend.app = endless = Endless(silent=silent)
    stack.policies(
        backend=PASSING, on_error='<trace source="said"><message>@(context.LastError.Reason)</message></trace>'
    )
    client = Client(body, "POST")
    exchange = asyncio.create_task(stack.gateway.app(client.scope, client.receive, client.send))
    await asyncio.wait_for(endless.started.wait(), 5)
    if not silent:
        # It came through before the backend was done.
        assert await asyncio.wait_for(client.first.get(), 5) == b"data: 1\n\n"
    client.gone.set()
    await asyncio.wait_for(endless.ended.wait(), 5)
    await asyncio.wait_for(exchange, 5)
    reasons = [event["message"] for event in stack.trace.events("said")]
    assert reasons == (["ClientConnectionFailure"] if silent else [])


async def test_large_uploads_pass_when_nothing_reads_them(stack: Stack) -> None:
    stack.backend.app = length
    stack.policies(backend=PASSING)
    assert (await stack.send("POST", content=pieces(3 * LARGE))).json() == 3 * LARGE


async def test_large_uploads_pass_an_expression_that_could_have_read_them(stack: Stack) -> None:
    stack.backend.app = length
    stack.policies(READING, backend=PASSING)
    assert (await stack.send("POST", content=pieces(3 * LARGE))).json() == 3 * LARGE


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_expression_that_reads_too_much_fails(stack: Stack, chunked: bool) -> None:
    stack.policies(READING, backend=PASSING)
    content = pieces(LARGE) if chunked else b"x" * LARGE
    response = await stack.send("POST", headers={"X-Read": "1"}, content=content)
    assert response.status_code == 413
    assert not stack.backend.requests


async def test_what_could_not_be_read_is_not_passed_on(stack: Stack) -> None:
    """An expression that catches the failure has not looked at the body."""
    look = '<set-variable name="x" value="@{ try { return context.Request.Body.As<string>(); } catch (Exception) { return ""; } }" />'
    stack.policies(look, backend=PASSING)
    assert (await stack.send("POST", content=b"x" * LARGE)).status_code == 413
    assert not stack.backend.requests


async def test_a_body_may_be_read_once_or_preserved(stack: Stack) -> None:
    twice = "@(context.Request.Body.As<string>({}) + context.Request.Body.As<string>())"
    assert await stack.value(twice.format("true"), method="POST", content=b"ab") == "abab"


async def test_a_body_that_was_read_is_gone(stack: Stack) -> None:
    twice = "@(context.Request.Body.As<string>() + context.Request.Body.As<string>())"
    said = await stack.value(twice, method="POST", content=b"ab")
    assert said == "return-response ExpressionValueEvaluationFailure"


async def test_without_a_body_there_is_null(stack: Stack) -> None:
    assert await stack.value('@(context.Request.Body == null ? "null" : "")', method="POST") == "null"


async def test_an_answer_that_an_expression_reads_is_held_in_memory(stack: Stack) -> None:
    stack.policies(
        backend=PASSING,
        outbound='<set-header name="X-Seen"><value>@((string)context.Response.Body.As<JObject>(true)["from"])</value></set-header>',
    )
    response = await stack.send()
    assert response.headers["x-seen"] == "backend"
    assert response.json() == {"from": "backend"}


async def test_an_answer_that_breaks_off_is_not_completed(stack: Stack) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ConnectionError

    stack.backend.app = broken
    stack.policies(backend=PASSING)
    client = Client()
    with pytest.raises(Exception, match="middle of its answer"):
        await stack.gateway.app(client.scope, client.receive, client.send)
    assert client.got == b"half"
    assert all(message.get("more_body", True) for message in client.sent)
