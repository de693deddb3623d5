"""`secure-mcp new`: what it writes passes its own tests, and what Azure would refuse is not in it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secure_mcp_local.cli.app import app
from secure_mcp_local.errors import LocalCloudError


def test_a_new_project_passes_its_tests(tmp_path: Path) -> None:
    folder = tmp_path / "word-counter"
    answer = CliRunner().invoke(app, ["new", "word-counter", "--out", str(folder)])
    assert answer.exit_code == 0, answer.output
    assert str(folder / ".github/workflows/test.yml") in answer.stdout
    assert not [path for path in folder.rglob("*") if path.is_file() and "your-server" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout


def test_a_new_project_has_no_errors(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["new", "mine", "--out", str(tmp_path)]).exit_code == 0
    answer = CliRunner().invoke(app, ["check", "--cwd", str(tmp_path)])
    assert answer.exit_code == 0, answer.output


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    answer = CliRunner().invoke(app, ["new", "mine", "--out", str(tmp_path)])
    assert isinstance(answer.exception, LocalCloudError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["", "Mine", "a", "1st", "with space", "-x", "x" * 30, "m\u00fcll"])
def test_a_name_that_resources_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    answer = CliRunner().invoke(app, ["new", "--out", str(tmp_path / "x"), "--", name])
    assert isinstance(answer.exception, LocalCloudError)
