"""Other servers on this machine: requests reach them as they are, answers come as they are sent, and failures have names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from apim_policies.network import Network

HOST = "app.azurewebsites.net"
Answer = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """A client of a network that forwards to a server; what heads the server has got."""
    heads: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        await answer(heads[-1], reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    network = Network()
    network.forward(HOST, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        async with network.client() as client:
            yield client, heads
    finally:
        await network.aclose()
        for writer in writers:
            writer.close()
        listening.close()


async def ok(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del head, reader
    writer.write(b"HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok")


async def send(client: httpx.AsyncClient, **options: Any) -> httpx.Response:
    return await client.send(httpx.Request("POST", f"https://{HOST}/mcp", **options), stream=True)


async def test_a_request_arrives_as_it_is() -> None:
    async with server(ok) as (client, heads):
        request = httpx.Request(
            "GET", f"https://{HOST}/a%2Fb%41/ä?q=%2b+x", headers=[("X-One", "1"), ("X-One", "2"), ("X-Umlaut", "ä".encode())]
        )  # fmt: skip
        await client.send(request)
    first, *rest = heads[0].rstrip().split("\r\n")
    assert first == "GET /a%2Fb%41/%C3%A4?q=%2b+x HTTP/1.1"
    assert [line for line in rest if not line.lower().startswith("host:")] == ["X-One: 1", "X-One: 2", "X-Umlaut: Ã¤"]


async def test_an_answer_comes_as_it_is() -> None:
    async with server(ok) as (client, _):
        answer = await client.get(f"https://{HOST}/")
        assert (answer.status_code, answer.reason_phrase, answer.text) == (200, "Fine", "ok")
        assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"]


async def test_cookies_are_not_kept() -> None:
    async def close(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ok(head, reader, writer)
        writer.close()

    async with server(close) as (client, heads):
        for _ in range(2):
            request = httpx.Request("GET", f"https://{HOST}/")
            await client._transport.handle_async_request(request)
    assert len(heads) == 2
    assert "cookie" not in heads[1].lower()


async def test_a_body_of_unknown_length_is_sent_as_it_comes() -> None:
    first_arrived = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await first_arrived.wait()
        yield b"second"

    received: list[bytes] = []

    async def chunked(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"first\r\n"))
        first_arrived.set()
        received.append(await reader.readuntil(b"0\r\n\r\n"))
        await ok(head, reader, writer)

    async with server(chunked) as (client, heads):
        assert (await send(client, content=body())).status_code == 200
    assert heads[0].lower().count("transfer-encoding: chunked") == 1
    assert b"second" in received[1]


async def test_whoever_sends_a_body_hears_of_its_own_failure() -> None:
    class Gone(Exception):
        pass

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise Gone

    async def wait(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del head, writer
        await reader.read()

    async with server(wait) as (client, _):
        with pytest.raises(Gone):
            await send(client, content=body())


async def test_pieces_of_an_answer_arrive_as_they_are_sent_and_leaving_early_is_seen() -> None:
    left = asyncio.Event()

    async def stream(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await reader.read()
        left.set()

    async with server(stream) as (client, _):
        answer = await send(client, content=b"x")
        # The server waits with the next piece for ever.
        assert await anext(answer.aiter_raw()) == b"first"
        await answer.aclose()
        async with asyncio.timeout(5):
            await left.wait()


async def test_nobody_there_is_a_failure_to_connect() -> None:
    network = Network()
    network.forward(HOST, "http://127.0.0.1:1")
    async with network.client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://{HOST}/")
    await network.aclose()


@pytest.mark.parametrize(
    "sent",
    [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
    ids=["nothing", "garbage", "half"],
)
async def test_an_answer_that_is_none_breaks_the_protocol(sent: bytes) -> None:
    async def broken(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del head, reader
        writer.write(sent)
        writer.close()

    async with server(broken) as (client, _):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"https://{HOST}/")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], ids=["head", "body"])
async def test_patience_ends(sent: bytes) -> None:
    async def silent(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(sent)
        await reader.read()

    async with server(silent) as (client, _):
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"https://{HOST}/", timeout=0.2)


async def test_heads_may_be_large() -> None:
    async def large(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del head, reader
        writer.write(b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 30_000 + b"\r\nContent-Length: 0\r\n\r\n")

    async with server(large) as (client, _):
        assert len((await client.get(f"https://{HOST}/")).headers["X-Large"]) == 30_000
