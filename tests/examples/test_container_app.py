"""An image on Container Apps: only the gateway's identity gets in; here, another server answers in its place."""

from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp import ConfigError, ContainerAppOptions
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import record
from secure_mcp_local.testing import Application, Person

EXAMPLE = Path(__file__).parents[2] / "examples" / "container-app"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


def test_its_authentication_admits_the_gateways_identity_only() -> None:
    recording = record(EXAMPLE, "dev")
    [gateway] = [r for r in recording.all(IDENTITY) if r.inputs["resourceName"].startswith("id-apim-")]
    settings = recording.one("azure-native:app:ContainerAppsAuthConfig").inputs
    assert settings["platform"] == {"enabled": True}
    assert settings["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    directory = settings["identityProviders"]["azureActiveDirectory"]
    admitted = directory["validation"]["defaultAuthorizationPolicy"]
    assert admitted["allowedApplications"] == [gateway.get("clientId")]
    assert admitted["allowedPrincipals"]["identities"] == [gateway.get("principalId")]
    application = next(r for r in recording.all("azuread:index/application:Application") if "appRoles" in r.inputs)
    assert directory["validation"]["allowedAudiences"] == [application.get("clientId")]
    app = recording.one("azure-native:app:ContainerApp").inputs
    assert app["template"]["scale"]["minReplicas"] == 0
    assert not app["configuration"]["ingress"]["allowInsecure"]
    own = next(r for r in recording.all(IDENTITY) if r.inputs["resourceName"].startswith("id-ca-"))
    assert app["identity"]["userAssignedIdentities"] == [own.id]
    assert {"name": "LOG_LEVEL", "value": "info"} in app["template"]["containers"][0]["env"]
    assert recording.outputs["serverPrincipalId"] == own.get("principalId")


async def test_another_server_answers_in_its_place() -> None:
    async with LocalCloud.open(EXAMPLE, port=0, backend="http://localhost:9/mcp") as cloud:
        cloud.network.serve("localhost:9", server, kind="functions")
        application = Application(cloud.gateway_url, path="/weather")
        tokens = await application.tokens(Person())
        assert (await application.call(tokens["access_token"])).status_code == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_mb": 2048}, "configuration memoryMb = 2048: with cpuMillicores 500 Azure takes 1024 MB only"),
        ({"registry_server": "r.azurecr.io"}, "configuration registryIdentityId = ''"),
        ({"min_replicas": 11}, "configuration minReplicas = 11: maxReplicas is 10"),
        ({"mcp_path": "mcp"}, "give a path that begins with /"),
    ],
)
def test_what_azure_would_refuse_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ContainerAppOptions.of({"image": "i"} | options)
    assert message in str(caught.value)
