"""The pytest plugin in somebody else's project, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from actors.projects import project, with_gateway

PROGRAM = """
    from parts import gateway
    from pulumi_azure_native import resources

    gateway("gw", resources.ResourceGroup("rg").name, "fine")
"""
TESTS = """
import httpx
import pytest

async def test_it_answers(local_cloud):
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(local_cloud.gateway_url + "/hello")).text == "fine"

async def test_time_and_faults_are_in_hand(local_cloud, local_clock, local_faults, alice):
    before = local_cloud.clock.now()
    local_clock.advance(3600)
    assert local_cloud.clock.now() - before >= 3600
    local_faults.add("entra-down")
    assert alice.name == "alice"

def test_faults_end_with_the_test(local_cloud):
    assert not local_cloud.network.faults.active

def test_a_server_that_is_not_there_is_named(local_client):
    with pytest.raises(pytest.fail.Exception, match="there is no server 'mcp'"):
        local_client("mcp")
"""


def test_the_local_cloud_is_a_fixture(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "theirs", PROGRAM))
    (root / "test_it.py").write_text(TESTS)
    (root / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = session\n"
        "asyncio_default_test_loop_scope = session\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "4 passed" in answer.stdout
