"""Clients built on the TypeScript SDK, unmodified: MCP Inspector, mcp-remote, both lines of the SDK, and the official conformance suite."""

import asyncio
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from actors import everything, fastmcp_server
from actors.node_tools import HERE, installed, run_signing_in
from secure_mcp_local.azure.storage.node import node
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
NEWEST = {"mcpProtocolVersions": '["2026-07-28", "2025-11-25"]', "mcpRateLimit": "100000", "signInRateLimit": "100000"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_inspector_signs_in_and_calls_a_tool(cloud: LocalCloud, tmp_path: Path, era: str) -> None:
    arguments = [
        "--cli", cloud.gateway_url + "/mcp", "--transport", "http", "--protocol-era", era,
        "--callback-url", f"http://127.0.0.1:{free_port()}/oauth/callback",
        "--method", "tools/call", "--tool-name", "hello_mcp", "--format", "json",
    ]  # fmt: skip
    code, output = await run_signing_in(
        "mcp-inspector", arguments, Person("alice"), tmp_path, cloud.gateway_url + "/authorize?"
    )
    assert code == 0, output
    assert "Hello" in output


async def called(
    cloud: LocalCloud, home: Path, package: str, mode: str, tool: str, **identity: object
) -> dict[str, Any]:
    """What a client that is written with a package of the SDK gets; `identity` is how it says who it is."""
    url, port = cloud.gateway_url + "/mcp", str(free_port())
    code, output = await run_signing_in(
        HERE / "client.mjs",
        [str(installed()), package, url, port, mode, tool, "{}", json.dumps(identity)],
        Person("alice"), home, cloud.gateway_url + "/authorize?",
    )  # fmt: skip
    assert code == 0, output
    return json.loads(output.partition("result: ")[2])


@pytest.mark.parametrize(
    ("package", "mode"),
    [("@modelcontextprotocol/sdk", "legacy"), ("@modelcontextprotocol/client", "legacy"), ("@modelcontextprotocol/client", "auto")],
)  # fmt: skip
async def test_both_lines_of_the_sdk_sign_in_and_call_a_tool(
    cloud: LocalCloud, tmp_path: Path, package: str, mode: str
) -> None:
    found = await called(cloud, tmp_path, package, mode, "hello_mcp")
    assert found["version"] == "2025-11-25"
    assert "Hello" in str(found["result"])


@pytest.mark.parametrize("host", [everything, fastmcp_server], ids=["sdk", "fastmcp"])
async def test_B1_clients_of_the_newest_era_sign_in_and_answer_a_call_that_asks(
    tmp_path: Path, host: ModuleType
) -> None:
    async with (
        everything.served(host.app()) as address,
        LocalCloud.open(ROOT, config=NEWEST, port=0, backend=address + "/mcp") as cloud,
    ):
        found = await called(
            cloud, tmp_path, "@modelcontextprotocol/client", "auto", "test_input_required_result_multi_round"
        )
        assert found["version"] == "2026-07-28"
        assert "my name likes my color" in str(found["result"])
        arguments = [
            "--cli", cloud.gateway_url + "/mcp", "--transport", "http", "--protocol-era", "modern",
            "--callback-url", f"http://127.0.0.1:{free_port()}/oauth/callback",
            "--method", "tools/call", "--tool-name", "who", "--format", "json",
        ]  # fmt: skip
        code, output = await run_signing_in(
            "mcp-inspector", arguments, Person("alice"), tmp_path, cloud.gateway_url + "/authorize?"
        )
        assert code == 0, output
        assert '"isError": true' not in output


async def test_a_client_that_only_starts_programs_signs_in_by_mcp_remote(cloud: LocalCloud, tmp_path: Path) -> None:
    """The configuration that people write: `"command": "npx", "args": ["mcp-remote", URL]`."""
    log, address = tmp_path / "log", re.escape(cloud.gateway_url) + r"/authorize\?\S+"
    program = StdioServerParameters(
        command=node(),
        args=[
            str(installed() / "node_modules" / ".bin" / "mcp-remote"), cloud.gateway_url + "/mcp", str(free_port()),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BROWSER": "true"},
    )  # fmt: skip

    async def sign_in() -> None:
        # Nothing says when a program has written.
        while not (found := re.search(address, log.read_text("utf-8"))):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        person = Person("alice")
        end = await person.sign_in(found.group())
        assert isinstance(end, str), end.text
        assert (await person.request("GET", end)).status_code < 400

    with log.open("w", encoding="utf-8") as errors:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(sign_in())
            async with Client(stdio_client(program, errlog=errors), mode="legacy") as client:
                result = await client.call_tool("hello_mcp", {})
    assert "Hello" in str(result.content), log.read_text("utf-8")


async def test_the_conformance_suite_passes_against_the_authorization_server(
    cloud: LocalCloud, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    port = free_port()
    application = Application(cloud.gateway_url, redirect_uri=f"http://127.0.0.1:{port}/callback")
    (await application.register()).raise_for_status()
    arguments = [
        "authorization", "--url", cloud.gateway_url, "--client-id", application.client_id,
        "--resource", cloud.gateway_url + "/mcp", "--port", str(port),
    ]  # fmt: skip
    code, output = await run_signing_in(
        "conformance", arguments, Person("alice"), tmp_path, cloud.gateway_url + "/authorize?"
    )
    assert code == 0, output
    # How many checks a scenario has depends on what the metadata announces.
    assert re.search(r"authorization-server-metadata-endpoint: [1-9][0-9]* passed, 0 failed", output), output
    assert re.search(r"authorization-code-grant: [1-9][0-9]* passed, 0 failed", output), output
    # For docs/scorecard.md.
    record_property("checks", " + ".join(re.findall(r": ([0-9]+) passed, 0 failed", output)))
