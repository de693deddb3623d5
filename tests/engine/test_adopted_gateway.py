"""An API Management that others made and use: what the real engine does to it in the life of a gateway of ours."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from engine.conftest import SAMPLED
from engine.workspace import ROOT, Workspace, empty_project

SERVER = "server = Server("


@pytest.fixture
def adopting(cli: str, tmp_path: Path) -> Workspace:
    """The example, with what is there before deployed."""
    workspace = empty_project(tmp_path / "adopting")
    shutil.copytree(ROOT / "examples" / "adopted-gateway", workspace.project, dirs_exist_ok=True)
    for project in (workspace, workspace.within("before")):
        settings = project.project / "Pulumi.yaml"
        venv = json.dumps({"name": "python", "options": {"virtualenv": sys.prefix}})
        settings.write_text(settings.read_text().replace("runtime: python", f"runtime: {venv}"))
        project.pulumi("stack", "init")
    workspace.within("before").up()
    return workspace


def everything(workspace: Workspace) -> dict[str, str]:
    """All that is recorded in the cloud, by id, with its whole body; without what belongs to the directory itself."""
    recorded = [r for r in workspace.store if not r.adopted]
    return {r.id.lower(): json.dumps([r.inputs, r.outputs], sort_keys=True) for r in recorded}


@SAMPLED
def test_what_is_others_stays_as_it_is_and_a_server_leaves_no_orphan(adopting: Workspace) -> None:
    before = everything(adopting)
    assert any("/apis/mcp" in id for id in before)

    def added() -> set[str]:
        now = everything(adopting)
        assert now.items() >= before.items()
        return set(now) - set(before)

    program = adopting.project / "__main__.py"
    text = program.read_text()
    head, _, _ = text.partition(SERVER)
    program.write_text(head)
    adopting.up()
    gateway = added()
    assert any("/apis/secure-mcp-oauth" in id for id in gateway)

    program.write_text(text)
    adopting.up()
    assert any("/apis/secure-mcp-mcp-notes" in id for id in added() - gateway)
    assert set(adopting.up().counts) <= {"same", "read"}

    program.write_text(text.replace('"location"', '"sign_in_rate_limit": 7, "location"', 1))
    assert set(adopting.up().changed().values()) == {"update"}
    added()

    program.write_text(head)
    adopting.up()
    assert added() == gateway

    adopting.destroy()
    assert added() == set()
