"""The TypeScript program: the SDK that the engine's generator makes of the provider's schema, its compiler, and what it declares.

Node.js runs the program with the SDK's mocks, which tell what the engine would hand to the component provider; the provider
constructs that, as for any other language.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.component_provider import component_provider
from actors.node_tools import installed
from secure_mcp_local.azure.storage.node import node

EXAMPLE = Path(__file__).parents[2] / "examples" / "typescript"
GENERATOR = "pulumi-sdk-nodejs"
MISSING = f'there is no {GENERATOR} on PATH: build it once with: PATH="$(.ci/{GENERATOR}):$PATH" make test'
TOLD = """
const pulumi = require("@pulumi/pulumi");
const outputs = JSON.parse(process.env.OUTPUTS);
const told = [];
pulumi.runtime.setMocks({
    call: (args) => { throw new Error(`the program calls ${args.token}`); },
    newResource: (args) => {
        told.push({ type: args.type, name: args.name, inputs: args.inputs });
        return { id: "", state: outputs[args.name] ?? {} };
    },
}, "typescript-server", "dev");
pulumi.runtime.setAllConfig(JSON.parse(process.env.CONFIG));
require("./bin/index.js");
process.on("exit", () => console.log(JSON.stringify(told)));
"""
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its SDK, generated now, as `pulumi install` leaves it."""
    if shutil.which(GENERATOR) is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("typescript") / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "sdks", "bin"))
    sdk = folder / "sdks" / "secure-mcp"
    with component_provider() as provider:
        schema = json.dumps(provider.schema())
    subprocess.run([GENERATOR, str(sdk)], input=schema, text=True, check=True, timeout=60)
    # What comes from the registry is installed once; the SDK is the one of this checkout.
    modules = installed(folder, "typescript-example") / "node_modules"
    (folder / "node_modules" / "@secure-mcp").mkdir(parents=True)
    for each in modules.iterdir():
        if each.name != "@secure-mcp":
            (folder / "node_modules" / each.name).symlink_to(each)
    (folder / "node_modules" / "@secure-mcp" / "pulumi").symlink_to(sdk)
    assert compiled(sdk) == ""
    # As the SDK's own script does after it is installed.
    shutil.copy(sdk / "package.json", sdk / "bin")
    return folder


def compiled(folder: Path) -> str:
    """What the compiler has against a project; empty: nothing."""
    compiler = next(
        found
        for parent in (folder, *folder.parents)
        if (found := parent / "node_modules" / "typescript" / "bin" / "tsc").exists()
    )
    command = [node(), str(compiler), "--pretty", "false", "-p", str(folder)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=False).stdout


def told(project: Path, outputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the program asks the engine for, by name: type and inputs.

    Args:
        project: Compiled.
        outputs: Of the components, by their names.
    """
    declared = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())
    stack = yaml.safe_load((EXAMPLE / "Pulumi.dev.yaml").read_text())["config"]
    name = declared["name"]
    # It is a user's to say.
    assert f"{name}:publisherEmail" not in stack
    defaults = {f"{name}:{key}": value["default"] for key, value in declared["config"].items() if "default" in value}
    (project / "told.js").write_text(TOLD)
    done = subprocess.run(
        [node(), "told.js"],
        cwd=project,
        env={
            **os.environ,
            "CONFIG": json.dumps(defaults | stack | {f"{name}:publisherEmail": "me@contoso.com"}),
            "OUTPUTS": json.dumps(outputs),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_the_sdk_lies_in_a_scope_of_ours(project: Path) -> None:
    package = json.loads((project / "sdks" / "secure-mcp" / "package.json").read_text())
    assert package["name"] == "@secure-mcp/pulumi"
    assert package["name"] in json.loads((EXAMPLE / "package.json").read_text())["dependencies"]


def test_the_program_is_type_checked_and_constructed(project: Path) -> None:
    assert compiled(project) == ""
    gateway = told(project, {})["shared"]
    with component_provider(EXAMPLE) as provider:
        outputs = {"shared": provider.construct(gateway["type"].split(":")[-1], "shared", gateway["inputs"])}
        asked = told(project, outputs)
        assert set(asked) == {"shared", "notes", "snippets"}
        for name in ("notes", "snippets"):
            server = asked[name]
            outputs[name] = provider.construct(server["type"].split(":")[-1], name, server["inputs"])
        recording = provider.recording
    url = recording.one("azure-native:apimanagement:ApiManagementService").get("gatewayUrl")
    assert {name: outputs[name]["url"] for name in ("notes", "snippets")} == {
        "notes": f"{url}/notes",
        "snippets": f"{url}/snippets",
    }
    paths = {api.get("path") for api in recording.all("azure-native:apimanagement:Api")}
    assert {"notes", "snippets"} <= paths


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("consentDays: 7", "consentDay: 7", "'consentDay' does not exist"),
        ("consentDays: 7", 'consentDays: "7"', "Type 'string' is not assignable to type 'number"),
        ("    gateway: gateway.reference,\n", "", "Property 'gateway' is missing"),
        ("notes.url", "notes.urls", "Property 'urls' does not exist"),
    ],
)
def test_a_mistake_is_the_compilers_to_find(project: Path, right: str, wrong: str, said: str) -> None:
    program = project / "index.ts"
    text = program.read_text()
    try:
        program.write_text(text.replace(right, wrong, 1))
        assert said in compiled(project)
    finally:
        program.write_text(text)
