"""Which declared service gets which token."""

import pytest

from apim_policies.clock import Clock
from apim_policies.network import Faults
from apim_policies.pipeline.identities import IdentityUnavailable
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.faults import FAULTS
from secure_mcp_local.errors import NotModelled
from secure_mcp_local.recording import Recording, Resource

TENANT = "22222222-2222-4222-8222-222222222222"
GATEWAY_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-gw"
OTHER_ID = GATEWAY_ID.replace("id-gw", "id-other")
CLIENT = "c1c1c1c1-1111-4111-8111-111111111111"
PRINCIPAL = "d1d1d1d1-1111-4111-8111-111111111111"
SYSTEM = "e1e1e1e1-1111-4111-8111-111111111111"
BACKEND = "b1b1b1b1-1111-4111-8111-111111111111"
COSMOS = "https://cosmos.azure.com"
APPLICATION = "azuread:index/application:Application"
SERVICE_PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
SERVICE = "azure-native:apimanagement:ApiManagementService"


def resource(type: str, name: str, id: str = "", **properties: object) -> Resource:
    urn = f"urn:pulumi:dev::secure-mcp::{type}::{name}"
    return Resource(urn, type, name, "", inputs=properties, outputs=properties, id=id)


def identity(name: str, id: str, client: str, principal: str) -> Resource:
    type = "azure-native:managedidentity:UserAssignedIdentity"
    return resource(type, name, id, clientId=client, principalId=principal, tenantId=TENANT)


