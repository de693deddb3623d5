"""A Pulumi project is a source of policies for the engine's test bench, its commands and its pytest plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

from actors.projects import project, with_gateway
from apim_policies.bench import sources
from apim_policies.bench.policy_gateway import PolicyGateway
from apim_policies.errors import ExplainedError

PROGRAM = """
    import pulumi
    from parts import gateway
    from pulumi_azure_native import apimanagement as apim, resources

    group = resources.ResourceGroup("rg").name
    service, _ = gateway("gw", group, "for @(context.Request.Method)")
    apim.NamedValue("key", named_value_id="key", display_name="Key", value="k-" + pulumi.get_stack(),
        resource_group_name=group, service_name=service.name)
    apim.Policy("all", policy_id="policy", format="rawxml", resource_group_name=group, service_name=service.name,
        value="<policies><inbound /><backend><forward-request /></backend><outbound>"
              "<set-header name='x-key'><value>{{Key}}</value></set-header></outbound></policies>")
"""
CASES = """
source: .
cases:
  - name: it says hello
    request: {path: /hello}
    expect: {status: 200}
"""


async def test_what_a_program_declares_is_tested_without_azure(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "theirs", PROGRAM))
    gateway = PolicyGateway.of(root)
    outcome = await gateway.send("GET", "/hello")
    assert outcome.status == 200
    assert gateway.declaration.named_values["Key"].value == "k-dev"


def test_the_command_tests_what_a_program_declares(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "theirs", PROGRAM))
    (root / "theirs.policies.yaml").write_text(CASES)
    command = [sys.executable, "-m", "apim_policies", "test", str(root)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "1 of 1 cases passed" in told.stdout


def test_of_several_stacks_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = with_gateway(project(tmp_path, "theirs", PROGRAM))
    (root / "Pulumi.prod.yaml").write_text("config: {}\n")
    with pytest.raises(ExplainedError, match="PULUMI_STACK=NAME"):
        sources.load(root)
    monkeypatch.setenv("PULUMI_STACK", "prod")
    assert sources.load(root).named_values["Key"].value == "k-prod"


def test_without_what_reads_it_a_project_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path, "theirs", "")
    monkeypatch.setattr(sources, "entry_points", lambda group: ())
    with pytest.raises(ExplainedError, match=r"entry point Pulumi\.yaml of the group apim_policies.sources"):
        sources.load(root)
