from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from apim_policies.clock import Clock
from apim_policies.gateway import Gateway
from apim_policies.network import Network
from apim_policies.pipeline.identities import NoIdentities
from secure_mcp_local.azure import api_management
from secure_mcp_local.recording import Recording, Resource

MODULE = "azure-native:apimanagement:"
HOST = "gw.azure-api.net"


def resource(kind: str, name: str, /, **inputs: Any) -> Resource:
    return Resource(
        f"urn:pulumi:dev::p::{MODULE}{kind}::{name}", MODULE + kind, name, "", inputs, inputs, f"/{kind}/{name}"
    )


def policies(inbound: str = "", backend: str = "<base />", outbound: str = "", on_error: str = "") -> str:
    return (
        f"<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend>"
        f"<outbound><base />{outbound}</outbound><on-error><base />{on_error}</on-error></policies>"
    )


class Nobody:
    """No service has an identity."""

    def of(self, service_urn: str) -> NoIdentities:
        del service_urn
        return NoIdentities()


class Stack:
    """A gateway with one API, put together by a test."""

    def __init__(self) -> None:
        self.clock, self.network = Clock(), Network()
        self.resources = [
            resource("ApiManagementService", "gw", gatewayUrl=f"https://{HOST}", name="gw"),
            resource("Api", "api", apiId="api", path="a", displayName="A", serviceUrl="https://back.azurewebsites.net/base", subscriptionRequired=False),
        ]  # fmt: skip

    def operation(
        self, id: str = "op", method: str = "GET", template: str = "/", document: str | None = None
    ) -> "Stack":
        self.resources.append(
            resource(
                "ApiOperation", id, apiId="api", operationId=id, method=method, urlTemplate=template, displayName=id
            )
        )
        if document is not None:
            self.resources.append(
                resource("ApiOperationPolicy", id, apiId="api", operationId=id, format="rawxml", value=document)
            )
        return self

    def add(self, kind: str, name: str, /, **inputs: Any) -> "Stack":
        self.resources.append(resource(kind, name, **inputs))
        return self

    def gateway(self) -> Gateway:
        recording = Recording("p", "dev", tuple(self.resources))
        identities: Any = Nobody()
        return api_management.gateway(recording, self.network, identities, self.clock)

    def backend(self, app: ASGIApp) -> "Stack":
        self.network.serve("back.azurewebsites.net", app)
        return self

    async def call(
        self, method: str = "GET", path: str = "/a", gateway: Gateway | None = None, **options: Any
    ) -> httpx.Response:
        app = (gateway or self.gateway()).app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{HOST}") as client:
            return await client.request(method, path, **options)


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def answer(stack: Stack) -> Callable[..., Awaitable[httpx.Response]]:
    """What one operation with some inbound policies answers."""

    async def answer(inbound: str, **options: Any) -> httpx.Response:
        on_error = options.pop("on_error", "")
        return await stack.operation(document=policies(inbound, on_error=on_error)).call(**options)

    return answer