@pytest.fixture
def recording() -> Recording:
    return Recording(
        "secure-mcp",
        "dev",
        (
            identity("gateway", GATEWAY_ID, CLIENT, PRINCIPAL),
            identity("other", OTHER_ID, CLIENT.replace("c1c1", "c2c2"), PRINCIPAL.replace("d1d1", "d2d2")),
            resource(
                SERVICE,
                "service",
                identity={
                    "type": "SystemAssigned, UserAssigned",
                    "userAssignedIdentities": [GATEWAY_ID.upper()],
                    "principalId": SYSTEM,
                    "tenantId": TENANT,
                },
            ),
            resource(
                APPLICATION,
                "backend",
                displayName="backend",
                clientId=BACKEND,
                objectId="0b1e0000-0000-4000-8000-000000000001",
                identifierUris=[f"api://{BACKEND}"],
                api={"requestedAccessTokenVersion": 2},
                appRoles=[{"id": "40400000-0000-4000-8000-000000000001", "value": "Mcp.Call", "enabled": True}],
            ),
            resource(
                SERVICE_PRINCIPAL,
                "backend",
                clientId=BACKEND,
                objectId="05e70000-0000-4000-8000-000000000001",
                appRoleAssignmentRequired=False,
            ),
        ),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> TokenIssuer:
    return TokenIssuer("http://localhost:8081", TENANT, clock)


def urn(recording: Recording) -> str:
    return recording.one(SERVICE).urn


def test_the_user_assigned_identity(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    token = ManagedIdentities(recording, issuer, clock).token(urn(recording), COSMOS, CLIENT)
    claims = issuer.verify(token, COSMOS)
    assert (claims["oid"], claims["sub"], claims["appid"], claims["azp"]) == (
        PRINCIPAL,
        PRINCIPAL,
        CLIENT,
        CLIENT,
    )
    assert (claims["tid"], claims["idtyp"]) == (TENANT, "app")
    assert claims["iss"] == f"http://localhost:8081/{TENANT}/v2.0"
    assert claims["exp"] - claims["iat"] == 24 * 3600


def test_the_system_assigned_identity(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    token = ManagedIdentities(recording, issuer, clock).token(urn(recording), COSMOS, None)
    assert issuer.verify(token, COSMOS)["oid"] == SYSTEM


def test_tokens_expire_by_the_clock(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    token = ManagedIdentities(recording, issuer, clock).token(urn(recording), COSMOS, None)
    clock.advance(25 * 3600)
    with pytest.raises(Exception, match="expired"):
        issuer.verify(token, COSMOS)


@pytest.mark.parametrize(
    "identity",
    [
        None,
        {"type": "SystemAssigned", "principalId": SYSTEM, "userAssignedIdentities": [GATEWAY_ID]},
        {"type": "UserAssigned", "userAssignedIdentities": [OTHER_ID]},
        {"type": "UserAssigned", "userAssignedIdentities": []},
        {"type": "UserAssigned"},
    ],
)
def test_an_identity_that_the_service_does_not_have(
    recording: Recording, issuer: TokenIssuer, clock: Clock, identity: object
) -> None:
    changed = recording.changed(urn(recording), identity=identity)
    with pytest.raises(IdentityUnavailable, match=rf"service has no user-assigned identity .*{CLIENT}"):
        ManagedIdentities(changed, issuer, clock).token(urn(recording), COSMOS, CLIENT)


def test_a_service_without_a_system_assigned_identity(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    changed = recording.changed(
        urn(recording), identity={"type": "UserAssigned", "userAssignedIdentities": [GATEWAY_ID]}
    )
    with pytest.raises(IdentityUnavailable, match="no system-assigned identity"):
        ManagedIdentities(changed, issuer, clock).token(urn(recording), COSMOS, None)


def test_identities_as_azure_answers_them(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    answered = {"type": "UserAssigned", "userAssignedIdentities": {GATEWAY_ID: {"clientId": CLIENT}}}
    changed = recording.changed(urn(recording), identity=answered)
    assert ManagedIdentities(changed, issuer, clock).token(urn(recording), COSMOS, CLIENT)


def test_an_undeclared_service(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    with pytest.raises(IdentityUnavailable, match="does not declare urn:x"):
        ManagedIdentities(recording, issuer, clock).token("urn:x", COSMOS, CLIENT)


def test_a_declared_identity_that_is_gone(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    without = recording.without(lambda r: r.name == "gateway")
    with pytest.raises(IdentityUnavailable):
        ManagedIdentities(without, issuer, clock).token(urn(recording), COSMOS, CLIENT)


def test_the_fault(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    faults = Faults(FAULTS)
    identities = ManagedIdentities(recording, issuer, clock, faults)
    faults.active.add("identity-unavailable")
    with pytest.raises(IdentityUnavailable, match="does not answer"):
        identities.token(urn(recording), COSMOS, CLIENT)
    faults.active.clear()
    assert identities.token(urn(recording), COSMOS, CLIENT)


class TestApplications:
    """Tokens for an application of the tenant, such as the function app's registration."""

    @pytest.mark.parametrize("audience", [BACKEND, BACKEND.upper(), f"api://{BACKEND}", f"api://{BACKEND}/"])
    def test_the_audience_is_the_client_id(
        self, recording: Recording, issuer: TokenIssuer, clock: Clock, audience: str
    ) -> None:
        token = ManagedIdentities(recording, issuer, clock).token(urn(recording), audience, CLIENT)
        assert "roles" not in issuer.verify(token, BACKEND)

    def test_the_token_exchange_needs_none(self, recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
        audience = "api://AzureADTokenExchange"
        token = ManagedIdentities(recording, issuer, clock).token(urn(recording), audience, CLIENT)
        assert issuer.verify(token, audience)["sub"] == PRINCIPAL

    @pytest.mark.parametrize("type", [APPLICATION, SERVICE_PRINCIPAL])
    def test_what_is_not_declared_does_not_exist(
        self, recording: Recording, issuer: TokenIssuer, clock: Clock, type: str
    ) -> None:
        identities = ManagedIdentities(recording.without(lambda r: r.type == type), issuer, clock)
        with pytest.raises(IdentityUnavailable, match="AADSTS500011"):
            identities.token(urn(recording), BACKEND, CLIENT)

    def test_a_required_assignment(self, recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
        closed = recording.changed(recording.one(SERVICE_PRINCIPAL).urn, appRoleAssignmentRequired=True)
        with pytest.raises(IdentityUnavailable, match="AADSTS501051"):
            ManagedIdentities(closed, issuer, clock).token(urn(recording), BACKEND, CLIENT)
        assignment = resource(
            "azuread:index/appRoleAssignment:AppRoleAssignment",
            "gateway",
            appRoleId="40400000-0000-4000-8000-000000000001",
            principalObjectId=PRINCIPAL,
            resourceObjectId="05e70000-0000-4000-8000-000000000001",
        )
        assigned = Recording("secure-mcp", "dev", (*closed.resources, assignment))
        token = ManagedIdentities(assigned, issuer, clock).token(urn(recording), BACKEND, CLIENT)
        assert issuer.verify(token, BACKEND)["roles"] == ["Mcp.Call"]

    def test_version_1_tokens_are_not_modelled(self, recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
        old = recording.changed(recording.one(APPLICATION).urn, api={})
        with pytest.raises(NotModelled, match="requestedAccessTokenVersion"):
            ManagedIdentities(old, issuer, clock).token(urn(recording), BACKEND, CLIENT)
