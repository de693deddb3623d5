"""M34: a message is strict JSON, read in linear time, and what is checked is what the server reads."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.large_messages import MIB, PASS, REFUSED, passing, refused, tool_call
from actors.linear import TIMES, assert_linear
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


class Caller:
    """A signed-in client of a cloud whose server says yes to everything."""

    def __init__(self, application: Application, key: str) -> None:
        self.application, self.key = application, key

    async def post(self, body: str | bytes, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body.encode() if isinstance(body, str) else body
        return await self.application.send("POST", "/mcp", content=content, headers=sent)

    async def accepts(self, body: str | bytes, **headers: str) -> bool:
        response = await self.post(body, **headers)
        assert response.status_code in {200, 400}, response.text
        return response.status_code == 200


@pytest.fixture(scope="module")
async def caller(cloud_with: CloudWith) -> AsyncIterator[Caller]:
    async with cloud_with() as cloud:
        application = Application(cloud.gateway_url)
        yield Caller(application, (await application.tokens(Person()))["access_token"])


ORDINARY = [
    '{"x":["a",":"]}',
    '{"args":["-addr",":8080"]}',
    '{"css":[":hover",":focus"]}',
    '{"at":["09",":30"]}',
    '{"source":"if (a == \\"b\\") { return {c: [1,2]}; } // {\\"x\\": 1}"}',
    '{"text":"caf\\u00e9 \\ud83d\\ude00 / \\/ \\b\\f\\n\\r\\t \\\\"}',
    '{"":null,"a":{},"b":[],"c":[[],{}],"d":-0,"e":1.5E+10,"f":true,"g":false}',
    '{ "a" :\t[ 1 ,\r\n 2 ] }',
    '{"name":"x","Name":"y","NAME":"z"}',
    '{"a":1,"a":2}',
    '{"text":"\u2028 \U0001f600 \ufffd"}',
]


async def test_M34_F1_ordinary_arguments_pass(caller: Caller) -> None:
    for arguments in ORDINARY:
        assert await caller.accepts(tool_call(arguments)), arguments


LENIENT = [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"save_snippet",name:"hello_mcp"}}',
    '{jsonrpc:"2.0","id":1,"method":"ping"}',
    "{'jsonrpc':'2.0','id':1,'method':'ping'}",
    '{"jsonrpc":"2.0","id":1,"method":"ping"/* */}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"} // x',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}{}',
    '{"jsonrpc":"2.0","id":1,"method":"ping",}',
    '{,"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":010,"method":"ping"}',
    '{"jsonrpc":"2.0","id":0x10,"method":"ping"}',
    '{"jsonrpc":"2.0","id":+1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":Infinity}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":undefined}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":new Date(1)}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[1,]}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[,1]}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[1 2]}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[1}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":.5}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1.}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":TRUE}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{1:2}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{null:2}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\t"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\n"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\x41"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ude00\\ud83d"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\u00"}}',
    '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}\x00',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}\xa0',
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    '{"jsonrpc":"2.0","id":1,"method":"ping"',
    '"ping"',
    "",
    '{"jsonrpc":"2.0","id":1,"method":7}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["hello_mcp"]}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["hello_mcp"]}',
    '{"jsonrpc":2.0,"id":1,"method":"ping"}',
]


async def test_M34_F3_lenient_json_is_refused(caller: Caller) -> None:
    for body in LENIENT:
        assert not await caller.accepts(body), body
    for body in (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}',
        b'{"jsonrpc":"2.0","method":"\xf0\x9f\x98"}',
    ):
        assert not await caller.accepts(body), body
    assert not await caller.accepts('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"))


NO_MESSAGES = [
    '{"jsonrpc":"2.0","id":null,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1e3,"method":"ping"}',
    '{"jsonrpc":"2.0","id":true,"method":"ping"}',
    '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":"x"}',
    '{"jsonrpc":"2.0","method":"notifications/initialized","params":1}',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"params":{}}',
    '{"jsonrpc":"2.0","id":null,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"no"}}',
]
MESSAGES = [
    '{"jsonrpc":"2.0","id":"2026-11-30T12:00:00Z","method":"ping"}',
    '{"jsonrpc":"2.0","id":"","method":"ping"}',
    '{"jsonrpc":"2.0","id":-7,"method":"ping"}',
    '{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}',
    '{"jsonrpc":"2.0","id":1,"result":null}',
    '{"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"no"}}',
]


async def test_M34_what_is_neither_request_nor_notification_nor_answer_reaches_no_server(caller: Caller) -> None:
    """A server that fails at one would be told of as one that is down."""
    for body in NO_MESSAGES:
        assert not await caller.accepts(body), body
    for body in MESSAGES:
        assert await caller.accepts(body), body


REPEATED = [
    # What a lenient reader takes for tools/call, and the check of tools would pass by.
    '{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"\\ttools/call","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tool\u017f/call","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"Tools/Ca\\u217cl\\u0000/","method ":"tools/call","params":{"name":"save_snippet"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","method\\u0000x":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","\\tmethod":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name\\u0000":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name\\u00a0":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","\\u006dethod":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}',
    '{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"nAme":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","\\u004eame":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","ur\u0131":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","URI":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{},"Arguments":{}}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}',
]


async def test_M34_repeated_and_case_varied_names_that_matter_are_refused(caller: Caller) -> None:
    for body in REPEATED:
        assert not await caller.accepts(body), body


SMALL = 2 * MIB // TIMES


@pytest.mark.parametrize("shape", PASS)
async def test_M34_F2_two_mebibytes_of_anything_pass_in_linear_time(caller: Caller, shape: str) -> None:
    large = PASS[shape]
    assert MIB < len(large.encode()) <= 2 * MIB
    for answer in await assert_linear(caller.post, passing(SMALL)[shape], large):
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("shape", REFUSED)
async def test_M34_F2_two_mebibytes_of_anything_are_refused_in_linear_time(caller: Caller, shape: str) -> None:
    for answer in await assert_linear(caller.post, refused(SMALL)[shape], REFUSED[shape]):
        assert answer.status_code == 400, answer.text


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(['"', "\\", "{", "}", "[", "]", ":", ",", "0", " ", "\\u00e9", "a", '""', "[]", '{"a":']),
        min_size=1,
        max_size=6,
    ),
    prefix=st.sampled_from(["", '{"x":', '{"x":"', '{"x":[', tool_call("[")[:-3]]),
)
async def test_M34_any_repetition_is_read_in_linear_time(caller: Caller, pieces: list[str], prefix: str) -> None:
    piece = "".join(pieces)
    small, large = (prefix + piece * ((size - 200) // len(piece)) for size in (SMALL, 2 * MIB))
    for answer in await assert_linear(caller.post, small, large):
        assert answer.status_code in {200, 400}


def mutated() -> st.SearchStrategy[str]:
    alphabet = '{}[],:"\\ \n0123-+.eEutrfalsn/x'
    edits = st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["put", "add", "cut"]), st.sampled_from(alphabet)), max_size=3
    )
    bases = st.sampled_from([tool_call(arguments) for arguments in ORDINARY])

    def apply(base: str, changes: list[tuple[int, str, str]]) -> str:
        text = list(base)
        for at, kind, character in changes:
            place = at % len(text)
            text[place : place + (kind != "add")] = [] if kind == "cut" else [character]
        return "".join(text)

    return st.builds(apply, bases, edits)


class _Members(list[tuple[str, Any]]):
    pass


def is_strict(text: str) -> bool:
    """What Python's reader, which is strict but for its constants, makes of a message; repeated names at its two levels."""

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        message = json.loads(text, parse_constant=no_constant, object_pairs_hook=_Members)
    except ValueError:
        return False
    levels = [message, *(value for _, value in message)] if isinstance(message, _Members) else []
    return bool(levels) and all(
        len({name for name, _ in level}) == len(level) for level in levels if isinstance(level, _Members)
    )


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=mutated())
async def test_M34_what_is_not_strict_json_never_passes(caller: Caller, body: str) -> None:
    if not is_strict(body) or re.search(r"\\u[dD][89a-fA-F]", body.replace("\\ud83d\\ude00", "")):
        assert (await caller.post(body)).status_code == 400, body


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/json; charset=utf-7"},
        {"Content_Type": "application/json; charset=shift_jis"},
        {"Content_Type": "application/json; x=y; CHARSET=utf-16"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json, text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": ""},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "br"},
        {"Content_Encoding": "identity, gzip"},
    ],
)
async def test_M34_F4_what_two_readers_may_read_as_two_messages_is_415(caller: Caller, headers: dict[str, str]) -> None:
    assert (await caller.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', **headers)).status_code == 415


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json; x=y",
    ],
)
async def test_M34_json_in_utf_8_is_taken(caller: Caller, content_type: str) -> None:
    assert await caller.accepts('{"jsonrpc":"2.0","id":1,"method":"ping"}', Content_Type=content_type)


def encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(
    ("body", "headers", "fits"),
    [
        (tool_call("{}", "save_snippet"), {"Mcp_Name": "hello_mcp"}, False),
        (tool_call("{}"), {"Mcp_Name": "hello_mcp", "Mcp_Method": "tools/call"}, True),
        (tool_call("{}"), {"Mcp_Method": "ping"}, False),
        (tool_call("{}"), {"Mcp_Method": "Tools/Call"}, False),
        (tool_call("{}"), {"Mcp_Name": "Hello_mcp"}, False),
        (tool_call("{}"), {"Mcp_Name": ""}, False),
        (tool_call("{}"), {"Mcp_Name": encoded("hello_mcp")}, True),
        (tool_call("{}"), {"Mcp_Name": encoded("other")}, False),
        (tool_call("{}"), {"Mcp_Name": encoded("hello_mcp")[:-3] + " ?="}, False),
        (tool_call("{}"), {"Mcp_Name": "=?base64?%%?="}, False),
        (tool_call("{}", "caf\u00e9"), {"Mcp_Name": encoded("caf\u00e9")}, True),
        (tool_call("{}", "=?base64?aGk=?="), {"Mcp_Name": "=?base64?aGk=?="}, False),
        (tool_call("{}", "=?base64?aGk=?="), {"Mcp_Name": encoded("=?base64?aGk=?=")}, True),
        ('{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}', {"Mcp_Name": "a:b"}, True),
        ('{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}', {"Mcp_Name": "a:c"}, False),
        (
            '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","name":"n"}}',
            {"Mcp_Name": "n"},
            False,
        ),
        ('{"jsonrpc":"2.0","id":1,"result":{}}', {"Mcp_Method": "tools/call"}, False),
        ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}', {"Mcp_Name": "hello_mcp"}, False),
        (
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"uri":"hello_mcp"}}',
            {"Mcp_Name": "hello_mcp"},
            False,
        ),
        ('{"jsonrpc":"2.0","id":1,"method":"prompts/get"}', {"Mcp_Name": "greet"}, False),
        ('{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}', {"Mcp_Name": "t1"}, True),
        ('{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}', {"Mcp_Name": "t2"}, False),
        (
            '{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"taskId":"t1","name":"t2"}}',
            {"Mcp_Name": "t2"},
            False,
        ),
        # Of what has no name the specification says nothing: there is nothing that the header could contradict.
        ('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}', {"Mcp_Name": "x"}, True),
    ],
)
async def test_M34_F6_headers_that_contradict_the_body_are_refused(
    caller: Caller, body: str, headers: dict[str, str], fits: bool
) -> None:
    response = await caller.post(body, **headers)
    assert response.status_code == (200 if fits else 400), response.text
    assert fits or response.json()["error"]["code"] == -32020


