"""MCP servers of other kinds behind the gateway: with sessions, without `initialize`, with plain JSON."""

import json

import httpx

from actors.flawed_gateway import Flaw, FlawedGateway, Forward
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import Finding, Options, Outcome, Person, Server, Subject, chosen, examine


async def found(cloud: LocalCloud, flaw: Flaw, name: str) -> Finding:
    async with Server(cloud.gateway_url + "/mcp", FlawedGateway(flaw)) as server:
        subject = Subject(server, Person(server, "alice"), Options(tool="anything"))
        return (await examine(subject, chosen([name], anonymous=False))).findings[0]


def answer(request: httpx.Request, **members: object) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], **members})


async def test_a_server_without_initialize_is_spoken_to_as_the_newest_version_says(cloud: LocalCloud) -> None:
    sent: list[tuple[str | None, str | None, str | None]] = []

    async def stateless(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.url.path != "/mcp" or "authorization" not in request.headers:
            return await forward(request)
        message = json.loads(request.content)
        if message["method"] == "initialize":
            return answer(request, error={"code": -32601, "message": "no such method"})
        headers = request.headers
        sent.append((headers.get("mcp-protocol-version"), headers.get("mcp-method"), headers.get("mcp-name")))
        return answer(request, result={"tools": [{"name": "t", "inputSchema": {"type": "object"}}], "content": []})

    finding = await found(cloud, stateless, "tools")
    assert finding.outcome is Outcome.PASS, finding.seen
    assert finding.seen == "1 tools, version 2026-07-28"
    assert (await found(cloud, stateless, "tool-call")).outcome is Outcome.PASS
    assert sent == [("2026-07-28", "tools/list", None), ("2026-07-28", "tools/call", "anything")]


async def test_a_session_of_the_server_is_kept_and_ended(cloud: LocalCloud) -> None:
    sent: list[tuple[str, str | None]] = []

    async def stateful(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.url.path != "/mcp" or "authorization" not in request.headers:
            return await forward(request)
        session = request.headers.get("mcp-session-id")
        if request.method == "DELETE":
            sent.append(("DELETE", session))
            return httpx.Response(204)
        method = json.loads(request.content)["method"]
        sent.append((method, session))
        if method == "initialize":
            response = answer(request, result={"protocolVersion": "2025-06-18", "serverInfo": {"name": "Own\x1b[31m"}})
            response.headers["Mcp-Session-Id"] = "s1"
            return response
        if method == "tools/list":
            return answer(request, result={"tools": [{"name": "a"}]})
        return httpx.Response(202)

    finding = await found(cloud, stateful, "tools")
    assert finding.outcome is Outcome.PASS, finding.seen
    assert finding.seen == "1 tools, version 2025-06-18, Own\N{REPLACEMENT CHARACTER}[31m"
    assert sent == [("initialize", None), ("notifications/initialized", "s1"), ("tools/list", "s1"), ("DELETE", "s1")]


async def test_a_stream_that_stays_open_after_its_answer_is_not_waited_for(cloud: LocalCloud) -> None:
    async def endless(request: httpx.Request) -> object:
        number = json.loads(request.content)["id"]
        yield b": ping\r\n\r\nevent: message\r\n"
        yield (
            b'data: {"jsonrpc": "2.0",\r\ndata: "id": %d, "result": {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}}\r\n\r\n'
            % number
        )
        while True:
            yield b": ping\n\n"

    async def streaming(request: httpx.Request, forward: Forward) -> httpx.Response:
        if b'"tools/list"' not in request.content:
            return await forward(request)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=endless(request))

    finding = await found(cloud, streaming, "tools")
    assert finding.outcome is Outcome.PASS, finding.seen
