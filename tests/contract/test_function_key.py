"""M33: where a function key is injected, the deprecated SSE transport does not exist, because it would tell clients the key."""

from pathlib import Path

import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]


async def test_M33_with_a_function_key_tools_work_and_sse_is_not_found() -> None:
    async with LocalCloud.open(ROOT, config={"backendAuth": "functionKey"}, port=0) as cloud:
        application = Application(cloud.gateway_url)
        key = (await application.tokens(Person()))["access_token"]
        hello = await application.call(key, "tools/call", {"name": "hello_mcp", "arguments": {}})
        assert hello.status_code == 200
        assert "Hello" in hello.text
        headers = {"Authorization": f"Bearer {key}"}
        assert (await application.send("GET", "/mcp/sse", headers=headers)).status_code == 404
        assert (await application.send("POST", "/mcp/message", headers=headers, json={})).status_code == 404


@pytest.mark.parametrize("path", ["/mcp/sse", "/mcp/message", "/mcp/SSE", "/mcp/sse/"])
async def test_M33_A4_the_deprecated_transport_is_off_unless_it_is_asked_for(
    application: Application, path: str
) -> None:
    headers = {"Authorization": f"Bearer {(await application.tokens(Person()))['access_token']}"}
    assert (await application.send("GET", path, headers=headers)).status_code == 404
    assert (await application.send("POST", path, headers=headers, json={})).status_code == 404


@pytest.mark.parametrize(
    "guard",
    [
        {"toolRoles": '{"save_snippet": "Snippets.Write"}'},
        {"mcpScopes": '["mcp:tools", "x"]', "toolScopes": '{"save_snippet": "x"}'},
        {"backendAuth": "functionKey"},
    ],
)
async def test_M33_it_is_refused_beside_what_depends_on_who_calls(guard: dict[str, str]) -> None:
    with pytest.raises(Exception, match="sseTransport"):
        async with LocalCloud.open(ROOT, stack="dev", config={"sseTransport": "enabled"} | guard, port=0):
            pass
