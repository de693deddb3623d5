"""The schema of the components as the engine gets it, and the YAML example as it is, which finds the components by their path."""

import json
import shutil
import sys
from importlib.metadata import version

import pytest

from engine.workspace import ROOT, Workspace, copied_project
from secure_mcp_local.stand_ins.service import PACKAGES


@pytest.fixture(scope="module")
def components(cli: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The project with the component provider and the examples beside it."""
    workspace = copied_project(tmp_path_factory.mktemp("components") / "it")
    for name in ("provider", "examples"):
        shutil.copytree(ROOT / name, workspace.project / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    (workspace.project / "provider" / ".venv").symlink_to(sys.prefix)
    # What a plugin needs itself is looked for among the installed ones only.
    for package in PACKAGES:
        installed = workspace.folder / "home" / "plugins" / f"resource-{package}-v{version(f'pulumi-{package}')}"
        installed.mkdir(parents=True)
        plugin = f"pulumi-resource-{package}"
        (installed / plugin).symlink_to(workspace.store.folder / "plugins" / plugin)
    return workspace


def test_the_engine_gets_the_schema_of_the_components(components: Workspace) -> None:
    schema = json.loads(components.pulumi("package", "get-schema", "./provider").output)
    assert schema["name"] == "secure-mcp"
    assert {"secure-mcp:index:SecureMcpServer", "secure-mcp:index:Gateway"} <= set(schema["resources"])
    server = schema["resources"]["secure-mcp:index:SecureMcpServer"]
    assert server["isComponent"]
    assert {"location", "apimPublisherEmail"} <= set(server["requiredInputs"])
    assert "mcpUrl" in server["properties"]


def test_the_yaml_example_is_previewed_as_it_is(components: Workspace) -> None:
    example = components.within("examples/yaml")
    example.pulumi("stack", "init")
    assert example.preview(publisherEmail="me@contoso.com").counts["create"] > 100
    assert not list(example.store)
