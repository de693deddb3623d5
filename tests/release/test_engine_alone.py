"""The wheel of the policy engine alone, in an environment that had nothing in it: no Pulumi, nothing of this checkout.

What the page on the policy engine tells a stranger to do is done there, word for word.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import httpx
import pytest

from actors.processes import interrupted
from samples import RELEASES

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "local" / "policy_engine"
PAGE = (ROOT / "docs" / "policy-engine.md").read_text(encoding="utf-8")
# A wheel is made and an environment is filled: where there is no uv, this takes a minute or two.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a virtual environment with the wheel, pytest, and what these two ask for."""
    folder = tmp_path_factory.mktemp("alone")
    wheels, env = folder / "wheels", folder / "env"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=ENGINE, check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    [wheel] = wheels.glob("apim_policies-*.whl")
    python = env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(env)], check=True, timeout=60)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(env)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*install, *constraints, str(wheel), "pytest"], check=True, timeout=500)
    return python.parent


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The project of the page: its policy, its cases, its test."""
    (tmp_path / "policies").mkdir()
    for name, language in (("orders.xml", "xml"), ("orders.policies.yaml", "yaml")):
        block = re.search(rf"`policies/{re.escape(name)}`:\n\n```{language}\n(.*?)```", PAGE, re.DOTALL)
        assert block is not None, name
        (tmp_path / "policies" / name).write_text(block[1], encoding="utf-8")
    python = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert python is not None
    (tmp_path / "test_orders.py").write_text(python[1], encoding="utf-8")
    return tmp_path


def clean() -> dict[str, str]:
    """An environment without what points at this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def run(environment: Path, folder: Path, command: str | list[str]) -> str:
    name, *arguments = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(
        [str(environment / name), *arguments], cwd=folder, env=clean(), capture_output=True, text=True, timeout=200, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@RELEASES
def test_nothing_else_is_there(environment: Path, tmp_path: Path) -> None:
    there = subprocess.run(
        [str(environment / "python"), "-c", "import importlib.metadata as m\nfor d in m.distributions(): print(d.name.lower())"],
        cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True, timeout=60,
    ).stdout.split()  # fmt: skip
    assert "apim-policies" in {name.replace("_", "-") for name in there}
    assert not [name for name in there if "pulumi" in name or "secure" in name or "grpc" in name]


@RELEASES
def test_the_commands_of_the_page_run(environment: Path, theirs: Path) -> None:
    block = re.search(r"## From a repository to a test in CI\n\n```\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    commands = [line.partition("#")[0].strip() for line in block[1].splitlines()]
    install, check, serve, test = commands
    assert install == "pip install apim-policies pytest"
    assert serve == "apim-policies run policies/"
    run(environment, theirs, check)
    told = run(environment, theirs, test)
    assert "4 of 4 cases passed" in told
    root = ET.parse(theirs / test.split()[-1]).getroot()
    assert [one.get("filename") for one in root.iter("class")] == ["policies/orders.xml"]
    counted = re.search(r"^(\d+ of \d+ mistakes are noticed.*)$", PAGE, re.MULTILINE)
    assert counted is not None
    assert counted[1] in run(environment, theirs, "apim-policies mutate policies/ --least 60")
    told = run(environment, theirs, "pytest -q --policies-coverage=coverage.info")
    assert "5 passed" in told
    assert "SF:policies/orders.xml" in (theirs / "coverage.info").read_text()


@RELEASES
def test_the_commands_of_the_readme_run(environment: Path, theirs: Path) -> None:
    text = (ENGINE / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(pip install apim-policies\n.*?)```", text, re.DOTALL)
    assert block is not None
    commands = [shlex.split(line.partition("  #")[0]) for line in block[1].splitlines()]
    # Installed it is, served it is below, and what survives is told with exit code 1, above.
    rest = [
        command
        for command in commands
        if command[:2] not in (["pip", "install"], ["apim-policies", "run"], ["apim-policies", "mutate"])
    ]
    assert [command[1] for command in rest] == ["check", "check", "expression", "test"]
    for command in rest:
        run(environment, theirs, command)
    named = re.findall(r"`(\S+\.md)`", text)
    assert named == ["docs/policy-engine.md", "IMPLEMENTATION.md"]
    assert (ROOT / named[0]).is_file()
    assert (ENGINE / named[1]).is_file()


@RELEASES
async def test_it_serves_a_folder(environment: Path, theirs: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(environment / "apim-policies"), "run", "policies/", "--port", "0", "--named-value", "BackendKey=k",
        cwd=theirs, env=clean(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = None
        while url is None:
            line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
            assert line, "it ended"
            found = re.search(r"http://localhost:\d+", line)
            url = found[0] if found else None
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/orders/7")).status_code == 401
    finally:
        await interrupted(process)
