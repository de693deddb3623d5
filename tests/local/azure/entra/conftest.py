"""A tenant with a sign-in application, its gateway's identity, and a browser."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from apim_policies.clock import Clock
from apim_policies.network import Network
from secure_mcp_local.azure.entra import Directory, Entra, TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.recording import Recording, Resource

BASE = "http://localhost:8081"
TENANT = "22222222-2222-4222-8222-222222222222"
APP = "a1a1a1a1-1111-4111-8111-111111111111"
APP_OBJECT = "a2a2a2a2-2222-4222-8222-222222222222"
PRINCIPAL = "a3a3a3a3-3333-4333-8333-333333333333"
GRAPH_PRINCIPAL = "a4a4a4a4-4444-4444-8444-444444444444"
GROUP = "a5a5a5a5-5555-4555-8555-555555555555"
IDENTITY = "c1c1c1c1-1111-4111-8111-111111111111"
IDENTITY_PRINCIPAL = "c2c2c2c2-2222-4222-8222-222222222222"
IDENTITY_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"
CALLBACK = "http://localhost:8080/oauth-callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
AUTHORIZE = f"{BASE}/{TENANT}/oauth2/v2.0/authorize"
TOKEN = f"{BASE}/{TENANT}/oauth2/v2.0/token"


def resource(type: str, name: str, id: str = "", **properties: object) -> Resource:
    urn = f"urn:pulumi:dev::secure-mcp::{type}::{name}"
    return Resource(urn, type, name, "", inputs=properties, outputs=properties, id=id)


@pytest.fixture
def recording() -> Recording:
    return Recording(
        "secure-mcp",
        "dev",
        (
            resource(
                "azure-native:managedidentity:UserAssignedIdentity",
                "gateway",
                IDENTITY_ID,
                clientId=IDENTITY,
                principalId=IDENTITY_PRINCIPAL,
                tenantId=TENANT,
            ),
            resource(
                "azure-native:apimanagement:ApiManagementService",
                "service",
                identity={
                    "type": "SystemAssigned, UserAssigned",
                    "userAssignedIdentities": [IDENTITY_ID],
                    "principalId": "c3c3c3c3-3333-4333-8333-333333333333",
                },
            ),
            resource(
                "azuread:index/application:Application",
                "sign-in",
                f"/applications/{APP_OBJECT}",
                displayName="MCP sign-in",
                clientId=APP,
                objectId=APP_OBJECT,
                signInAudience="AzureADMyOrg",
                web={"redirectUris": [CALLBACK]},
            ),
            resource(
                "azuread:index/servicePrincipal:ServicePrincipal",
                "sign-in",
                clientId=APP,
                objectId=PRINCIPAL,
                appRoleAssignmentRequired=True,
            ),
            resource(
                "azuread:index/servicePrincipal:ServicePrincipal",
                "graph",
                clientId="00000003-0000-0000-c000-000000000000",
                objectId=GRAPH_PRINCIPAL,
                useExisting=True,
            ),
            resource(
                "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant",
                "grant",
                servicePrincipalObjectId=PRINCIPAL,
                resourceServicePrincipalObjectId=GRAPH_PRINCIPAL,
                claimValues=["openid", "profile", "offline_access"],
            ),
            resource(
                "azuread:index/appRoleAssignment:AppRoleAssignment",
                "group",
                appRoleId="00000000-0000-0000-0000-000000000000",
                principalObjectId=GROUP,
                resourceObjectId=PRINCIPAL,
            ),
            resource(
                "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential",
                "gateway",
                applicationId=f"/applications/{APP_OBJECT}",
                issuer=f"{BASE}/{TENANT}/v2.0",
                subject=IDENTITY_PRINCIPAL,
                audiences=["api://AzureADTokenExchange"],
            ),
        ),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def shared_issuer() -> TokenIssuer:
    """Keys take a while to make."""
    return TokenIssuer(BASE, TENANT, Clock())


@dataclass
class Stack:
    """A tenant, a browser and a gateway."""

    entra: Entra
    client: httpx.AsyncClient
    identities: ManagedIdentities
    clock: Clock
    service: str
    cookies: dict[str, str] = field(default_factory=dict)

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """An authorization request as the sign-in fragment sends it, with changes; None leaves one out."""
        usual: dict[str, str | None] = {
            "client_id": APP,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": CALLBACK,
            "scope": "openid profile offline_access",
            "state": "gateway-state",
            "nonce": "gateway-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    async def browse(self, method: str = "GET", **changes: str | None) -> httpx.Response:
        """Visit the authorize endpoint; `user` answers the page."""
        user = changes.pop("user", None)
        url = f"{AUTHORIZE}?{urlencode(self.parameters(**changes))}"
        data = {"user": user} if user else None
        return await self.client.request("POST" if user else method, url, data=data)

    async def code(self, user: str = "alice", **changes: str | None) -> str:
        """Sign in and return the code."""
        answer = await self.browse(user=user, **changes)
        assert answer.status_code == 302, answer.text
        return answered(answer)["code"]

    def assertion(self) -> str:
        """The gateway's client assertion."""
        return self.identities.token(self.service, "api://AzureADTokenExchange", IDENTITY)

    async def token(self, **changes: str | None) -> httpx.Response:
        """Redeem something as the entra-token fragment does."""
        usual: dict[str, str | None] = {
            "client_id": APP,
            "scope": "openid profile offline_access",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": changes["client_assertion"] if "client_assertion" in changes else self.assertion(),
        }
        if "code" in changes:
            usual |= {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        elif "refresh_token" in changes:
            usual |= {"grant_type": "refresh_token"}
        form = {name: value for name, value in (usual | changes).items() if value is not None}
        return await self.client.post(TOKEN, data=form)

    async def sign_in(self, user: str = "alice") -> dict[str, str]:
        """All the way: the tokens."""
        answer = await self.token(code=await self.code(user))
        assert answer.status_code == 200, answer.text
        return answer.json()


def answered(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect to the gateway."""
    location = response.headers["location"]
    assert location.startswith(CALLBACK + "?"), location
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


@pytest.fixture
def answer_of() -> Callable[[httpx.Response], dict[str, str]]:
    return answered


@pytest.fixture
async def build(shared_issuer: TokenIssuer, clock: Clock) -> AsyncIterator[Callable[[Recording], Stack]]:
    """Makes the tenant of a recording."""
    clients: list[httpx.AsyncClient] = []

    def make(recording: Recording) -> Stack:
        shared_issuer._clock = clock
        entra = Entra(Directory.from_recording(recording), shared_issuer, clock)
        network = Network()
        network.serve("localhost:8081", entra.app, kind="entra")
        clients.append(network.client())
        service = recording.one("azure-native:apimanagement:ApiManagementService").urn
        identities = ManagedIdentities(recording, shared_issuer, clock)
        return Stack(entra, clients[-1], identities, clock, service)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def stack(build: Callable[[Recording], Stack], recording: Recording) -> Stack:
    return build(recording)
