"""`secure-mcp local --from-state`: what the real engine deployed, served; and what it deploys later."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from engine.conftest import Making
from engine.workspace import Workspace, copied_project
from samples import SMALL_STACKS
from secure_mcp_local.testing import Application, Person

METADATA = "/.well-known/oauth-authorization-server"
_PATIENCE = 30
"""Seconds until a change must be served."""


@pytest.fixture(scope="module")
def local(cli: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The dev stack, with a tool that acts as its user, deployed for this machine's addresses."""
    workspace = copied_project(tmp_path_factory.mktemp("serving") / "local", f"http://localhost:{port}")
    acting = {"scopes[0]": "User.Read", "tools[0]": "my_profile"}
    given = [word for key, value in acting.items() for word in ("--plaintext", f"userTokenScopes[0].{key}={value}")]
    workspace.pulumi("config", "set-all", "--path", *given)
    workspace.up(loginEndpoint=f"http://localhost:{port + 1}")
    return workspace


@pytest.fixture(scope="module")
def serving(local: Workspace) -> Iterator[dict[str, str]]:
    """The addresses of the deployed stack."""
    with served(local) as addresses:
        yield addresses


@contextmanager
def served(local: Workspace) -> Iterator[dict[str, str]]:
    """What is deployed, served meanwhile; its addresses."""
    command = [sys.executable, "-m", "secure_mcp_local", "local", "--json", "--cwd", str(local.project)]
    with subprocess.Popen(
        [*command, "--from-state", str(local.store.folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line, "it did not start"
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


TWO = """
from pulumi_azure_native import apimanagement, resources

group = resources.ResourceGroup("group", resource_group_name="rg", location="westeurope")
for name in ("one", "two"):
    service = apimanagement.ApiManagementService(
        name, service_name=f"apim-of-{name}", resource_group_name=group.name, location="westeurope",
        publisher_email="a@example.com", publisher_name="a", sku={"name": "BasicV2", "capacity": 1},
    )
    place = {"service_name": service.name, "resource_group_name": group.name, "api_id": "hello"}
    api = apimanagement.Api(
        name, path="hello", display_name="Hello", protocols=["https"], subscription_required=False, **place
    )
    operation = apimanagement.ApiOperation(
        name, operation_id="get", display_name="Get", method="GET", url_template="/",
        **{**place, "api_id": api.name},
    )
    apimanagement.ApiPolicy(
        name, policy_id="policy", format="rawxml",
        value=f"<policies><inbound><return-response><set-body>{name}</set-body></return-response></inbound>"
        "<backend /><outbound /><on-error /></policies>", **{**place, "api_id": api.name},
    )
"""


@SMALL_STACKS
def test_both_gateways_of_a_stack_are_served(small: Making) -> None:
    first = 18080 + 1500
    workspace = replace(small(TWO), gateway_url=f"http://localhost:{first}")
    workspace.up()
    with served(workspace):
        found = {httpx.get(f"http://localhost:{first + offset}/hello/").text for offset in (0, 3)}
    assert found == {"one", "two"}


async def test_a_person_signs_in_and_uses_what_was_deployed(serving: dict[str, str]) -> None:
    application = Application(serving["gateway"])
    tokens = await application.tokens(Person("alice"))
    answer = await application.call(tokens["access_token"], "tools/list")
    assert answer.status_code == 200, answer.text
    assert "save_snippet" in answer.text


async def test_U1_a_tool_acts_as_its_user_by_what_was_deployed(local: Workspace, serving: dict[str, str]) -> None:
    [consent] = [one for one in local.store if one.name == "mcp-api-0-consent"]
    assert consent.inputs["claimValues"] == ["User.Read"]
    application = Application(serving["gateway"])
    for name, shown in (("alice", "Alice Adams"), ("bob", "Bob Brown")):
        key = (await application.tokens(Person(name)))["access_token"]
        answer = await application.call(key, "tools/call", {"name": "my_profile", "arguments": {}})
        assert f"Name: {shown}" in answer.text, answer.text


def test_a_policy_that_is_deployed_reaches_the_running_gateway(local: Workspace, serving: dict[str, str]) -> None:
    policy = local.project / "policies" / "oauth" / "authorization-server-metadata.xml"
    url = serving["gateway"] + METADATA

    def age() -> str:
        return httpx.get(url).headers["cache-control"]

    assert age() == "public, max-age=300"
    policy.write_text(policy.read_text().replace("max-age=300", "max-age=301"))
    assert set(local.up().changed().values()) == {"update"}
    end = time.monotonic() + _PATIENCE
    while age() != "public, max-age=301":
        assert time.monotonic() < end, "the gateway still has the old policy"
        time.sleep(0.2)


def test_what_was_deployed_for_azures_addresses_is_not_served(untouched: Workspace) -> None:
    answer = _local(untouched.store.folder, untouched.project)
    assert answer.returncode != 0
    assert "azure-api.net, which is not on this machine" in answer.stderr
    assert "secure-mcp stand-ins --port 8080" in answer.stderr


def test_a_stack_that_is_not_there_is_refused(untouched: Workspace) -> None:
    answer = _local(untouched.store.folder, untouched.project, "--stack", "prod")
    assert answer.returncode != 0
    assert "holds nothing of the stack 'prod' (stacks there: dev)" in answer.stderr
    answer = _local(untouched.store.folder, untouched.project, "--config", "a=b")
    assert "--config has no effect" in answer.stderr


@SMALL_STACKS
def test_the_command_line_runs_pulumi_with_the_stand_ins(cli: str, tmp_path: Path) -> None:
    command = ["stand-ins", "--state", str(tmp_path / "cloud")]
    answer = _run(*command, "--", "pulumi", "version")
    assert answer.returncode == 0
    assert answer.stdout.startswith("v3.")
    shown = _run(*command, "sh", "-c", "command -v pulumi-resource-azuread")
    assert shown.stdout.strip() == str(tmp_path / "cloud" / "plugins" / "pulumi-resource-azuread")
    wrong = _run(*command, "--fault", "break it", "pulumi")
    assert wrong.returncode != 0
    assert "KIND OPERATION RESOURCE" in wrong.stderr
    assert "there is no command 'none-such' on PATH" in _run(*command, "none-such").stderr


def _local(state: Path, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return _run("local", "--from-state", str(state), "--cwd", str(project), *options)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secure_mcp_local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
