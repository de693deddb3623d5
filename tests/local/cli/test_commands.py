"""The command line as users meet it: in processes of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samples import COMMANDS
from secure_mcp_local.cli.page import page

ROOT = Path(__file__).parents[3]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The project in a folder of this test's: one local cloud at a time keeps what it knows beside it."""
    for name in ("infra", "policies", "function_app", "Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secure_mcp_local", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_the_commands() -> None:
    answer = run("--help")
    assert answer.returncode == 0
    for command in ("local", "plan", "policies"):
        assert command in answer.stdout
    assert "Ctrl-C" in run("local", "--help").stdout


def test_plan_as_json_has_every_resource_and_no_secret() -> None:
    answer = run("plan", "--json")
    assert answer.returncode == 0, answer.stderr
    plan = json.loads(answer.stdout)
    assert (plan["project"], plan["stack"]) == ("secure-mcp", "dev")
    assert set(plan["resources"][0]) == {
        "urn", "type", "name", "parent", "inputs", "secrets", "unknowns", "dependencies", "modelled",
    }  # fmt: skip
    urns = {resource["urn"] for resource in plan["resources"]}
    chain = "secure-mcp:index:SecureMcpServer$secure-mcp:index:Gateway$secure-mcp:index:ApiManagement$azure-native:apimanagement:ApiManagementService"
    assert f"urn:pulumi:dev::secure-mcp::{chain}::mcp-apim" in urns
    assert all(resource["parent"] in urns | {""} for resource in plan["resources"])
    key = next(r for r in plan["resources"] if r["inputs"].get("displayName") == "EncryptionKey")
    assert key["inputs"]["value"] == "[secret]"
    assert key["secrets"] == ["value"]
    assert plan["outputs"]["mcpUrl"].endswith("/mcp")


def test_plan_as_a_tree_shows_components_without_colours_in_a_pipe() -> None:
    answer = run("plan")
    assert "secure-mcp:SecureMcpServer" in answer.stdout
    assert "ApiManagementService" in answer.stdout
    assert "\x1b" not in answer.stdout


def test_policies_writes_what_would_be_sent(tmp_path: Path) -> None:
    answer = run("policies", "--stack", "dev", "--out", str(tmp_path / "new"))
    assert answer.returncode == 0, answer.stderr
    written = {path.relative_to(tmp_path / "new").as_posix() for path in tmp_path.rglob("*.xml")}
    assert {"apis/oauth/api.xml", "apis/oauth/token.xml", "apis/mcp/api.xml", "fragments/seal.xml"} <= written
    assert "{{EncryptionKey}}" in (tmp_path / "new" / "fragments" / "seal.xml").read_text()


@COMMANDS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "--stack", "nope"], "unknown stack 'nope'"),
        (["plan", "--config", "apimSku=Basic"], "apimSku = 'Basic': use one of"),
        (["plan", "--config", "vnetEnabled=true"], "set apimSku to StandardV2"),
        (["plan", "--config", "nonsense=1"], "unknown configuration key 'nonsense'"),
        (["plan", "--config", "nonsense"], "is not KEY=VALUE"),
        (["plan", "--config", "consentDays=many"], "must be of type integer"),
        (["local", "--fault", "nope", "--port", "0", "--backend", "http://localhost:9"], "nope"),
        (["local", "--port", "0", "--backend", "https://example.com/mcp"], "not an address of this machine"),
        (["plan", "--cwd", "/"], "no Pulumi.yaml"),
    ],
)
def test_what_is_wrong_is_one_message_and_no_traceback(arguments: list[str], message: str, own: Path) -> None:
    answer = run(*arguments, cwd=own)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_a_broken_policy_is_named_with_its_place(tmp_path: Path) -> None:
    import shutil

    for name in ("infra", "policies", "function_app"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    broken = tmp_path / "policies" / "oauth" / "revoke.xml"
    broken.write_text(broken.read_text().replace("string.IsNullOrEmpty", "string.IsNullOrNothing", 1))
    # The copy's own components, not the installed ones.
    command = [sys.executable, "-m", "secure_mcp_local", "local", "--port", "0", "--backend", "http://localhost:9"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "infra")}
    answer = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 1
    # By the line of the template, which is what somebody can mend.
    line = next(n for n, text in enumerate(broken.read_text().splitlines(), 1) if "IsNullOrNothing" in text)
    assert f"policies/oauth/revoke.xml:{line}:" in answer.stderr
    assert "IsNullOrNothing" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_busy_port_is_one_message(own: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run("local", "--port", str(port), cwd=own)
    assert answer.returncode == 1
    assert f"port {port} cannot be used" in answer.stderr


@COMMANDS
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_local_prints_one_json_line_when_ready_and_stops_cleanly(stop: signal.Signals, own: Path) -> None:
    command = [sys.executable, "-m", "secure_mcp_local", "local", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        assert set(urls) == {"gateway", "mcp", "entra", "console"}
        assert urls["mcp"] == urls["gateway"] + "/mcp"
        start = time.monotonic()
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert rest == ""
        assert "Traceback" not in errors
        assert time.monotonic() - start < 10


def test_the_page_of_commands_is_as_they_are() -> None:
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page(), "run: make options"


def test_the_help_of_each_command_has_an_example() -> None:
    sections = page().split("\n## ")[1:]
    assert len(sections) > 15
    for section in sections:
        command, _, text = section.partition("\n")
        assert f"```\n{command}" in text, command
