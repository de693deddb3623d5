"""The webhook of the MCP extension, message by message."""

from typing import Any

import pytest

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def event_of(response: Any) -> dict[str, Any]:
    import json

    assert response.status_code == 200, (response.status_code, response.text)
    assert response.headers["content-type"].startswith("text/event-stream")
    return json.loads(response.text.removeprefix("event: message\ndata: "))


async def test_an_answer_is_a_stream_of_one_event(app: Any) -> None:
    response = await app.post(PING)
    assert response.text == 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
    assert response.headers["cache-control"] == "no-cache,no-store"
    assert response.headers["content-encoding"] == "identity"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
async def test_only_post_exists(app: Any, method: str) -> None:
    async with app.network.client() as client:
        response = await client.request(method, app.url, headers=app.headers())
    assert response.status_code == 405


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "", "text/html", "application/*"])
async def test_both_types_must_be_accepted(app: Any, accept: str) -> None:
    response = await app.post(PING, headers=app.headers(Accept=accept))
    assert response.status_code == 406
    assert response.json()["error"]["code"] == -32000


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/*", "text/event-stream;q=0.5,application/json"])
async def test_wildcards_are_accepted(app: Any, accept: str) -> None:
    assert (await app.post(PING, headers=app.headers(Accept=accept))).status_code == 200


@pytest.mark.parametrize(
    "message", [{"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 1, "result": {}}]
)
async def test_what_needs_no_answer_is_accepted(app: Any, message: dict[str, Any]) -> None:
    response = await app.post(message)
    assert (response.status_code, response.content) == (202, b"")
    assert "content-type" not in response.headers


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
async def test_initialize_agrees_on_a_version(app: Any, asked: str | None, spoken: str) -> None:
    params: dict[str, Any] = {"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    if asked is not None:
        params["protocolVersion"] = asked
    response = await app.post({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params})
    result = event_of(response)["result"]
    assert result["protocolVersion"] == spoken
    assert result["serverInfo"] == {"name": "snippets", "version": "1.0.0"}
    assert result["instructions"].startswith("Keeps")
    assert "tools" in result["capabilities"]
    assert response.headers["mcp-session-id"]


async def test_a_session_id_is_checked_but_not_needed(app: Any) -> None:
    initialized = await app.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})
    session = initialized.headers["mcp-session-id"]
    assert (await app.post(PING, headers=app.headers(**{"Mcp-Session-Id": session}))).status_code == 200
    for other in (session[:-2] + "AA", "x", "a|b"):
        response = await app.post(PING, headers=app.headers(**{"Mcp-Session-Id": other}))
        assert (response.status_code, response.json()["error"]["message"]) == (400, "Invalid client state.")


async def test_no_session_id_without_initialize(app: Any) -> None:
    assert "mcp-session-id" not in (await app.post(PING)).headers


async def test_tools_have_schemas(app: Any) -> None:
    response = await app.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    tools = {tool["name"]: tool for tool in event_of(response)["result"]["tools"]}
    assert tools["save_snippet"]["description"] == "Saves a text under a name. Only you can read it."
    schema = tools["save_snippet"]["inputSchema"]
    assert (schema["type"], schema["required"]) == ("object", ["name", "content"])
    assert schema["properties"]["name"]["type"] == "string"
    assert schema["properties"]["name"]["description"]
    assert tools["hello_mcp"]["inputSchema"] == {"type": "object", "properties": {}, "required": []}


@pytest.mark.parametrize("method", ["server/discover", "nonsense", "logging/setLevel"])
async def test_an_unknown_method_is_an_error_in_a_200(app: Any, method: str) -> None:
    answer = event_of(await app.post({"jsonrpc": "2.0", "id": 9, "method": method}))
    assert (answer["id"], answer["error"]["code"]) == (9, -32601)


@pytest.mark.parametrize("method", ["resources/list", "resources/templates/list", "prompts/list"])
async def test_there_are_no_resources_and_prompts(app: Any, method: str) -> None:
    answer = event_of(await app.post({"jsonrpc": "2.0", "id": 9, "method": method}))
    assert list(answer["result"].values()) == [[]]


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"name": "nonsense", "arguments": {}}, -32602, "Unknown tool: 'nonsense'"),
        ({"name": "save_snippet"}, -32602, "Please provide: name, content"),
        ({"name": "save_snippet", "arguments": {"name": "x", "content": None}}, -32602, "Please provide: content"),
        ({"name": "save_snippet", "arguments": [1]}, -32603, "An error occurred."),
        ({"name": 1}, -32603, "An error occurred."),
        (None, -32603, "An error occurred."),
    ],
)
async def test_calls_that_reach_no_function(app: Any, params: Any, code: int, message: str) -> None:
    answer = event_of(await app.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
    assert answer["error"]["code"] == code
    assert answer["error"]["message"].endswith(message)


async def test_tools_are_found_whatever_the_case(app: Any) -> None:
    assert "Hello" in (await app.call("HELLO_MCP"))["result"]["content"][0]["text"]


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"[]", b'"x"', b"{}", b'{"jsonrpc":"1.0","id":1,"method":"ping"}', b"\xff", b"[" * 9999],
)
async def test_what_is_no_message_is_not_handled(app: Any, content: bytes) -> None:
    async with app.network.client() as client:
        headers = app.headers(**{"Content-Type": "application/json"})
        response = await client.post(app.url, content=content, headers=headers)
    assert (response.status_code, response.content) == (500, b"")


async def test_null_is_no_message_either(app: Any) -> None:
    async with app.network.client() as client:
        headers = app.headers(**{"Content-Type": "application/json"})
        response = await client.post(app.url, content=b"null", headers=headers)
    assert response.status_code == 400
    assert "valid JSON-RPC message" in response.json()["error"]["message"]


@pytest.mark.parametrize(("path", "status"), [("", 404), ("/api/hello", 404), ("/runtime/webhooks/mcpx", 404)])
async def test_nothing_else_is_served(app: Any, path: str, status: int) -> None:
    async with app.network.client() as client:
        response = await client.post(f"https://{app.host.site.host}{path}", json=PING, headers=app.headers())
    assert response.status_code == status


async def test_a_failing_function_tells_the_client_nothing(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = await app.call("hello_mcp", user="nobody")
    assert answer["result"] == {
        "content": [{"type": "text", "text": "An error occurred invoking 'hello_mcp'."}],
        "isError": True,
    }
    assert "UnknownCaller" in caplog.text


async def test_tools_see_every_header_of_the_request(run: Any, code_with: Any) -> None:
    import json

    async with run(code=code_with("return json.dumps(context['transport'])")) as app:
        headers = [*app.headers().items(), ("X-Twice", "a"), ("X-Twice", "b")]
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "tool"}}
        answer = event_of(await app.post(call, headers=headers))
    transport = json.loads(answer["result"]["content"][0]["text"])
    assert transport["name"] == "http-streamable"
    assert transport["properties"]["headers"]["x-twice"] == "a,b"
    assert transport["properties"]["headers"]["authorization"].startswith("Bearer ")
