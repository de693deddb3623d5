"""Clients built on the TypeScript SDK, unmodified: MCP Inspector and the official conformance suite."""

import re
import socket
from pathlib import Path

import pytest

from actors.node_tools import run_signing_in
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person


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


async def test_the_conformance_suite_passes_against_the_authorization_server(cloud: LocalCloud, tmp_path: Path) -> None:
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
