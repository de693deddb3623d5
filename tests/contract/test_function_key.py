"""M33: where a function key is injected, the deprecated SSE transport does not exist, because it would tell clients the key."""

from pathlib import Path

from actors.application import Application
from actors.person import Person
from secure_mcp_local.cloud import LocalCloud


async def test_M33_with_a_function_key_tools_work_and_sse_is_not_found() -> None:
    root = Path(__file__).parents[2]
    async with LocalCloud.open(root, config={"backendAuth": "functionKey"}, port=0) as cloud:
        application = Application(cloud.gateway_url)
        key = (await application.tokens(Person()))["access_token"]
        hello = await application.call(key, "tools/call", {"name": "hello_mcp", "arguments": {}})
        assert hello.status_code == 200
        assert "Hello" in hello.text
        headers = {"Authorization": f"Bearer {key}"}
        assert (await application.send("GET", "/mcp/sse", headers=headers)).status_code == 404
        assert (await application.send("POST", "/mcp/message", headers=headers, json={})).status_code == 404
