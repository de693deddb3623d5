"""The real engine. It is on `PATH`, or `.ci/pulumi-cli` builds it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_policies.listener import bind
from engine.workspace import Workspace, copied_project, small_project
from secure_mcp_local.errors import ExplainedError

Making = Callable[[str], Workspace]
MISSING = 'there is no pulumi on PATH: install it, or build it once with: PATH="$(.ci/pulumi-cli):$PATH" make test'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine)
            # A command of the engine takes seconds, a test some of them, the first one also deploys for all.
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def cli() -> str:
    """The CLI's path. A gate without the engine would prove nothing, so there it fails."""
    found = shutil.which("pulumi")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="module")
def port(worker_id: str) -> int:
    """A free one, with free ones after it for Entra ID and the console; another one for each process that runs tests."""
    worker = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    for first in range(18080 + 300 * worker, 18080 + 300 * (worker + 1), 3):
        try:
            found = [socket for each in range(3) for socket in bind(first + each)[1]]
        except ExplainedError:
            continue
        for socket in found:
            socket.close()
        return first
    raise AssertionError("no free port")


@pytest.fixture(scope="session")
def untouched(cli: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The dev stack, deployed. Nobody changes this one."""
    workspace = copied_project(tmp_path_factory.mktemp("engine") / "untouched")
    workspace.up()
    return workspace


@pytest.fixture
def deployed(untouched: Workspace, tmp_path: Path) -> Workspace:
    """The dev stack, deployed, for one test to change."""
    return untouched.copied_to(tmp_path / "deployed")


@pytest.fixture
def small(cli: str, tmp_path: Path) -> Making:
    """Makes a project of a few lines."""

    def make(program: str) -> Workspace:
        return small_project(tmp_path / "small", program)

    return make
