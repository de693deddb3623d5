"""The two wheels, in an environment and a project of somebody else's: nothing of this checkout is in reach.

The project has a gateway and a server that runs elsewhere. It is planned, checked and run, and a person signs in.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from apim_policies.listener import Listener, bind
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
SOURCES = {"pulumi_secure_mcp": ROOT, "apim_policies": ROOT / "local" / "policy_engine"}
PACKAGES = {
    "pulumi_secure_mcp": {"secure_mcp": ROOT / "infra" / "secure_mcp", "secure_mcp_local": ROOT / "local" / "secure_mcp_local"},
    "apim_policies": {"apim_policies": ROOT / "local" / "policy_engine" / "apim_policies"},
}  # fmt: skip
CONSTRAINTS = ROOT / "constraints.txt"
PROGRAM = """
import pulumi
import secure_mcp

config = pulumi.Config()
gateway = secure_mcp.Gateway("shared", {
    "location": "swedencentral", "apim_publisher_email": config.require("publisherEmail"), "sign_in_rate_limit": 1000,
})
notes = secure_mcp.Server("notes", {
    "gateway": gateway.reference, "path": "notes", "address": {"url": config.require("url")},
    "assigned_groups": ["00000000-0000-4000-8000-00000000d0e1"],
})
pulumi.export("url", notes.url)
pulumi.export("library", secure_mcp.__file__)
"""
# Wheels are made and an environment is filled: where there is no uv, this takes a minute or two.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both wheels, built now."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in SOURCES.values():
        if uv := shutil.which("uv"):
            command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
        else:
            command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]  # fmt: skip
        subprocess.run(command, check=True, timeout=300)
    return {name: next(folder.glob(f"{name}-*.whl")) for name in SOURCES}


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that had nothing in it, with the wheels and what they depend on."""
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    python = folder / "bin" / "python"
    wanted = [f"{wheels['pulumi_secure_mcp']}[local]", str(wheels["apim_policies"])]
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True, timeout=60)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*install, "--constraint", str(CONSTRAINTS), *wanted], check=True, timeout=500)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("somebody-elses")
    (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
    config = "theirs:publisherEmail: them@example.com\n  theirs:url: https://notes.example.com/mcp\n"
    (folder / "Pulumi.dev.yaml").write_text(f"config:\n  {config}")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder


def command(environment: Path, *arguments: str) -> list[str]:
    return [str(environment / "bin" / "secure-mcp"), *arguments]


def clean() -> dict[str, str]:
    """An environment without what points at this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def run(environment: Path, project: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(environment, *arguments), cwd=project, env=clean(), capture_output=True, text=True, timeout=200, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheels_have_every_file(wheels: dict[str, Path]) -> None:
    for name, packages in PACKAGES.items():
        with zipfile.ZipFile(wheels[name]) as archive:
            there = set(archive.namelist())
        for package, folder in packages.items():
            listed = subprocess.run(
                ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."],
                cwd=folder, capture_output=True, text=True, check=True, timeout=60,
            )  # fmt: skip
            own = {f"{package}/{path}" for path in listed.stdout.splitlines() if (folder / path).exists()}
            assert len(own) > 20
            assert own <= there, own - there
    with zipfile.ZipFile(wheels["pulumi_secure_mcp"]) as archive:
        there = set(archive.namelist())
    policies = {
        f"secure_mcp/policies/{file.relative_to(ROOT / 'policies')}" for file in (ROOT / "policies").rglob("*.*")
    }
    assert policies <= there, policies - there


def test_a_project_that_imports_the_wheel_is_planned_and_checked(environment: Path, project: Path) -> None:
    planned = json.loads(run(environment, project, "plan", "--json"))
    assert "/notes" in json.dumps(planned)
    assert str(ROOT) not in json.dumps(planned), "something comes from the checkout"
    assert "site-packages" in json.dumps(planned["outputs"]["library"])
    run(environment, project, "check", "--strict")
    run(environment, project, "policies", "--out", str(project / "policies"))
    engine = environment / "bin" / "apim-policies"
    done = subprocess.run(
        [str(engine), "check", str(project / "policies")], env=clean(), capture_output=True, text=True, timeout=100, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
async def backend() -> AsyncIterator[str]:
    """A server of theirs on this machine."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})(scope, receive, send)

    port, sockets = bind(0)
    async with Listener(answer, sockets):
        yield f"http://localhost:{port}/mcp"


async def test_a_person_signs_in_to_it_and_uses_the_server(environment: Path, project: Path, backend: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command(environment, "local", "--json", "--port", "0", "--backend", backend),
        cwd=project, env=clean(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 200)
        assert line, "it did not start"
        application = Application(json.loads(line)["gateway"], path="/notes")
        tokens = await application.tokens(Person())
        answer = await application.call(tokens["access_token"], "tools/list")
        assert answer.status_code == 200, answer.text
        assert answer.json()["result"] == {"tools": []}
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 30) == 0
