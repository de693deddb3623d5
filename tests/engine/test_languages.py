"""Programs in other languages, from `pulumi install` and `pulumi package add` to people who use what they deployed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actors.python_client import Keyring, connect, text_of
from engine.running import running
from engine.workspace import ROOT, Workspace, copied_project
from samples import LATER_STEPS, OTHER_LANGUAGES
from secure_mcp_local.azure.storage.node import node
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Person

ME = "me@contoso.com"
YAML, TYPESCRIPT = "examples/yaml", "examples/typescript"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def components(cli: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The component provider and the examples beside each other, as in a checkout."""
    workspace = copied_project(tmp_path_factory.mktemp("components") / "it", f"http://localhost:{port}")
    for name in ("provider", "examples"):
        ignored = shutil.ignore_patterns("__pycache__", ".venv", "node_modules", "sdks")
        shutil.copytree(ROOT / name, workspace.project / name, ignore=ignored)
    # What `pulumi install` in it would make.
    (workspace.project / "provider" / ".venv").symlink_to(sys.prefix)
    return workspace


async def uses_snippets(cloud: LocalCloud, path: str) -> None:
    """A person keeps something with the official client."""
    async with connect(cloud, Person(), Keyring(), path=path) as (client, _):
        await client.call_tool("save_snippet", {"name": "kept", "content": "here it is"})
        assert "here it is" in text_of(await client.call_tool("get_snippet", {"name": "kept"}))


@OTHER_LANGUAGES
async def test_the_yaml_example_is_installed_deployed_and_used(components: Workspace, tmp_path: Path) -> None:
    workspace = components.copied_to(tmp_path / "yaml")
    example = workspace.within(YAML)
    example.pulumi("install")
    example.pulumi("stack", "init")
    refused = example.up(check=False)
    assert "missing configuration value 'publisherEmail'" in refused.output
    assert example.names == set()
    example.up(publisherEmail=ME)
    assert {"snippets-apim", "snippets-mcp-policy", "snippets-kv"} <= example.names
    async with running(workspace, [YAML]) as cloud:
        await uses_snippets(cloud, "/mcp")


@OTHER_LANGUAGES
def test_a_yaml_program_adds_the_components(components: Workspace, tmp_path: Path) -> None:
    workspace = components.copied_to(tmp_path / "added")
    program = workspace.within("program")
    program.project.mkdir()
    settings = program.project / "Pulumi.yaml"
    settings.write_text("name: theirs\nruntime: yaml\n")
    program.pulumi("package", "add", "../provider")
    assert "packages:\n  secure-mcp: ../provider\n" in settings.read_text()


PYTHON = """
import pulumi
import secure_mcp_sdk as mcp

server = mcp.SecureMcpServer("snippets", location="westeurope", apim_publisher_email="me@contoso.com", code="../function_app")
pulumi.export("mcpUrl", server.mcp_url)
"""


@LATER_STEPS
def test_a_python_program_adds_the_components(components: Workspace, tmp_path: Path) -> None:
    """Its environment is its own: the library is the plugin's to have, and what is generated has another name."""
    workspace = components.copied_to(tmp_path / "added")
    program = workspace.within("program")
    program.project.mkdir()
    settings = "name: theirs\nruntime: {name: python, options: {virtualenv: .venv}}\n"
    (program.project / "Pulumi.yaml").write_text(settings)
    (program.project / "requirements.txt").write_text("pulumi\n")
    program.program(PYTHON)
    subprocess.run([sys.executable, "-m", "venv", str(program.project / ".venv")], check=True, timeout=200)
    # Of what Pulumi's own packages are, there is a copy here.
    [site] = (program.project / ".venv" / "lib").glob("python*/site-packages")
    [ours] = (Path(sys.prefix) / "lib").glob("python*/site-packages")
    (site / "beside.pth").write_text(f"{ours}\n")
    program.pulumi("package", "add", "../provider")
    assert (program.project / "requirements.txt").read_text() == "pulumi\nsdks/secure-mcp\n"
    program.pulumi("stack", "init")
    assert program.preview().counts["create"] > 90


@pytest.fixture(scope="module")
def typescript(components: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The example with its SDK, generated now, and what it takes from the registry."""
    workspace = components.copied_to(tmp_path_factory.mktemp("typescript") / "it")
    workspace.within(TYPESCRIPT).pulumi("install")
    return workspace


def compiled(project: Path, text: str) -> str:
    """What the compiler has against a program in place of the project's; empty: nothing."""
    program = project / "index.ts"
    own = program.read_text()
    command = [node(), "node_modules/typescript/bin/tsc", "--noEmit", "--pretty", "false"]
    try:
        program.write_text(text)
        return subprocess.run(command, cwd=project, stdout=subprocess.PIPE, text=True, timeout=200, check=False).stdout
    finally:
        program.write_text(own)


@OTHER_LANGUAGES
def test_the_typescript_sdk_lies_in_a_scope_of_ours(typescript: Workspace) -> None:
    project = typescript.within(TYPESCRIPT).project
    package = json.loads((project / "sdks" / "secure-mcp" / "package.json").read_text())
    assert package["name"] == "@secure-mcp/pulumi"
    # `pulumi install` has found it linked already.
    assert json.loads((project / "package.json").read_text()) == json.loads(
        (ROOT / TYPESCRIPT / "package.json").read_text()
    )


@OTHER_LANGUAGES
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("", "", ""),
        ("consentDays: 7", "consentDay: 7", "'consentDay' does not exist"),
        ("consentDays: 7", 'consentDays: "7"', "Type 'string' is not assignable to type 'number"),
        ("    gateway: gateway.reference,\n", "", "Property 'gateway' is missing"),
        ("notes.url", "notes.urls", "Property 'urls' does not exist"),
    ],
)
def test_a_mistake_is_the_compilers_to_find(typescript: Workspace, right: str, wrong: str, said: str) -> None:
    project = typescript.within(TYPESCRIPT).project
    found = compiled(project, (project / "index.ts").read_text().replace(right, wrong, 1))
    assert (said in found) if said else (found == "")


@OTHER_LANGUAGES
def test_the_program_of_the_page_is_type_checked(typescript: Workspace) -> None:
    page = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    [program] = re.findall(r"```typescript\n(.*?)```", page, re.DOTALL)
    assert compiled(typescript.within(TYPESCRIPT).project, program) == ""


@LATER_STEPS
async def test_the_typescript_example_is_deployed_and_used(typescript: Workspace) -> None:
    example = typescript.within(TYPESCRIPT)
    example.pulumi("stack", "init")
    refused = example.preview(check=False)
    assert "missing configuration value 'publisherEmail'" in refused.output
    example.up(publisherEmail=ME)
    assert {"shared-apim", "notes-mcp-policy", "snippets-func"} <= example.names
    async with running(typescript, [TYPESCRIPT], {"notes.internal.example.com": "notes"}) as cloud:
        await uses_snippets(cloud, "/snippets")
        async with connect(cloud, Person("bob"), Keyring(), path="/notes") as (client, _):
            assert text_of(await client.call_tool("whose", {})) == "of notes"
