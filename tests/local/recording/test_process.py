"""Programs in a process of their own: the same recordings, and nothing that a program does there reaches whoever asks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from actors.terminal import serving
from apim_policies.errors import ExplainedError
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Environment, record_together
from secure_mcp_local.recording.process import ProgramProcess

ROOT = Path(__file__).parents[3]
STACK = {"apimPublisherEmail": "owner@contoso.com"}


def project(folder: Path, program: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: sample\nruntime: python\nmain: program.py\n")
    (folder / "Pulumi.dev.yaml").write_text("")
    (folder / "program.py").write_text(program)
    return folder


@contextmanager
def programs(*roots: Path, **config: str) -> Generator[ProgramProcess]:
    with ProgramProcess(roots, "dev", config, ()) as process:
        yield process


def own_processes() -> set[int]:
    return {one.pid for one in psutil.Process().children(recursive=True)}


def test_a_stack_is_recorded_as_in_this_process_with_the_addresses_of_whoever_asks() -> None:
    asked: list[str] = []

    def address(service: str) -> str:
        asked.append(service)
        return "http://localhost:8123"

    environment = Environment(address)
    with programs(ROOT, **STACK) as process:
        recorded = process.record_together([ROOT], "dev", STACK, environment)
    assert asked
    here = record_together([ROOT], "dev", STACK, environment)
    # In the order in which they are registered, which is another one each time where they do not wait for each other.
    by_urn = [{one.urn: one for one in recording} for recording in (recorded[0], here[0])]
    assert by_urn[0] == by_urn[1]
    assert replace(recorded[0], resources=()) == replace(here[0], resources=())
    assert recorded[0].outputs["mcpUrl"] == "http://localhost:8123/mcp"


def test_what_is_begun_with_is_answered_for_that_alone(tmp_path: Path) -> None:
    root = project(tmp_path, "import pulumi\npulumi.export('got', pulumi.Config('sample').get('key'))")
    with programs(root, **{"sample:key": "begun"}) as process:
        assert process.record_together([root], "dev", {"sample:key": "asked"})[0].outputs["got"] == "asked"
        assert process.record_together([root], "dev", {"sample:key": "begun"})[0].outputs["got"] == "begun"


def test_no_address_is_the_error_of_whoever_asks() -> None:
    def taken(service: str) -> str:
        raise ExplainedError(f"no port for {service}")

    with programs(ROOT, **STACK) as process, pytest.raises(LocalCloudError, match="no port for apim-"):
        process.record_together([ROOT], "dev", STACK, Environment(taken))


def test_a_mistake_is_told_with_the_authors_line_and_the_edited_program_runs(tmp_path: Path) -> None:
    root = project(tmp_path, "import pulumi\nvalue = nothing\n")
    with programs(root) as process:
        with pytest.raises(LocalCloudError) as told:
            process.record_together([root], "dev")
        with pytest.raises(LocalCloudError) as here:
            record_together([root], "dev")
        assert str(told.value) == str(here.value)
        assert "program.py:2: NameError" in str(told.value)
        project(tmp_path, "import pulumi\npulumi.export('value', 1)")
        assert process.record_together([root], "dev")[0].outputs == {"value": 1}


PRINTING = f"""
import subprocess, sys
print("first")
subprocess.run([{sys.executable!r}, "-c", "print('second')"], check=True)
subprocess.run([{sys.executable!r}, "-c", "import sys; print('third', sys.stdin.read())"], stdout=sys.stderr, check=True)
print("fourth", sys.stdin.read(), file=sys.stderr)
"""


def test_what_a_program_and_its_own_processes_print_is_shown_and_no_answer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, PRINTING)
    with programs(root) as process:
        assert process.record_together([root], "dev")[0].resources == ()
    shown = capfd.readouterr()
    assert shown.out == ""
    assert sorted(line.strip() for line in shown.err.splitlines()) == ["first", "fourth", "second", "third"]


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", f"signal 9, {signal.strsignal(9)}")],
    ids=["exit", "signal"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_a_program_that_ends_its_process_is_an_error_and_the_next_one_has_another(
    tmp_path: Path, end: str, told: str
) -> None:
    root = project(tmp_path, f"import os\n{end}")
    with programs(root) as process:
        for _ in range(2):
            with pytest.raises(LocalCloudError) as error:
                process.record_together([root], "dev")
            assert str(error.value) == f"the program ended its own process: {told}"
        project(tmp_path, "import pulumi\npulumi.export('value', 1)")
        assert process.record_together([root], "dev")[0].outputs == {"value": 1}


def test_a_program_that_nobody_asks_for_ends_at_once(tmp_path: Path) -> None:
    root, before = project(tmp_path, "import time\ntime.sleep(100)"), own_processes()
    began = time.monotonic()
    with programs(root):
        time.sleep(1)
        assert own_processes() - before
    assert time.monotonic() - began < 30
    assert own_processes() <= before


@pytest.mark.parametrize("wait", ["while True: pass", "import time; time.sleep(100)"], ids=["loops", "sleeps"])
def test_a_program_that_nobody_waits_for_any_more_ends_and_the_next_one_runs(tmp_path: Path, wait: str) -> None:
    root = project(tmp_path, f"import pathlib\npathlib.Path('begun').touch()\n{wait}")
    with programs(root) as process:
        with pytest.raises(LocalCloudError, match="the program ended its own process"):
            process.record_together([root], "dev", environment=Environment(over=(root / "begun").exists))
        project(tmp_path, "import pulumi\npulumi.export('value', 1)")
        assert process.record_together([root], "dev")[0].outputs == {"value": 1}


def test_what_a_program_has_started_ends_with_it(tmp_path: Path) -> None:
    sleeper = f"import subprocess\nsubprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(100)'])\n"
    root, before = project(tmp_path, sleeper), own_processes()
    with programs(root) as process:
        process.record_together([root], "dev")
        started = [psutil.Process(pid) for pid in own_processes() - before]
        assert len(started) == 2
    _, left = psutil.wait_procs(started, timeout=20)
    # Where nobody inherits it, a process that has ended stays in the list.
    assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []


def test_ctrl_c_ends_a_program_that_does_not_end_itself(tmp_path: Path) -> None:
    root = project(tmp_path, "import time\nprint('running')\ntime.sleep(100)")
    began, before = time.monotonic(), own_processes()
    command = [sys.executable, "-m", "secure_mcp_local", "local", "--port", "0", "--json"]
    with serving(command, root) as terminal:
        terminal.says("running")
    assert time.monotonic() - began < 60
    assert own_processes() <= before


@pytest.mark.parametrize("module", ["secure_mcp_local.cli.serving", "secure_mcp.package", "secure_mcp.apis.templates"])
def test_what_serves_and_what_packs_does_without_pulumi(module: str) -> None:
    script = f"import sys, {module}; sys.exit('pulumi' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "EAGER_IMPORT": ""})
