"""What one more server costs a gateway, however many there are: the table of docs/importing.md."""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.projects import project
from secure_mcp_local.recording import Recording, record_together

ROOT = Path(__file__).parents[2]
HOSTS = {
    "an address": {"address": {"url": "https://n.example.com/mcp"}},
    "a container app": {"container_app": {"image": "i"}, "location": "swedencentral"},
    "a function app": {"function_app": {"code": str(ROOT / "function_app")}, "location": "swedencentral"},
}
GATEWAY = """
import pulumi
from secure_mcp import Gateway

pulumi.export("gateway", Gateway("g", {"location": "swedencentral", "apim_publisher_email": "p@example.com"}).reference)
"""
SERVERS = """
import pulumi
from secure_mcp import Server

gateway = pulumi.StackReference(f"organization/gateway/{pulumi.get_stack()}").require_output("gateway")
for number in range(1, 11):
    Server(f"s{number}", {"gateway": gateway, "path": f"s{number}", **HOST})
"""
COLUMNS = {
    "API Management": "azure-native:apimanagement:",
    "Entra ID": "azuread:",
    "other resources of Azure": "azure-native:",
}


@cache
def declared(host: str) -> tuple[Recording, Recording]:
    with TemporaryDirectory() as folder:
        program = SERVERS.replace("HOST", repr(HOSTS[host]))
        roots = [project(Path(folder), "gateway", GATEWAY), project(Path(folder), "servers", program)]
        gateway, servers = sorted(record_together(roots, "dev"), key=lambda recording: recording.project)
        return gateway, servers


def costs(recording: Recording, server: str) -> list[int]:
    """Resources of a server, each created by one call: in API Management, in Entra ID, elsewhere in Azure."""
    own = [r for r in recording if r.custom and not r.read and re.match(rf"{server}(-|$)", r.name)]
    found = [sum(r.type.startswith(kind) for r in own) for kind in COLUMNS.values()]
    return [found[0], found[1], found[2] - found[0]]


def shown(host: str) -> list[int]:
    text = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| {host} \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    return [int(number) for number in row]


@pytest.mark.parametrize("host", HOSTS)
def test_the_tenth_server_costs_what_the_first_does(host: str) -> None:
    _, servers = declared(host)
    assert costs(servers, "s10") == costs(servers, "s1") == shown(host)


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_declares_nothing_that_is_the_gateways(host: str) -> None:
    gateway, servers = declared(host)
    there = {r.id.lower() for r in gateway if r.custom and r.id}
    assert not {r.id.lower() for r in servers if r.custom and not r.read} & there
    kinds = {r.type.split(":")[-1] for r in servers if r.type.startswith("azure-native:apimanagement:") and not r.read}
    assert kinds <= {"Api", "ApiOperation", "ApiPolicy", "ApiOperationPolicy", "NamedValue"}
