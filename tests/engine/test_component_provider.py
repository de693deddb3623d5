"""The component provider under the real engine: it starts the plugin, constructs a component and deploys what it declares.

The program does what the SDKs do that Pulumi generates from the schema: it asks the engine for a remote component.
"""

import sys
from collections.abc import Callable

from engine.workspace import ROOT, Workspace
from samples import LATER_STEPS, SMALL_STACKS

PROGRAM = """
import pulumi

class SecureMcpServer(pulumi.ComponentResource):
    def __init__(self, name, properties):
        super().__init__("secure-mcp:index:SecureMcpServer", name, {**properties, "mcpUrl": None}, remote=True)

properties = {"location": "westeurope", "apimPublisherEmail": "mcp@example.com", "code": "function_app", **CHANGES}
pulumi.export("mcpUrl", SecureMcpServer("snippets", properties).mcpUrl)
"""


def program(changes: str) -> str:
    return PROGRAM.replace("CHANGES", changes)


def remote(workspace: Workspace) -> Workspace:
    """Lets a project of a few lines use the provider of this repository, installed, and gives it the server's code."""
    plugin = workspace.folder / "provider"
    plugin.mkdir()
    for name in ("PulumiPlugin.yaml", "__main__.py"):
        (plugin / name).symlink_to(ROOT / "provider" / name)
    (plugin / ".venv").symlink_to(sys.prefix)
    (workspace.project / "function_app").symlink_to(ROOT / "function_app")
    project = workspace.project / "Pulumi.yaml"
    project.write_text(
        f"{project.read_text()}plugins: {{providers: [{{name: secure-mcp, path: {plugin}}}]}}\n", encoding="utf-8"
    )
    return workspace


@LATER_STEPS
def test_a_server_is_deployed_and_changed(small: Callable[[str], Workspace]) -> None:
    workspace = remote(small(program("{}")))
    assert 'mcpUrl: "https://apim-snippets-' in workspace.up().output
    assert {"snippets-apim", "snippets-mcp-policy"} <= workspace.names
    assert "save_snippet" in workspace.functions()
    chain = "secure-mcp:index:SecureMcpServer$secure-mcp:index:Gateway$secure-mcp:index:ApiManagement$azure-native:apimanagement:ApiManagementService"
    assert f"urn:pulumi:dev::small::{chain}::snippets-apim" in {r["urn"] for r in workspace.state["resources"]}
    workspace.program(program('{"mcpRateLimit": 7}'))
    assert workspace.up().changed() == {"snippets-mcp-policy": "update"}
    assert workspace.up().changed() == {}


@SMALL_STACKS
def test_what_cannot_work_is_said_and_nothing_is_made(small: Callable[[str], Workspace]) -> None:
    workspace = remote(small(program('{"apimSku": "Gold"}')))
    run = workspace.up(check=False)
    assert run.exit_code != 0
    assert "configuration apimSku = 'Gold': use one of BasicV2, StandardV2, PremiumV2" in run.output
    assert workspace.names == set()
