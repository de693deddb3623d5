"""Code that is published to a running stack by the very code that publishes to Azure: by name, over TLS, with Azure CLI's token."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.waiting import Clock
from samples import PUBLISHED_CODE
from secure_mcp.package import build_package
from secure_mcp.publishing import PublishingError
from secure_mcp.publishing.app import app_of
from secure_mcp.publishing.deployer import Deployer
from secure_mcp.publishing.publication import publish
from secure_mcp_local.azure.faults import PUBLISHING
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[3]
SITE = "azure-native:web:WebApp"


def other_code(folder: Path, text: str) -> Path:
    """The sample's package, whose greeting is another."""
    shutil.copytree(ROOT / "function_app", folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = folder / "function_app.py"
    code.write_text(code.read_text() + text)
    return build_package(folder).archive


TOOL = '''

@app.mcp_tool()
def {name}() -> str:
    """Says what it is."""
    return "the published one"
'''


@pytest.fixture(scope="module")
async def cloud() -> AsyncIterator[LocalCloud]:
    async with LocalCloud.open(ROOT, "dev", port=0) as cloud:
        yield cloud


@pytest.fixture
async def said(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """What publishing says here, whose environment is that of somebody who deploys to this cloud."""
    for name, value in (await cloud.deployer()).items():
        monkeypatch.setenv(name, value)
    for name in ("https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield []
    cloud.network.faults.active.clear()


async def published(cloud: LocalCloud, archive: Path, said: list[str]) -> list[str]:
    def work() -> list[str]:
        deployer = Deployer.of(lambda _: None)
        [site] = cloud.recording.all(SITE)
        return publish(archive, "digest", app_of(site.id, deployer), deployer, said.append, Clock())

    return await asyncio.to_thread(work)


async def called(cloud: LocalCloud, tool: str) -> str:
    application = Application(cloud.gateway_url)
    key = (await application.tokens(Person("alice")))["access_token"]
    return (await application.call(key, "tools/call", {"name": tool})).text


async def test_what_is_published_is_served_through_all_that_passes(
    cloud: LocalCloud, said: list[str], tmp_path: Path
) -> None:
    passing = ("forbid", "unavailable", "busy", "early", "lose", "recycle")
    cloud.network.faults.active |= {f"publish-{kind}" for kind in passing}
    archive = other_code(tmp_path / "code", TOOL.format(name="published_tool"))
    assert "published_tool" in await published(cloud, archive, said)
    told = "\n".join(said)
    for sign in ("403", "503", "409", "InaccessibleStorageException", "publishing once more", "Deployment: success"):
        assert sign in told, sign
    assert "the published one" in await called(cloud, "published_tool")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fail", "ended as failed: Deployment Failed; .*made to fail"),
        ("retype", "refuses the package: 415"),
        ("empty", "the app has no functions"),
        ("hide", "this machine cannot reach https://func-mcp-.*privatelink"),
    ],
)
async def test_what_does_not_pass_is_explained_and_changes_nothing(
    cloud: LocalCloud, said: list[str], kind: str, message: str
) -> None:
    cloud.network.faults.active.add(f"publish-{kind}")
    with pytest.raises(PublishingError, match=f"(?s){message}"):
        await published(cloud, build_package(ROOT / "function_app").archive, said)
    assert "save_snippet" in cloud.functions.functions


async def test_code_that_does_not_load_is_an_app_without_functions_and_what_works_goes_on(
    cloud: LocalCloud, said: list[str], tmp_path: Path
) -> None:
    announced: list[str] = []
    cloud.announce = announced.append
    with pytest.raises(PublishingError, match="the app has no functions"):
        await published(cloud, other_code(tmp_path / "code", "\nimport what_is_missing\n"), said)
    assert "No module named 'what_is_missing'" in announced[-1]
    assert "Hello, Alice" in await called(cloud, "hello_mcp")
    assert "hello_mcp" in await published(cloud, build_package(ROOT / "function_app").archive, said)


def test_every_fault_is_tried_here() -> None:
    tried = {"forbid", "unavailable", "busy", "early", "lose", "recycle", "fail", "retype", "empty", "hide"}
    assert set(PUBLISHING) == tried


@PUBLISHED_CODE
@pytest.mark.timeout(400)  # three processes
def test_the_commands_do_it_as_the_docs_say(cloud: LocalCloud, tmp_path: Path) -> None:
    """A file of variables, sourced by a shell in which the code is published as a pipeline does it."""
    file = tmp_path / "azure.env"
    command = [sys.executable, "-m", "secure_mcp_local", "local", "--port", "0", "--json", "--fresh", "--deployer"]
    running = subprocess.Popen([*command, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["gateway"]
        assert file.stat().st_mode & 0o077 == 0
        [site] = cloud.recording.all(SITE)
        publishing = [sys.executable, "-m", "secure_mcp.publishing", "--app", site.id]
        done = subprocess.run(
            ["sh", "-c", f". {shlex.quote(str(file))}; exec {shlex.join(publishing)}"],
            cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "save_snippet" in done.stderr
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 0