async def test_M34_F7_a_message_may_have_64_levels(caller: Caller) -> None:
    deepest = "[" * 61 + "]" * 61
    assert await caller.accepts(tool_call(f'{{"x":{deepest}}}'))
    assert not await caller.accepts(tool_call(f'{{"x":[{deepest}]}}'))


async def test_M34_F8_batches_are_refused_and_their_version_is_not_advertised(caller: Caller) -> None:
    message = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    assert not await caller.accepts(f"[{message},{message}]")
    response = await caller.post(message, MCP_Protocol_Version="2025-03-26")
    assert response.status_code == 400
    assert "2025-03-26" not in response.json()["error"]["data"]["supported"]


GUARDED = [
    "save_snippet",
    "SAVE_snippet",
    "\u017fave_snippet",
    "save_sn\u0131ppet",
    "save_sn\u0130ppet",
    "save_snippet ",
    "save\u200b_snippet",
]


@pytest.mark.parametrize("method", ["post", "Post", "POst"])
async def test_M34_F5_a_method_in_another_case_gets_by_no_guard(caller: Caller, method: str) -> None:
    """Gateways and servers may route it like POST: what is no message to us must be none to the server."""
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    request = httpx.Request("POST", caller.application.resource, content=tool_call("{}"), headers=headers)
    request.method = method
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.send(request)
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32600)


async def test_M34_F5_a_name_that_folds_to_a_guarded_tool_is_refused(cloud_with: CloudWith) -> None:
    guards = {"mcpScopes": '["mcp:tools", "snippets:write"]', "toolScopes": '{"save_snippet": "snippets:write"}'}
    async with cloud_with(**guards) as cloud:
        application = Application(cloud.gateway_url)
        caller = Caller(application, (await application.tokens(Person()))["access_token"])
        for tool in GUARDED:
            assert (await caller.post(tool_call("{}", tool))).status_code in {400, 403}, tool
        assert await caller.accepts(tool_call("{}", "hello_mcp"))
