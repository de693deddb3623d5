"""An API Management that is there already, with other people's APIs: ours are added, theirs stay as they are."""

from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.testing import Application, Person

EXAMPLE = Path(__file__).parents[2] / "examples" / "adopted-gateway"
API = "azure-native:apimanagement:"
# What the ids of each kind are.
IDS = {"Api": "apiId", "NamedValue": "namedValueId", "PolicyFragment": "id", "Logger": "loggerId"}


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


def open_cloud() -> LocalCloud:
    backends = {"secure-mcp-mcp-notes": "http://localhost:9/mcp"}
    return LocalCloud.open([EXAMPLE / "before", EXAMPLE], port=0, backend=backends)


def added(recording: Recording) -> list[str]:
    return [r.type for r in recording if "::adopted-gateway::" in r.urn and r.custom]


async def test_a_client_uses_the_server_and_the_foreign_api_answers_as_before() -> None:
    async with open_cloud() as cloud:
        cloud.network.serve("localhost:9", server, kind="functions")
        application = Application(cloud.gateway_url, path="/notes")
        tokens = await application.tokens(Person())
        assert (await application.call(tokens["access_token"])).status_code == 200
        foreign = await application.send("GET", "/weather/forecast")
        assert (foreign.status_code, foreign.text) == (200, "somebody else's, with a name that ours has, too")


async def test_nothing_is_declared_for_the_whole_instance_and_every_id_is_ours() -> None:
    async with open_cloud() as cloud:
        ours = [r for r in cloud.recording if "::adopted-gateway::" in r.urn and r.type.startswith(API)]
    kinds = {r.type.removeprefix(API) for r in ours if not r.read}
    assert not kinds & {"ApiManagementService", "Policy", "Diagnostic"}
    assert "azure-native:resources:Deployment" not in added(cloud.recording)
    for resource in ours:
        kind = resource.type.removeprefix(API)
        if kind in IDS:
            assert str(resource.get(IDS[kind])).startswith("secure-mcp-"), resource.name
        if kind in {"Api", "NamedValue"}:
            assert str(resource.get("displayName")).startswith("secure-mcp-"), resource.name
        elif "apiId" in resource.inputs:
            assert str(resource.get("apiId")).startswith("secure-mcp-"), resource.name
        assert resource.get("resourceGroupName") == "rg-hub"
    apis = {r.get("apiId") for r in ours if r.type == API + "Api"}
    assert {r.get("apiId") for r in ours if r.type == API + "ApiDiagnostic"} == apis
