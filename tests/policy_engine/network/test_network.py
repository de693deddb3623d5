"""Requests through the local network, as a gateway would send them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from apim_policies.errors import ExplainedError
from apim_policies.network import Fault, Faults, Network

HOST = "account.documents.azure.com"
URL = f"https://{HOST}/path"


async def echo(scope, receive, send) -> None:
    """Answers with what it saw."""
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    seen = b"|".join(
        (
            scope["method"].encode(),
            scope["path"].encode(),
            scope["raw_path"],
            scope["query_string"],
            dict(scope["headers"])[b"host"],
            body,
        )
    )
    await send({"type": "http.response.start", "status": 207, "headers": [(b"x-one", b"1"), (b"x-one", b"2")]})
    await send({"type": "http.response.body", "body": seen})


FAULTS = [
    Fault("store-429", "store", "It throttles.", status=429, headers=(("retry-after-ms", "1000"),)),
    Fault("store-late", "store", "It answers after two minutes.", delay=120),
    Fault("store-lost", "store", "Its answer never arrives.", lose_answer=True),
    Fault("host-down", "host", "Nobody answers.", refuse=True),
    Fault("host-cold", "host", "It takes ten seconds longer.", delay=10),
    Fault("host-500", "host", "It fails.", status=500, body="what happened"),
    Fault("host-drop", "host", "Its connection breaks.", drop=True),
]


def network(app, **options) -> Network:
    made = Network(Faults(FAULTS))
    made.faults.time_scale = 0.001
    made.serve(HOST, app, **options)
    return made


class TestRouting:
    async def test_a_host_is_answered_by_its_app(self) -> None:
        async with network(echo).client() as client:
            answer = await client.post(f"https://{HOST}/a%2Fb/c?d=e%20f", content=b"body")
        assert answer.status_code == 207
        assert answer.headers.get_list("x-one") == ["1", "2"]
        assert answer.content == f"POST|/a/b/c|/a%2Fb/c|d=e%20f|{HOST}|body".encode()

    @pytest.mark.parametrize(
        "url",
        [
            "https://login.microsoftonline.com/",
            f"http://{HOST}/",
            f"https://{HOST}:8443/",
            f"https://{HOST}.evil.example/",
            "http://localhost:8082/",
        ],
    )
    async def test_any_other_host_is_refused_by_name(self, url: str) -> None:
        async with network(echo).client() as client:
            with pytest.raises(httpx.ConnectError, match="is not a host of this stack") as refused:
                await client.get(url)
        assert httpx.URL(url).host in str(refused.value)

    async def test_case_and_the_default_port_do_not_matter(self) -> None:
        async with network(echo).client() as client:
            assert (await client.get(f"https://{HOST.upper()}:443/")).status_code == 207

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
    async def test_loopback_names_with_a_served_port_are_reached_in_process(self, name: str) -> None:
        made = Network()
        made.serve("localhost:8081", echo)
        async with made.client() as client:
            assert (await client.get(f"http://{name}:8081/")).status_code == 207

    async def test_serving_a_name_again_replaces_what_answered_there(self) -> None:
        async def other(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        made = network(echo)
        made.serve(HOST, other)
        async with made.client() as client:
            assert (await client.get(URL)).status_code == 204

    @pytest.mark.parametrize("host", ["https://a.example", "A.example", "a.example/x"])
    def test_a_name_is_a_lower_case_host_name(self, host: str) -> None:
        with pytest.raises(ExplainedError, match="lower-case host name"):
            Network().serve(host, echo)

    def test_forwarding_away_from_this_machine_is_refused(self) -> None:
        with pytest.raises(ExplainedError, match="not an address of this machine"):
            Network().forward("app.azurewebsites.net", "http://example.com")

    async def test_redirects_are_not_followed(self) -> None:
        async def redirect(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 302, "headers": [(b"location", b"/x")]})
            await send({"type": "http.response.body"})

        async with network(redirect).client() as client:
            assert (await client.get(URL)).status_code == 302

    async def test_a_forwarded_host_is_another_server_on_this_machine(self) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            seen = head.splitlines()[0] + "|" + next(x for x in head.splitlines() if x.lower().startswith("host:"))
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(seen)}\r\n\r\n{seen}".encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        made = Network()
        made.forward("app.azurewebsites.net", f"http://127.0.0.1:{port}/prefix")
        try:
            async with made.client() as client:
                answer = await client.get("https://app.azurewebsites.net/mcp?x=1")
        finally:
            await made.aclose()
            server.close()
        assert answer.text.lower() == f"get /prefix/mcp?x=1 http/1.1|host: 127.0.0.1:{port}"


class TestStreaming:
    async def test_chunks_arrive_as_they_are_sent(self) -> None:
        proceed = asyncio.Event()

        async def slow(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await proceed.wait()
            await send({"type": "http.response.body", "body": b"second"})

        async with network(slow).client() as client, client.stream("GET", URL) as answer:
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"first"
            proceed.set()
            assert await anext(chunks) == b"second"

    async def test_the_request_body_streams_too(self) -> None:
        seen: list[bytes] = []

        async def upload(scope, receive, send) -> None:
            while (message := await receive())["more_body"]:
                seen.append(message["body"])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        async def body() -> AsyncIterator[bytes]:
            yield b"one"
            await asyncio.sleep(0)
            assert seen == [b"one"]
            yield b"two"

        async with network(upload).client() as client:
            assert (await client.post(URL, content=body())).status_code == 204
        assert seen == [b"one", b"two"]

    async def test_closing_the_answer_cancels_the_app(self) -> None:
        cancelled = asyncio.Event()

        async def endless(scope, receive, send) -> None:
            try:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                while True:
                    await send({"type": "http.response.body", "body": b"tick", "more_body": True})
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async with network(endless).client() as client, client.stream("GET", URL) as answer:
            assert await anext(answer.aiter_raw()) == b"tick"
        assert cancelled.is_set()

    async def test_a_cancelled_caller_cancels_the_app(self) -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def silent(scope, receive, send) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with network(silent).client() as client:
            call = asyncio.create_task(client.get(URL))
            await started.wait()
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
        assert cancelled.is_set()

    async def test_work_after_the_answer_goes_on(self) -> None:
        done = asyncio.Event()

        async def background(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 202, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            await asyncio.sleep(0)
            done.set()

        async with network(background).client() as client:
            assert (await client.get(URL)).text == "ok"
        await asyncio.wait_for(done.wait(), 1)

    async def test_silence_is_a_read_timeout_and_cancels_the_app(self) -> None:
        cancelled = asyncio.Event()

        async def silent(scope, receive, send) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with network(silent).client() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(URL, timeout=0.01)
        assert cancelled.is_set()

    async def test_silence_between_chunks_is_a_read_timeout(self) -> None:
        async def stalls(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.Event().wait()

        async with network(stalls).client() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(URL, timeout=0.01)

    async def test_a_limit_for_the_head_lets_the_body_be_silent(self) -> None:
        async def pauses(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(0.05)
            await send({"type": "http.response.body", "body": b"late"})

        async with network(pauses).client() as client:
            answer = await client.get(URL, extensions={"head_timeout": 0.03})
        assert answer.text == "late"

    async def test_a_failing_app_is_an_empty_500(self) -> None:
        async def fails(scope, receive, send) -> None:
            raise ValueError("a secret")

        async with network(fails).client() as client:
            answer = await client.get(URL)
        assert (answer.status_code, answer.content) == (500, b"")

    async def test_an_app_that_fails_later_breaks_the_connection(self) -> None:
        async def fails(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise ValueError("a secret")

        async with network(fails).client() as client, client.stream("GET", URL) as answer:
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"half"
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)

    async def test_a_body_is_not_sent_for_head(self) -> None:
        async with network(echo).client() as client:
            assert (await client.head(URL)).content == b""

    async def test_the_callers_own_failure_reaches_the_caller(self) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield b"one"
            raise ValueError("mine")

        async with network(echo).client() as client:
            with pytest.raises(ValueError, match="mine"):
                await client.post(URL, content=body())


class TestFaults:
    def test_an_unknown_fault_is_refused_by_name(self) -> None:
        with pytest.raises(ExplainedError, match="no fault 'store-tired'; there are: store-429, store-late"):
            network(echo).faults.active.add("store-tired")

    def test_a_network_of_its_own_has_none(self) -> None:
        with pytest.raises(ExplainedError, match="no fault 'store-429'; there are: none"):
            Network().faults.active.add("store-429")

    @pytest.mark.parametrize(
        ("fault", "status"),
        [("store-429", 429), ("host-500", 500)],
    )
    async def test_a_fault_answers_instead_of_the_service_and_only_while_it_is_on(
        self, fault: str, status: int
    ) -> None:
        calls = 0

        async def counted(scope, receive, send) -> None:
            nonlocal calls
            calls += 1
            await echo(scope, receive, send)

        made = network(counted, kind=fault.partition("-")[0])
        made.faults.active.add(fault)
        async with made.client() as client:
            assert (await client.get(URL)).status_code == status
            assert calls == 0
            made.faults.active.clear()
            assert (await client.get(URL)).status_code == 207

    async def test_faults_of_another_service_do_not_matter(self) -> None:
        made = network(echo, kind="store")
        made.faults.active |= {"host-down", "host-500"}
        async with made.client() as client:
            assert (await client.get(URL)).status_code == 207

    async def test_throttling_says_when_to_come_back(self) -> None:
        made = network(echo, kind="store")
        made.faults.active.add("store-429")
        async with made.client() as client:
            assert (await client.get(URL)).headers["retry-after-ms"] == "1000"

    async def test_down_is_a_refused_connection(self) -> None:
        made = network(echo, kind="host")
        made.faults.active.add("host-down")
        async with made.client() as client:
            with pytest.raises(httpx.ConnectError, match="host-down"):
                await client.get(URL)

    async def test_slow_is_longer_than_a_policys_timeout(self) -> None:
        made = network(echo, kind="store")
        made.faults.active.add("store-late")
        async with made.client() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(URL, timeout=10)
            with pytest.raises(httpx.ReadTimeout):
                await client.get(URL, extensions={"head_timeout": 10})
            assert (await client.get(URL, timeout=300)).status_code == 207, "who waits long enough is answered"

    async def test_a_cold_host_answers_in_time(self) -> None:
        made = network(echo, kind="host")
        made.faults.active.add("host-cold")
        async with made.client() as client:
            assert (await client.get(URL, timeout=240)).status_code == 207

    async def test_a_lost_answer_is_work_that_was_done(self) -> None:
        done = False

        async def works(scope, receive, send) -> None:
            nonlocal done
            await echo(scope, receive, send)
            done = True

        made = network(works, kind="store")
        made.faults.active.add("store-lost")
        async with made.client() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(URL, timeout=5)
        assert done

    async def test_a_dropped_connection_breaks_the_body(self) -> None:
        made = network(echo, kind="host")
        made.faults.active.add("host-drop")
        async with made.client() as client, client.stream("POST", URL, content=b"body") as answer:
            assert answer.status_code == 207
            chunks = answer.aiter_raw()
            assert 0 < len(await anext(chunks)) < 60
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)
