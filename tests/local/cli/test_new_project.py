"""`secure-mcp new`: what it writes passes its own tests, and what Azure would refuse is not in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import secure_mcp_local.new_project
from samples import NEW_PROJECTS
from secure_mcp_local.cli.app import app
from secure_mcp_local.errors import LocalCloudError

TEMPLATE = Path(secure_mcp_local.new_project.__file__).parent / "files"
TESTS = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


@NEW_PROJECTS
def test_a_new_project_passes_its_tests(tmp_path: Path) -> None:
    folder = tmp_path / "word-counter"
    answer = CliRunner().invoke(app, ["new", "word-counter", "--out", str(folder)])
    assert answer.exit_code == 0, answer.output
    assert str(folder / ".github/workflows/test.yml") in answer.stdout
    assert not [path for path in folder.rglob("*") if path.is_file() and "${PROJECT}" in path.read_text()]
    tested = subprocess.run(TESTS, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout


@NEW_PROJECTS
@pytest.mark.engine
def test_pulumi_new_writes_the_same(tmp_path: Path) -> None:
    """The folder is a template of Pulumi's: its own command makes of it what ours does, and what it makes passes its tests."""
    ours, theirs, home = tmp_path / "ours", tmp_path / "theirs", tmp_path / "home"
    home.mkdir()
    assert CliRunner().invoke(app, ["new", "word-counter", "--out", str(ours)]).exit_code == 0
    command = ["pulumi", "new", str(TEMPLATE), "--generate-only", "--yes", "--offline", "--name", "word-counter"]
    environment = {
        **os.environ,
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": home.as_uri(),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = subprocess.run(
        [*command, "--description", "Counts.", "--dir", str(theirs)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    files = {path.relative_to(ours): path.read_text() for path in ours.rglob("*") if path.is_file()}
    also = {path.relative_to(theirs): path.read_text() for path in theirs.rglob("*") if path.is_file()}
    # Which it writes anew, with the description that it was given and where the template is from.
    project = Path("Pulumi.yaml")
    written = yaml.safe_load(also.pop(project))
    assert written["config"].pop("pulumi:tags") == {"value": {"pulumi:template": str(TEMPLATE)}}
    assert written == yaml.safe_load(files.pop(project)) | {"description": "Counts."}
    assert also == files
    tested = subprocess.run(TESTS, cwd=theirs, capture_output=True, text=True, timeout=110, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_new_project_has_no_errors(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["new", "mine", "--out", str(tmp_path)]).exit_code == 0
    answer = CliRunner().invoke(app, ["check", "--cwd", str(tmp_path)])
    assert answer.exit_code == 0, answer.output


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    answer = CliRunner().invoke(app, ["new", "mine", "--out", str(tmp_path)])
    assert isinstance(answer.exception, LocalCloudError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    answer = CliRunner().invoke(app, ["new", "mine", "--out", str(tmp_path / "mine.txt")])
    assert isinstance(answer.exception, LocalCloudError), "a file is no folder"
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "Mine", "a", "1st", "with space", "-x", "x" * 30, "m\u00fcll"])
def test_a_name_that_resources_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    answer = CliRunner().invoke(app, ["new", "--out", str(tmp_path / "x"), "--", name])
    assert isinstance(answer.exception, LocalCloudError)
