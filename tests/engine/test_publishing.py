"""The function app's code under the real engine: published once for each content, tried again after a failure, gone with the app.

The program talks to the stand-in's deployment endpoint as it would to Azure's: by its name, over TLS, with Azure CLI's token.
"""

import shutil
from collections.abc import Callable

import pytest
import yaml

from engine.test_component_provider import remote
from engine.workspace import ROOT, Run, Workspace
from samples import LATER_STEPS

SITE = "azure-native:web:WebApp"
CODE = "mcp-code"
KEY = "azure-native:apimanagement:NamedValue"


def published(run: Run) -> int:
    """How often a publication began."""
    return sum("Publishing the code" in message for message in run.messages)


@pytest.fixture
def changed(deployed: Workspace) -> Workspace:
    """The deployed dev stack, with other code than the deployed one."""
    code = deployed.project / "function_app" / "function_app.py"
    code.write_text(code.read_text() + "\n# edited\n")
    return deployed


@pytest.fixture
def in_yaml(small: Callable[[str], Workspace]) -> Workspace:
    """A YAML program with a server, and code of its own."""
    workspace = remote(small(""))
    plugins = yaml.safe_load((workspace.project / "Pulumi.yaml").read_text())["plugins"]
    (workspace.project / "function_app").unlink()
    shutil.copytree(
        ROOT / "function_app", workspace.project / "function_app", ignore=shutil.ignore_patterns("__pycache__")
    )
    server = {"location": "westeurope", "apimPublisherEmail": "mcp@example.com", "code": "function_app"}
    program = {
        "name": "yaml-code",
        "runtime": "yaml",
        "plugins": plugins,
        "resources": {"server": {"type": "secure-mcp:SecureMcpServer", "name": "snippets", "properties": server}},
    }
    (workspace.project / "Pulumi.yaml").write_text(yaml.safe_dump(program))
    workspace.pulumi("stack", "init")
    return workspace


@LATER_STEPS
def test_a_yaml_program_publishes_what_changes_and_only_then(in_yaml: Workspace) -> None:
    assert not published(in_yaml.preview())
    assert not list(in_yaml.store)
    first = in_yaml.up()
    assert published(first) == 1
    assert "save_snippet" in in_yaml.functions()
    assert any("functions: " in message for message in first.messages)
    again = in_yaml.up()
    assert again.changed() == {}
    assert not published(again)
    code = in_yaml.project / "function_app" / "function_app.py"
    code.write_text(code.read_text() + "\n# edited\n")
    edited = in_yaml.up()
    assert edited.changed() == {"snippets-code": "update"}
    assert published(edited) == 1
    code.write_text(code.read_text() + "\n# again\n")
    failed = in_yaml.up(check=False, faults="fail publish snippets-func")
    assert failed.exit_code != 0
    assert "ended as failed: Deployment Failed" in failed.output
    assert in_yaml.up().changed() == {"snippets-code": "update"}
    in_yaml.destroy()
    assert not in_yaml.names
    assert not list(in_yaml.store.folder.glob("*.zip"))


@LATER_STEPS
def test_changed_code_is_published_through_what_passes_and_once(changed: Workspace) -> None:
    before = changed.functions()
    passing = ("forbid", "unavailable", "busy", "early", "recycle")
    run = changed.up(faults="; ".join(f"{kind} publish mcp-func" for kind in passing))
    assert run.changed() == {CODE: "update"}
    assert published(run) == 1
    told = "\n".join(run.messages)
    for sign in ("403", "503", "409", "InaccessibleStorageException", "publishing once more", "Deployment: success"):
        assert sign in told, sign
    assert changed.functions() == before
    again = changed.up()
    assert again.changed() == {}
    assert not published(again)


@LATER_STEPS
def test_what_fails_is_published_by_the_next_up(changed: Workspace) -> None:
    [site] = [r for r in changed.store if r.type == SITE]
    before = changed.store.package(site.id)
    assert before
    old = before.read_bytes()
    failed = changed.up(check=False, faults="retype publish mcp-func")
    assert failed.exit_code != 0
    assert "refuses the package: 415" in failed.output
    assert before.read_bytes() == old
    assert changed.up().changed() == {CODE: "update"}
    assert before.read_bytes() != old


@LATER_STEPS
def test_publishing_is_left_with_ctrl_c_and_done_by_the_next_up(changed: Workspace) -> None:
    """Trying again may take ten minutes: nobody has to wait for it, and nothing half done counts."""
    [site] = [r for r in changed.store if r.type == SITE]
    before = changed.store.package(site.id)
    assert before
    old = before.read_bytes()
    left = changed.interrupted("this machine cannot reach", faults="hide publish mcp-func")
    assert left.exit_code != 0
    assert before.read_bytes() == old
    run = changed.up()
    assert run.changed() == {CODE: "update"}
    assert published(run) == 1
    assert before.read_bytes() != old


@LATER_STEPS
def test_a_provider_that_publishes_is_told_of_ctrl_c(in_yaml: Workspace) -> None:
    """It is no part of the program, which a signal ends."""
    left = in_yaml.interrupted("this machine cannot reach", faults="hide publish snippets-func")
    assert left.exit_code != 0
    assert "it was interrupted; the next pulumi up goes on from here" in left.output
    assert published(in_yaml.up()) == 1
    assert "save_snippet" in in_yaml.functions()


@LATER_STEPS
def test_a_site_that_is_made_anew_gets_its_code_again(deployed: Workspace) -> None:
    program = deployed.project / "infra" / "secure_mcp" / "hosts" / "function_app.py"
    program.write_text(program.read_text().replace('kind="functionapp,linux"', 'kind="functionapp"'))
    run = deployed.up()
    assert "replace" in run.changed()["mcp-func"]
    assert published(run) == 1
    assert "save_snippet" in deployed.functions()


@LATER_STEPS
def test_the_key_of_the_server_is_read_when_the_code_is_there(deployed: Workspace) -> None:
    run = deployed.up(backendAuth="functionKey")
    assert run.exit_code == 0
    assert any("mcp-function-key" in str(r.inputs) for r in deployed.store if r.type == KEY)


def test_nothing_about_the_deployer_is_in_the_state(untouched: Workspace) -> None:
    [code] = [r for r in untouched.state["resources"] if r["urn"].endswith(f"::{CODE}")]
    assert set(code["inputs"]["input"]) == {"digest", "app", "scmHost", "container"}
    assert "eyJ" not in str(code)
