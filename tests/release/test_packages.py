"""What a release hands on, rehearsed; its wheels in an environment and a project of somebody else's: nothing of this checkout is in reach.

The project has a gateway and a server that runs elsewhere. It is planned, checked and run, and a person signs in.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from actors.component_provider import component_provider
from actors.processes import interrupted
from apim_policies.listener import Listener, bind
from samples import RELEASES
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
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release, rehearsed now."""
    folder = tmp_path_factory.mktemp("release")
    rehearsed(folder)
    return folder


def rehearsed(folder: Path, *arguments: str) -> str:
    """What the rehearsal prints; what it says against it, if it fails."""
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), "--out", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def wheels(release: Path) -> dict[str, Path]:
    return {name: next(release.glob(f"{name}-*.whl")) for name in SOURCES}


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that had nothing in it, with the wheels and what they depend on."""
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    python = python_of(folder)
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


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def command(environment: Path, *arguments: str) -> list[str]:
    return [str(python_of(environment).with_name("secure-mcp")), *arguments]


def clean() -> dict[str, str]:
    """An environment without what points at this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def run(environment: Path, project: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(environment, *arguments), cwd=project, env=clean(), capture_output=True, text=True, timeout=200, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@RELEASES
def test_what_a_release_has(release: Path) -> None:
    names = {file.name for file in release.iterdir()}
    (version,) = {name.split("-")[1] for name in names if name.endswith(".whl")}
    assert names == {
        *(f"{name}-{version}{end}" for name in SOURCES for end in (".tar.gz", "-py3-none-any.whl")),
        *(
            f"pulumi-resource-secure-mcp-v{version}-{system}.tar.gz"
            for system in ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64")
        ),
        f"secure-mcp-{version}.cdx.json",
        "SHA256SUMS",
        "NOTES.md",
    }
    sums = dict(line.split("  ")[::-1] for line in (release / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == names - {"SHA256SUMS", "NOTES.md"}
    assert all(hashlib.sha256((release / name).read_bytes()).hexdigest() == value for name, value in sums.items())
    notes = (release / "NOTES.md").read_text()
    assert notes.startswith("### ")
    assert notes.strip() in (ROOT / "CHANGELOG.md").read_text()


@RELEASES
def test_the_licence_is_in_everything_that_is_handed_on(release: Path) -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    assert (ROOT / "local" / "policy_engine" / "LICENSE").read_bytes() == licence
    for wheel in release.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            assert [archive.read(n) for n in archive.namelist() if n.endswith("licenses/LICENSE")] == [licence]
    for packed in release.glob("*.tar.gz"):
        with tarfile.open(packed) as archive:
            (name,) = (name for name in archive.getnames() if name.split("/")[-1] == "LICENSE")
            member = archive.extractfile(name)
            assert member is not None
            assert member.read() == licence


@RELEASES
def test_the_bill_of_materials_names_what_is_installed(release: Path, environment: Path) -> None:
    (file,) = release.glob("*.cdx.json")
    text = file.read_text()
    bill = json.loads(text)
    assert bill["specVersion"] == "1.6"
    assert bill["metadata"]["component"]["name"] == "pulumi-secure-mcp"
    named = {(part["name"].lower().replace("_", "-"), part["version"]) for part in bill["components"]}
    there = subprocess.run(
        [str(python_of(environment)), "-c", "import importlib.metadata as m\nfor d in m.distributions(): print(d.name, d.version)"],
        env=clean(), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    installed = {tuple(line.lower().replace("_", "-").split()) for line in there.stdout.splitlines()}
    makers = {"pip", "setuptools", "wheel", "pulumi-secure-mcp"}
    assert {part for part in installed if part[0] not in makers} == {part for part in named if part[0] not in makers}
    assert "file:" not in text, "a folder of this machine is in it"


@RELEASES
def test_a_release_whose_parts_do_not_agree_is_refused(tmp_path: Path) -> None:
    assert "the tag must be v" in rehearsed(tmp_path / "out", "--tag", "v9.9.9")
    assert not (tmp_path / "out").exists()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    assert "name another folder" in rehearsed(tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.txt").exists()


@RELEASES
def test_the_plugin_of_the_release_offers_what_that_of_the_checkout_does(
    release: Path, environment: Path, tmp_path: Path
) -> None:
    """As the engine unpacks it; what it needs are the wheels, which nothing of this checkout is in reach of."""
    archive = next(release.glob("pulumi-resource-*-linux-amd64.tar.gz"))
    with tarfile.open(archive) as packed:
        # Python has had it since 3.11.4. What is unpacked is ours.
        packed.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    version = next(release.glob("pulumi_secure_mcp-*.whl")).name.split("-")[1]
    assert (tmp_path / "requirements.txt").read_text() == f"pulumi-secure-mcp=={version}\n"
    with component_provider(tmp_path, tmp_path, python_of(environment)) as plugin, component_provider() as ours:
        offered, expected = plugin.schema(), ours.schema()
    assert offered.pop("version") == version
    assert offered == {name: value for name, value in expected.items() if name != "version"}


@RELEASES
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
        f"secure_mcp/policies/{file.relative_to(ROOT / 'policies').as_posix()}"
        for file in (ROOT / "policies").rglob("*.*")
    }
    assert policies <= there, policies - there


@RELEASES
def test_a_project_that_imports_the_wheel_is_planned_and_checked(environment: Path, project: Path) -> None:
    planned = json.loads(run(environment, project, "plan", "--json"))
    assert "/notes" in json.dumps(planned)
    assert str(ROOT) not in json.dumps(planned), "something comes from the checkout"
    assert "site-packages" in json.dumps(planned["outputs"]["library"])
    run(environment, project, "check", "--strict")
    run(environment, project, "policies", "--out", str(project / "policies"))
    engine = python_of(environment).with_name("apim-policies")
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


@RELEASES
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
        await interrupted(process)
