"""Three stacks: a platform team's gateway, and a server of each of two teams, which know it by a stack reference."""

from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import record
from secure_mcp_local.testing import Application, Person

EXAMPLES = Path(__file__).parents[2] / "examples"
API = "azure-native:apimanagement:"
SCOPES = {"notes": "notes:read", "teams/calendar": "calendar"}
BACKENDS = {"mcp-notes": "http://localhost:9/mcp", "mcp-teams--calendar": "http://localhost:10/mcp"}


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


async def test_one_person_uses_the_servers_of_both_teams() -> None:
    projects = [EXAMPLES / name for name in ("platform", "team-notes", "team-calendar")]
    async with LocalCloud.open(projects, port=0, backend=BACKENDS) as cloud:
        for host in ("localhost:9", "localhost:10"):
            cloud.network.serve(host, server, kind="functions")
        for path, scope in SCOPES.items():
            application = Application(cloud.gateway_url, path=f"/{path}", scope=scope)
            tokens = await application.tokens(Person())
            assert (await application.call(tokens["access_token"])).status_code == 200


def test_the_gateway_declares_no_server() -> None:
    recording = record(EXAMPLES / "platform", "dev")
    assert [api.get("apiId") for api in recording.all(API + "Api")] == ["oauth"]
    assert not recording.all("azuread:index/appRoleAssignment:AppRoleAssignment")


@pytest.mark.parametrize(("team", "own"), [("team-notes", "notes"), ("team-calendar", "calendar")])
async def test_a_server_costs_little_and_names_what_is_its_own(team: str, own: str) -> None:
    async with LocalCloud.open(
        [EXAMPLES / "platform", EXAMPLES / team],
        port=0,
        backend={name: url for name, url in BACKENDS.items() if own in name},
    ) as cloud:
        declared = [r for r in cloud.recording if f"::{team}::" in r.urn and r.custom and r.type.startswith("azure")]
    assert len([r for r in declared if r.type.startswith(API)]) <= 13, "calls to API Management for one more server"
    for resource in declared:
        if resource.type in {API + "Api", API + "NamedValue"}:
            assert own in str(resource.get("apiId") or resource.get("namedValueId"))
        assert not resource.type.endswith(("PolicyFragment", "ApiManagementService", "Logger", "Diagnostic"))
