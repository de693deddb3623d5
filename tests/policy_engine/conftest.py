"""A gateway built from a handful of recorded resources, in front of a backend that remembers what it was sent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.gateway import Gateway
from apim_policies.network import Network
from apim_policies.pipeline.trace import RequestTrace
from secure_mcp_local.azure import api_management
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.recording import Recording, Resource

MODULE = "azure-native:apimanagement:"
TENANT = "22222222-2222-4222-8222-222222222222"
SYSTEM = "e1e1e1e1-1111-4111-8111-111111111111"
GATEWAY = "https://apim.example"
BACKEND = "backend.azurewebsites.net"

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def resource(type: str, name: str, /, **properties: object) -> Resource:
    urn = f"urn:pulumi:dev::secure-mcp::{type}::{name}"
    return Resource(urn, type, name, "", inputs=properties, outputs=properties, id=f"/{name}")


@dataclass
class Backend:
    """Answers 200 with a JSON body, or what a test wants."""

    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])
    answer: httpx.Response = field(default_factory=lambda: httpx.Response(200, json={"from": "backend"}))
    app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is not None:
            await self.app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = scope["query_string"].decode()
        host = dict(scope["headers"]).get(b"host", b"").decode()
        url = f"{scope['scheme']}://{host}{scope['raw_path'].decode()}" + (f"?{query}" if query else "")
        self.requests.append(httpx.Request(scope["method"], url, headers=scope["headers"], content=body))
        await send(
            {"type": "http.response.start", "status": self.answer.status_code, "headers": self.answer.headers.raw}
        )
        await send({"type": "http.response.body", "body": self.answer.content})

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]


@dataclass
class Stack:
    """What a test declares, and the gateway that comes of it."""

    issuer: TokenIssuer
    clock: Clock = field(default_factory=Clock)
    network: Network = field(default_factory=Network)
    backend: Backend = field(default_factory=Backend)
    resources: list[Resource] = field(default_factory=list[Resource])
    gateway: Gateway = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.network.serve(BACKEND, self.backend)
        identity = {"type": "SystemAssigned", "principalId": SYSTEM, "tenantId": TENANT}
        self.declare("ApiManagementService", "apim", name="apim", gatewayUrl=GATEWAY, identity=identity)

    def declare(self, type: str, name: str, /, **properties: object) -> None:
        self.resources.append(resource(MODULE + type, name, **properties))

    def api(self, id: str = "api", path: str = "api", policy: str = "", url: str | None = None) -> None:
        url = f"https://{BACKEND}/base" if url is None else url
        self.declare("Api", id, apiId=id, displayName=id.title(), path=path, serviceUrl=url, subscriptionRequired=False)
        if policy:
            self.declare("ApiPolicy", f"{id}-policy", apiId=id, format="rawxml", value=policy)

    def operation(self, method: str, template: str, policy: str = "", api: str = "api") -> None:
        id = f"{api}-{method}-{template}".lower()
        self.declare("ApiOperation", id, apiId=api, operationId=id, displayName=id, method=method, urlTemplate=template)
        if policy:
            self.declare("ApiOperationPolicy", id, apiId=api, operationId=id, format="rawxml", value=policy)

    def fragment(self, id: str, content: str) -> None:
        self.declare("PolicyFragment", id, id=id, format="rawxml", value=f"<fragment>{content}</fragment>")

    def named_value(self, name: str, value: str, *, secret: bool = False) -> None:
        self.declare("NamedValue", name, displayName=name, value=value, secret=secret)

    def build(self) -> Gateway:
        recording = Recording("secure-mcp", "dev", tuple(self.resources))
        identities = ManagedIdentities(recording, self.issuer, self.clock, self.network.faults)
        self.gateway = api_management.gateway(recording, self.network, identities, self.clock)
        return self.gateway

    def policies(self, inbound: str = "", backend: str = "<base />", outbound: str = "", on_error: str = "") -> Gateway:
        """One API at /api with operations for several methods, and its policy."""
        self.api(policy=document(inbound, backend, outbound, on_error))
        for method in ("GET", "POST", "DELETE"):
            self.operation(method, "/")
            self.operation(method, "/more")
        return self.build()

    def inbound(self, policies: str) -> Gateway:
        """The same, with an empty answer after some policies."""
        return self.policies(f"{policies}<return-response />")

    async def send(
        self, method: str = "GET", path: str = "/api", headers: Mapping[str, str] | None = None, **options: object
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.gateway.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=GATEWAY) as client:
            return await client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    async def value(self, expression: str, policies: str = "", **options: object) -> str:
        """What an expression says after some policies, as the answer's body; source and reason of a failure."""
        self.policies(
            f"{policies}<return-response><set-body>{expression}</set-body></return-response>",
            on_error='<return-response><set-status code="500" reason="" /><set-body>'
            '@(context.LastError.Source + " " + context.LastError.Reason)</set-body></return-response>',
        )
        return (await self.send(**options)).text  # type: ignore[arg-type]

    @property
    def trace(self) -> RequestTrace:
        return self.gateway.traces[-1]


def document(inbound: str = "", backend: str = "<base />", outbound: str = "", on_error: str = "") -> str:
    return (
        f"<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend>"
        f"<outbound><base />{outbound}</outbound><on-error><base />{on_error}</on-error></policies>"
    )


@pytest.fixture(scope="session")
def issuer() -> TokenIssuer:
    """One for all: making keys takes long."""
    return TokenIssuer("http://localhost:8081", TENANT, Clock())


@pytest.fixture
def stack(issuer: TokenIssuer) -> Stack:
    return Stack(issuer)
