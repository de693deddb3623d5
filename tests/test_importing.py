"""docs/importing.md is true: its programs declare what they say, and every option, command and folder that it names is there."""

import re
from pathlib import Path

import pytest
import yaml

from actors.component_provider import component_provider
from actors.projects import project
from secure_mcp import ContainerAppOptions, FunctionAppOptions, Gateway, SecureMcpServer, Server
from secure_mcp.gateway.gateway import GatewayArgs
from secure_mcp.gateway.given import ExistingApiManagement
from secure_mcp.options.declared import fields_of
from secure_mcp.server.server import ServerArgs
from secure_mcp_local.recording import record, record_together

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
API = "azure-native:apimanagement:Api"
CONFIG = "{publisherEmail: me@contoso.com}"
IMPORTS = """
import pulumi
from pulumi_azure_native import authorization, resources, storage

from secure_mcp import Gateway, Server

email = pulumi.Config().require("publisherEmail")
"""


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


WHOLE, GATEWAY, TEAM, DATABASE = snippets("python")


def test_the_first_program_is_a_whole_server(tmp_path: Path) -> None:
    program = WHOLE.replace('"function_app"', repr(str(ROOT / "function_app")))
    recording = record(project(tmp_path, "whole", program, config=CONFIG), "dev")
    assert recording.one("secure-mcp:index:SecureMcpServer").name == "snippets"


def test_a_gateway_and_a_teams_server_go_together(tmp_path: Path) -> None:
    program = TEAM.replace("[group]", '["00000000-0000-4000-8000-00000000d0e1"]')
    assert program != TEAM
    roots = [
        project(tmp_path, "platform", IMPORTS + GATEWAY, config=CONFIG),
        project(tmp_path, "team", IMPORTS + program, config=CONFIG),
    ]
    platform, team = sorted(record_together(roots, "dev"), key=lambda recording: recording.project)
    assert {api.get("path") for api in team.all(API)} >= {"notes"}
    assert "notes" not in {api.get("path") for api in platform.all(API)}


def test_a_host_gets_a_role_on_what_its_code_uses(tmp_path: Path) -> None:
    group = '\ngroup = resources.ResourceGroup("rg", location="swedencentral")\n'
    code = f'"code": {str(ROOT / "function_app")!r}'
    program = DATABASE.replace('"code": "server"', code)
    recording = record(project(tmp_path, "own", IMPORTS + GATEWAY + group + program, config=CONFIG), "dev")
    [role] = [r for r in recording.all("azure-native:authorization:RoleAssignment") if r.name == "notes-reads"]
    [account] = [r for r in recording.all("azure-native:storage:StorageAccount") if r.name == "data"]
    identities = recording.all("azure-native:managedidentity:UserAssignedIdentity")
    assert role.inputs["scope"] == account.id
    assert role.inputs["principalId"] in {identity.get("principalId") for identity in identities}
    settings = recording.one("azure-native:web:WebApp").inputs["siteConfig"]["appSettings"]
    assert {"name": "DATABASE", "value": account.get("accountName")} in settings


def test_the_program_without_code_is_constructed() -> None:
    [declared] = [yaml.safe_load(text)["resources"]["server"] for text in snippets("yaml")]
    assert declared["properties"]["apimPublisherEmail"] == "YOUR-ADDRESS"
    properties = declared["properties"] | {"apimPublisherEmail": "me@contoso.com"}
    with component_provider(ROOT / "provider") as provider:
        outputs = provider.construct(declared["type"].split(":")[1], "snippets", properties)
    assert outputs["mcpUrl"].endswith("/mcp")


def test_the_typescript_program_names_what_there_is() -> None:
    """Its compiler reads it in `tests/engine/test_languages.py`."""
    [program] = snippets("typescript")
    with component_provider() as provider:
        schema = provider.schema()["resources"]["secure-mcp:index:SecureMcpServer"]
    named = set(re.findall(r"^    (\w+):", program, re.MULTILINE))
    assert set(schema["requiredInputs"]) <= named <= set(schema["inputProperties"])
    assert set(re.findall(r"server\.(\w+)", program)) <= set(schema["properties"])


def test_every_option_that_it_names_is_one() -> None:
    options = {
        name for args in (GatewayArgs, ServerArgs, FunctionAppOptions, ContainerAppOptions) for name in fields_of(args)
    }
    known = options | {name for component in (Gateway, Server, SecureMcpServer) for name in component.__annotations__}
    known |= {"secure_mcp", *fields_of(ExistingApiManagement)}
    with component_provider() as provider:
        known.add(provider.schema()["language"]["python"]["packageName"])
    named = set(re.findall(r"`(?:\w+\.)?([a-z]+(?:_[a-z]+)+)`", PAGE))
    assert named
    assert named <= known, named - known


COMMANDS = re.findall(r"`secure-mcp ([^`]+)`", PAGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_it_names_is_there(command: str) -> None:
    described = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert re.search(rf"^## secure-mcp {re.escape(command.split(maxsplit=1)[0])}\b", described, re.MULTILINE)


@pytest.mark.parametrize("command", [command for command in COMMANDS if " -C " in command or " --cwd " in command])
def test_every_folder_of_a_command_is_there(command: str) -> None:
    folders = re.findall(r"(?:-C|--cwd) (\S+)", command)
    assert folders
    for folder in folders:
        assert (ROOT / folder / "Pulumi.yaml").exists()
