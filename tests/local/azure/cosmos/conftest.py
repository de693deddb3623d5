"""A stack with a session store, and a gateway that may use it."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from apim_policies.clock import Clock
from apim_policies.network import Network
from secure_mcp_local.azure.cosmos import Cosmos
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.recording import Recording, Resource

SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.DocumentDB/databaseAccounts/cosmos-mcp"


def resource(type: str, name: str, id: str = "", **properties: object) -> Resource:
    urn = f"urn:pulumi:dev::secure-mcp::{type}::{name}"
    return Resource(urn, type, name, "", inputs=properties, outputs=properties, id=id)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def shared_issuer() -> TokenIssuer:
    return TokenIssuer("http://localhost:8081", "22222222-2222-4222-8222-222222222222", Clock())


@pytest.fixture
def issuer(shared_issuer: TokenIssuer, clock: Clock) -> TokenIssuer:
    shared_issuer._clock = clock
    return shared_issuer


@pytest.fixture
def recording() -> Recording:
    return Recording(
        "secure-mcp",
        "dev",
        (
            resource("azure-native:cosmosdb:DatabaseAccount", "account", ACCOUNT, disableLocalAuth=True),
            resource(
                "azure-native:cosmosdb:SqlResourceSqlDatabase",
                "database",
                f"{ACCOUNT}/sqlDatabases/mcp",
                accountName="cosmos-mcp",
                databaseName="mcp",
                resource={"id": "mcp"},
            ),
            resource(
                "azure-native:cosmosdb:SqlResourceSqlContainer",
                "container",
                f"{ACCOUNT}/sqlDatabases/mcp/containers/sessions",
                accountName="cosmos-mcp",
                databaseName="mcp",
                containerName="sessions",
                resource={
                    "id": "sessions",
                    "partitionKey": {"paths": ["/id"], "kind": "Hash", "version": 2},
                    "defaultTtl": 86400,
                },
            ),
            resource(
                "azure-native:cosmosdb:SqlResourceSqlRoleDefinition",
                "role",
                f"{ACCOUNT}/sqlRoleDefinitions/33333333-3333-4333-8333-333333333333",
                accountName="cosmos-mcp",
                permissions=[
                    {
                        "dataActions": [
                            "Microsoft.DocumentDB/databaseAccounts/readMetadata",
                            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
                            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create",
                        ]
                    }
                ],
            ),
            resource(
                "azure-native:cosmosdb:SqlResourceSqlRoleAssignment",
                "assignment",
                accountName="cosmos-mcp",
                principalId="gateway",
                roleDefinitionId=f"{ACCOUNT}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002",
                scope=f"{ACCOUNT}/dbs/mcp/colls/sessions",
            ),
        ),
    )


@pytest.fixture
def serve(issuer: TokenIssuer, clock: Clock) -> Callable[[Recording], httpx.AsyncClient]:
    """A client that reaches the Cosmos DB of a recording."""

    def make(recording: Recording) -> httpx.AsyncClient:
        network = Network()
        for host, app in Cosmos.from_recording(recording, issuer, clock).hosts.items():
            network.serve(host, app, kind="cosmos")
        return network.client()

    return make


@pytest.fixture
async def client(
    recording: Recording, serve: Callable[[Recording], httpx.AsyncClient]
) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(recording) as made:
        yield made


@pytest.fixture
def headers(issuer: TokenIssuer, clock: Clock) -> Callable[..., dict[str, str]]:
    """Headers as the session-store fragment sends them; `claims` replace those of the gateway's token."""
    from urllib.parse import quote

    def make(id: str, principal: str = "gateway", **claims: object) -> dict[str, str]:
        now = int(clock.now())
        token = issuer.sign(
            {
                "aud": "https://cosmos.azure.com",
                "iss": issuer.issuer,
                "oid": principal,
                "nbf": now,
                "exp": now + 3600,
                **claims,
            }
        )
        return {
            "Authorization": quote(f"type=aad&ver=1.0&sig={token}", safe=""),
            "x-ms-date": clock.utcnow().strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-ms-version": "2018-12-31",
            "x-ms-documentdb-partitionkey": f'["{id}"]',
        }

    return make
