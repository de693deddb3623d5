"""Which requests reach an operation."""

from typing import Any

import pytest

Stack = Any


@pytest.fixture
def routed(stack: Stack) -> Stack:
    say = "<policies><inbound><return-response><set-body>{}</set-body></return-response></inbound></policies>"
    stack.api("root", "")
    stack.operation("GET", "/mcp", say.format("root"), "root")
    stack.operation("GET", "/things/{id}/parts/{part}", say.format(
        '@(context.Request.MatchedParameters["id"] + "," + context.Request.MatchedParameters["part"])'
    ), "root")  # fmt: skip
    stack.api("mcp", "mcp")
    stack.operation("GET", "/", say.format("mcp"), "mcp")
    stack.operation("GET", "/.well-known/x", say.format("@(context.Api.Id + context.Operation.Method)"), "mcp")
    stack.build()
    return stack


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/mcp", "mcp"),
        ("/mcp/", "mcp"),
        ("/MCP", "mcp"),
        ("/mcp?x=1", "mcp"),
        ("/mcp/.well-known/x", "mcpGET"),
        ("/mcp/.WELL-known/x/", "mcpGET"),
        ("/things/1/parts/2", "1,2"),
    ],
)
async def test_the_longest_path_and_the_template_choose_the_operation(routed: Stack, path: str, said: str) -> None:
    assert (await routed.send("GET", path)).text == said


@pytest.mark.parametrize("path", ["/", "/mcpx", "/mcp/x", "/things/1/parts", "/things/1/parts/2/3", "/things/%2F/x"])
async def test_everything_else_is_not_found(routed: Stack, path: str) -> None:
    response = await routed.send("GET", path)
    assert response.status_code == 404
    assert response.json() == {"statusCode": 404, "message": "Resource not found"}


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "PUT"])
async def test_other_methods_are_not_found(routed: Stack, method: str) -> None:
    assert (await routed.send(method, "/mcp")).status_code == 404


@pytest.mark.parametrize("host", ["other.example", "apim.example:8443", "[", "a b", ""])
async def test_other_hosts_are_not_found(routed: Stack, host: str) -> None:
    assert (await routed.send("GET", "/mcp", {"Host": host})).status_code == 404


async def test_an_undeclared_operation_is_gone_without_its_policy_falling_open(stack: Stack) -> None:
    stack.api()
    stack.operation("GET", "/a")
    stack.build()
    assert (await stack.send("GET", "/api/a")).status_code == 200
    assert (await stack.send("GET", "/api/b")).status_code == 404


async def test_a_long_query_string_is_refused(routed: Stack) -> None:
    assert (await routed.send("GET", "/mcp?" + "x" * 2048)).status_code == 200
    assert (await routed.send("GET", "/mcp?" + "x" * 2049)).status_code == 414
