"""What pulumi says that stacks have deployed."""

import json
import os
from pathlib import Path

import pytest

from secure_mcp_local.cli.state import state_of
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.wire import UNKNOWN

# As `pulumi stack export` writes it.
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
APP = "azure-native:web:WebApp"


def exported(project: str, **outputs: object) -> str:
    stack = {"urn": f"urn:pulumi:dev::{project}::pulumi:pulumi:Stack::{project}-dev", "type": "pulumi:pulumi:Stack"}
    site = {"urn": f"urn:pulumi:dev::{project}::a:b:C${APP}::site", "type": APP, "id": f"/sites/{project}"}
    return json.dumps({"version": 3, "deployment": {"resources": [{**stack, "outputs": outputs}, site]}})


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that prints the file `state` of the project it is asked for."""
    script = tmp_path / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\n[ "$*" = "stack export --stack dev --cwd $6" ] || exit 9\ncat "$6/state"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_ids_and_outputs_of_several_projects_are_known_and_no_secret(pulumi: Path) -> None:
    for name, outputs in (("platform", {"gateway": {"url": "https://x"}, "key": {"of": [SECRET]}}), ("team", {})):
        (pulumi / name).mkdir()
        (pulumi / name / "state").write_text(exported(name, **outputs))
    state = state_of([pulumi / "platform", pulumi / "team"], "dev")
    assert state.of_type(APP) == ["/sites/platform", "/sites/team"]
    assert state.outputs == {"platform": {"gateway": {"url": "https://x"}, "key": UNKNOWN}, "team": {}}


def test_a_stack_that_pulumi_does_not_know_is_named(pulumi: Path) -> None:
    with pytest.raises(LocalCloudError, match=f"pulumi stack export --stack dev --cwd {pulumi}/none: "):
        state_of([pulumi / "none"], "dev")
