"""The schema of the components as the engine gets it."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from engine.workspace import ROOT, Workspace, copied_project
from samples import OTHER_LANGUAGES


@pytest.fixture(scope="module")
def components(cli: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The project with the component provider beside it."""
    workspace = copied_project(tmp_path_factory.mktemp("components") / "it")
    ignored = shutil.ignore_patterns("__pycache__", ".venv")
    shutil.copytree(ROOT / "provider", workspace.project / "provider", ignore=ignored)
    (workspace.project / "provider" / ".venv").symlink_to(sys.prefix)
    return workspace


@OTHER_LANGUAGES
def test_the_engine_gets_the_schema_of_the_components(components: Workspace) -> None:
    schema = json.loads(components.pulumi("package", "get-schema", "./provider").output)
    assert schema["name"] == "secure-mcp"
    assert {"secure-mcp:index:SecureMcpServer", "secure-mcp:index:Gateway"} <= set(schema["resources"])
    server = schema["resources"]["secure-mcp:index:SecureMcpServer"]
    assert server["isComponent"]
    assert {"location", "apimPublisherEmail"} <= set(server["requiredInputs"])
    assert "mcpUrl" in server["properties"]


@OTHER_LANGUAGES
def test_nothing_is_fetched_and_nothing_is_said_of_it(components: Workspace) -> None:
    """Stand-ins are the installed plugins: also those that a plugin needs itself, which the engine does not look for on PATH."""
    command = [sys.executable, "-m", "secure_mcp_local", "stand-ins", "pulumi"]
    home = components.folder / "users-home"
    (home / "plugins" / "resource-azure-native-v1.0.0").mkdir(parents=True)
    (home / "credentials.json").write_text("{}")
    for arguments in (["package", "get-schema", "./provider"], ["plugin", "ls", "--json"]):
        done = subprocess.run(
            [*command, *arguments],
            cwd=components.project,
            env={**os.environ, "PULUMI_HOME": str(home), "PULUMI_BACKEND_URL": components.folder.as_uri()},
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        said = json.loads(done.stdout)
    # Nobody's plugins but the stand-ins: the real one of the user's is not among them.
    versions = {(plugin["name"], plugin["version"]) for plugin in said if plugin["name"] == "azure-native"}
    assert versions == {("azure-native", version("pulumi-azure-native"))}
    assert sorted(path.name for path in (home / "plugins").iterdir()) == ["resource-azure-native-v1.0.0"]
