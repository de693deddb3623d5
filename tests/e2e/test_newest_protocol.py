"""MCP 2026-07-28 from end to end: the official client signs in and calls hosts that speak it, the SDK's own server and FastMCP's.

https://modelcontextprotocol.io/specification/2026-07-28
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged
from pydantic import Field
from starlette.types import ASGIApp, Receive, Scope, Send

from actors import everything, fastmcp_server
from actors.jobs import IDENTIFIER
from e2e.test_python_client import Keyring, sign_in, text_of
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
CONFIG = {
    "signInRateLimit": "100000",
    "mcpRateLimit": "100000",
    "mcpProtocolVersions": '["2026-07-28", "2025-11-25"]',
    "mcpParamHeaders": '["Region"]',
    "allowedOrigins": '["https://app.example.com"]',
}


class Seen:
    """One request that reached the host."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.over = asyncio.Event()

    def __repr__(self) -> str:
        return f"{self.method} {self.headers}"


class Watched:
    """A host that remembers what reached it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.seen: list[Seen] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = Seen(scope)
        self.seen.append(seen)

        try:
            await self.app(scope, receive, send)
        finally:
            seen.over.set()

    def calls(self, method: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.headers.get("mcp-method") == method]


class Host:
    """A cloud with one host behind it."""

    def __init__(self, cloud: LocalCloud, watched: Watched) -> None:
        self.cloud = cloud
        self.watched = watched

    @asynccontextmanager
    async def client(self, person: str = "alice", **options: Any) -> AsyncIterator[Client]:
        url = self.cloud.gateway_url + "/mcp"
        self.watched.seen.clear()
        async with (
            httpx2.AsyncClient(auth=sign_in(url, Person(person), Keyring()), trust_env=False, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http), **options) as client,
        ):
            yield client


@asynccontextmanager
async def hosted(app: ASGIApp, **config: str) -> AsyncIterator[Host]:
    watched = Watched(app)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(everything.served(watched))
        cloud = LocalCloud.open(ROOT, config=CONFIG | config, port=0, backend=address + "/mcp")
        yield Host(await stack.enter_async_context(cloud), watched)


@pytest.fixture(scope="module")
async def sdk() -> AsyncIterator[Host]:
    async with hosted(everything.app()) as host:
        yield host


@pytest.fixture(scope="module")
async def fastmcp() -> AsyncIterator[Host]:
    async with hosted(fastmcp_server.app()) as host:
        yield host


@pytest.fixture(params=["sdk", "fastmcp"])
def host(request: pytest.FixtureRequest) -> Host:
    return request.getfixturevalue(request.param)


async def test_B1_a_client_discovers_the_host_and_calls_without_a_session(host: Host) -> None:
    async with host.client() as client:
        assert client.protocol_version == "2026-07-28"
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"who", "test_region"} <= tools
        assert text_of(await client.call_tool("who", {}))
    seen = host.watched.seen
    assert [each.headers["mcp-method"] for each in seen] == ["server/discover", "tools/list", "tools/call"]
    assert {each.method for each in seen} == {"POST"}
    assert {each.headers["mcp-protocol-version"] for each in seen} == {"2026-07-28"}
    assert [each.headers.get("mcp-name") for each in seen] == [None, None, "who"]
    assert not any("mcp-session-id" in each.headers or "last-event-id" in each.headers for each in seen)


async def test_B1_S11_each_request_says_whose_it_is(host: Host) -> None:
    async with host.client("alice") as alice, host.client("bob") as bob:
        said = [text_of(await client.call_tool("who", {})) for client in (alice, bob, alice, bob)]
    assert said[:2] == said[2:]
    assert len(set(said)) == 2
    assert all(said)


async def test_B1_clients_of_the_older_era_are_served_beside(host: Host) -> None:
    async with host.client(mode="legacy") as client:
        assert client.protocol_version == "2025-11-25"
        assert text_of(await client.call_tool("who", {}))
    assert any("mcp-session-id" in each.headers for each in host.watched.seen)


async def filled_in(_: ClientRequestContext, asked: types.ElicitRequestParams) -> types.ElicitResult:
    """A person who fills in every form."""
    assert isinstance(asked, types.ElicitRequestFormParams)
    content = {
        name: True if field["type"] == "boolean" else f"my {name}"
        for name, field in asked.requested_schema["properties"].items()
    }
    return types.ElicitResult(action="accept", content=content)


async def thought(_: ClientRequestContext, asked: types.CreateMessageRequestParams) -> types.CreateMessageResult:
    """A model with one answer to everything."""
    return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="Paris"), model="m")


async def folders(_: ClientRequestContext) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/alice")])


ABLE: dict[str, Any] = {
    "elicitation_callback": filled_in,
    "sampling_callback": thought,
    "list_roots_callback": folders,
}


async def test_B1_a_call_asks_and_comes_again_with_the_answers_and_its_state(host: Host) -> None:
    async with host.client(**ABLE) as client:
        result = await client.call_tool("test_input_required_result_multi_round", {})
    assert text_of(result) == "my name likes my color"
    rounds = host.watched.calls("tools/call")
    assert len(rounds) == 3, "each round is a request of its own"
    assert len({each.headers["x-mcp-user-oid"] for each in rounds}) == 1


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("test_input_required_result_elicitation", "Hello, my name!"),
        ("test_input_required_result_sampling", "Paris"),
        ("test_input_required_result_list_roots", "file:///home/alice"),
        ("test_input_required_result_request_state", "state-ok"),
        ("test_input_required_result_multiple_inputs", "done"),
    ],
)
async def test_B1_a_call_asks_for_whatever_a_client_can_give(sdk: Host, tool: str, expected: str) -> None:
    async with sdk.client(**ABLE) as client:
        assert expected in text_of(await client.call_tool(tool, {}))


async def test_B1_a_prompt_asks_as_well(sdk: Host) -> None:
    async with sdk.client(**ABLE) as client:
        prompt = await client.get_prompt("test_input_required_result_prompt")
    assert "In the context of my context" in str(prompt.messages)


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_B1_a_page_of_the_servers_own_is_asked_for_by_its_address(
    host: Host, action: Literal["accept", "decline"]
) -> None:
    opened: list[types.ElicitRequestURLParams] = []

    async def open_page(_: ClientRequestContext, asked: types.ElicitRequestParams) -> types.ElicitResult:
        assert isinstance(asked, types.ElicitRequestURLParams)
        opened.append(asked)
        return types.ElicitResult(action=action)

    async with host.client(elicitation_callback=open_page) as client:
        assert text_of(await client.call_tool("open_account", {})) == f"account: {action}"
    assert [asked.url for asked in opened] == ["https://pay.example/start?for=me"]


async def test_B1_M28_a_subscription_is_one_long_stream_that_ends_with_its_client(sdk: Host) -> None:
    async with sdk.client() as client, asyncio.timeout(30):
        async with client.listen(tools_list_changed=True, resource_subscriptions=["test://watched-resource"]) as stream:
            assert stream.honored.tools_list_changed
            for turn in range(3):
                # Each is there before the next is made: nothing on the way collects them.
                await client.call_tool("test_trigger_tool_change", {})
                assert await anext(stream) == ToolsListChanged(), turn
            await client.call_tool("test_trigger_resource_update", {"uri": "test://watched-resource"})
            assert await anext(stream) == ResourceUpdated(uri="test://watched-resource")
            [listening] = sdk.watched.calls("subscriptions/listen")
            assert listening.method == "POST"
            assert not listening.over.is_set()
        await listening.over.wait()


async def test_B1_what_a_client_did_not_subscribe_to_is_not_sent(sdk: Host) -> None:
    async with sdk.client() as client, asyncio.timeout(30), client.listen(prompts_list_changed=True) as stream:
        await client.call_tool("test_trigger_tool_change", {})
        await client.call_tool("test_trigger_prompt_change", {})
        assert type(await anext(stream)).__name__ == "PromptsListChanged"


class Created(types.Result):
    """The answer to a call whose work goes on."""

    result_type: Literal["task"] = Field("task", alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str


class TaskParams(types.RequestParams):
    task_id: str = Field(alias="taskId")
    input_responses: dict[str, Any] | None = Field(None, alias="inputResponses")


class TaskRequest(types.Request[TaskParams, Literal["tasks/get", "tasks/update", "tasks/cancel"]]):
    name_param = "taskId"
    method: Literal["tasks/get", "tasks/update", "tasks/cancel"]
    params: TaskParams


class TaskState(types.Result):
    model_config = types.Result.model_config | {"extra": "allow"}
    status: str = ""


class Tasks(ClientExtension):
    """A client that waits for tasks, answers what they ask, and cancels those that it is told to."""

    identifier = IDENTIFIER

    def __init__(self, cancelled: bool = False) -> None:
        self.cancelled = cancelled
        self.states: list[str] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Created, resolve=self.resolve)]

    async def resolve(self, created: Created, context: ClaimContext) -> types.CallToolResult:
        async def ask(method: Literal["tasks/get", "tasks/update", "tasks/cancel"], **more: Any) -> TaskState:
            request = TaskRequest(method=method, params=TaskParams(taskId=created.task_id, **more))
            return await context.session.send_request(request, TaskState)

        self.states.append(created.status)
        if self.cancelled:
            await ask("tasks/cancel")
        while True:
            state = await ask("tasks/get")
            if self.states[-1] != state.status:
                self.states.append(state.status)
            more = state.model_extra or {}
            if state.status == "input_required":
                await ask("tasks/update", inputResponses={key: {"action": "accept"} for key in more["inputRequests"]})
            elif state.status != "working":
                return types.CallToolResult.model_validate(more.get("result") or {"content": [], "isError": True})
            await asyncio.sleep(0.02)


async def test_B1_a_task_goes_on_after_its_call_was_answered(sdk: Host) -> None:
    tasks = Tasks()
    async with sdk.client(extensions=[tasks]) as client, asyncio.timeout(30):
        result = await client.call_tool("slow_compute", {"seconds": 0.3, "label": "well"})
    assert text_of(result) == "computed well"
    assert tasks.states == ["working", "completed"]
    names = {each.headers["mcp-name"] for each in sdk.watched.calls("tasks/get")}
    assert len(names) == 1, "the header that routes says which task"


async def test_B1_a_task_asks_and_goes_on_with_the_answer(sdk: Host) -> None:
    tasks = Tasks()
    async with sdk.client(extensions=[tasks]) as client, asyncio.timeout(30):
        result = await client.call_tool("confirm_delete", {"filename": "a.txt"})
    assert text_of(result) == "deleted: accept"
    assert "input_required" in tasks.states


async def test_B1_a_task_is_cancelled(sdk: Host) -> None:
    tasks = Tasks(cancelled=True)
    async with sdk.client(extensions=[tasks]) as client, asyncio.timeout(30):
        result = await client.call_tool("slow_compute", {"seconds": 60})
    assert result.is_error
    assert tasks.states[-1] == "cancelled"


async def test_B1_a_tool_that_needs_tasks_says_so_to_a_client_without(sdk: Host) -> None:
    async with sdk.client() as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("confirm_delete", {})
    assert refused.value.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY


@pytest.mark.parametrize("region", ["eu-north", "Zürich, Süd", " padded ", "=?base64?eA==?="])
async def test_B1_M27_parameters_that_come_as_headers_reach_the_host_as_they_were_sent(host: Host, region: str) -> None:
    async with host.client() as client:
        await client.list_tools()
        assert text_of(await client.call_tool("test_region", {"region": region})) == f"1 in {region}"
    [call] = host.watched.calls("tools/call")
    value = call.headers["mcp-param-region"]
    if value != region:
        assert value == f"=?base64?{base64.b64encode(region.encode()).decode()}?="


async def test_B1_M27_a_header_that_contradicts_its_parameter_is_refused_in_the_hosts_words(host: Host) -> None:
    key = (await Application(host.cloud.gateway_url).tokens(Person()))["access_token"]
    meta = {
        types.PROTOCOL_VERSION_META_KEY: "2026-07-28",
        types.CLIENT_INFO_META_KEY: {"name": "x", "version": "1"},
        types.CLIENT_CAPABILITIES_META_KEY: {},
    }
    params = {"name": "test_region", "arguments": {"region": "here"}, "_meta": meta}
    headers = {
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "test_region",
        "Mcp-Param-Region": "there",
    }
    answer = await Application(host.cloud.gateway_url).call(key, "tools/call", params, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == types.HEADER_MISMATCH
    headers["Mcp-Param-Region"] = "here"
    answer = await Application(host.cloud.gateway_url).call(key, "tools/call", params, headers=headers)
    assert "1 in here" in answer.text


async def test_S1_B1_a_page_may_send_the_declared_parameters_and_no_others(host: Host) -> None:
    application = Application(host.cloud.gateway_url)
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    names = ["authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-region"]
    answer = await application.send(
        "OPTIONS", "/mcp", headers=asked | {"Access-Control-Request-Headers": ",".join(names)}
    )
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].lower().split(",")}
    assert set(names) <= allowed
    assert "mcp-param-other" not in allowed


async def test_B2_a_host_of_the_newest_era_is_guarded_as_any_other() -> None:
    scopes = {"mcpScopes": '["mcp:tools", "regions:read"]', "toolScopes": '{"test_region": "regions:read"}'}
    async with hosted(everything.app(), **scopes) as host:
        keyring = Keyring()
        url = host.cloud.gateway_url + "/mcp"
        async with (
            httpx2.AsyncClient(auth=sign_in(url, Person(), keyring), trust_env=False, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            assert text_of(await client.call_tool("who", {}))
            assert keyring.tokens is not None
            assert "regions:read" not in (keyring.tokens.scope or "")
            assert text_of(await client.call_tool("test_region", {"region": "x"})) == "1 in x"
            assert "regions:read" in (keyring.tokens.scope or "")
        assert len(host.watched.calls("tools/call")) == 2, "the refused call did not reach the host"


async def test_B1_a_version_that_the_configuration_leaves_out_is_refused_before_the_host() -> None:
    async with hosted(everything.app(), mcpProtocolVersions='["2025-11-25"]') as host:
        async with host.client() as client:
            assert client.protocol_version == "2025-11-25"
        assert "2026-07-28" not in {each.headers.get("mcp-protocol-version") for each in host.watched.seen}
        assert "server/discover" not in json.dumps([each.headers for each in host.watched.seen])
