"""A storage account with one container and three identities that may do different things with it."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from apim_policies.clock import Clock
from apim_policies.network import Network
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.storage import Azurite, BlobStorage, account_names
from secure_mcp_local.recording import Recording, Resource

SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/stmcp"
OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
QUEUES = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"


def resource(type: str, name: str, id: str = "", **properties: object) -> Resource:
    urn = f"urn:pulumi:dev::secure-mcp::{type}::{name}"
    return Resource(urn, type, name, "", inputs=properties, outputs=properties, id=id)


def role(principal: str, definition: str, scope: str) -> Resource:
    return resource(
        "azure-native:authorization:RoleAssignment",
        f"{principal}-role",
        principalId=principal,
        roleDefinitionId=f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{definition}",
        scope=scope,
    )


@pytest.fixture(scope="session")
def recording() -> Recording:
    return Recording(
        "secure-mcp",
        "dev",
        (
            resource("azure-native:storage:StorageAccount", "account", ACCOUNT, allowSharedKeyAccess=False),
            *(
                resource(
                    "azure-native:storage:BlobContainer",
                    name,
                    f"{ACCOUNT}/blobServices/default/containers/{name}",
                    accountName="stmcp",
                    containerName=name,
                )
                for name in ("snippets", "deployment")
            ),
            role("owner", OWNER, ACCOUNT),
            role("reader", READER, ACCOUNT.upper()),
            role("group", OWNER, f"{SUBSCRIPTION}/resourceGroups/rg"),
            # Of another account, whose name begins this one's.
            role("neighbour", OWNER, ACCOUNT[:-1]),
            role("snippets", OWNER, f"{ACCOUNT}/blobServices/default/containers/snippets"),
            role("queues", QUEUES, ACCOUNT),
        ),
    )


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def issuer(clock: Clock) -> TokenIssuer:
    return TokenIssuer("http://localhost:8081", "22222222-2222-4222-8222-222222222222", clock)


@pytest.fixture(scope="session")
async def azurite(recording: Recording) -> AsyncIterator[Azurite]:
    async with Azurite(None, account_names(recording)) as running:
        yield running


@pytest.fixture(scope="session")
async def client(
    recording: Recording, azurite: Azurite, issuer: TokenIssuer, clock: Clock
) -> AsyncIterator[httpx.AsyncClient]:
    network = Network()
    storage = await BlobStorage.from_recording(recording, azurite, issuer, clock)
    for host, app in storage.hosts.items():
        network.serve(host, app)
    async with network.client() as made:
        made.base_url = httpx.URL("https://stmcp.blob.core.windows.net")
        yield made


@pytest.fixture
def headers(issuer: TokenIssuer, clock: Clock) -> Callable[..., dict[str, str]]:
    """Headers as the SDK sends them with the token of a managed identity; `claims` replace those of the token."""

    def make(principal: str, **claims: object) -> dict[str, str]:
        now = int(clock.now())
        token = issuer.sign(
            {
                "aud": "https://storage.azure.com",
                "iss": issuer.issuer,
                "oid": principal,
                "nbf": now,
                "exp": now + 3600,
                **claims,
            }
        )
        return {"Authorization": f"Bearer {token}", "x-ms-version": "2025-01-05", "x-ms-blob-type": "BlockBlob"}

    return make
