"""The function app that the dev stack declares, with its own code, its storage, and callers of every kind."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from apim_policies.clock import Clock
from apim_policies.network import Network
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.functions import FunctionHost
from secure_mcp_local.azure.functions.code import Code
from secure_mcp_local.azure.storage import Azurite, BlobStorage, account_names
from secure_mcp_local.recording import Environment, Recording, record
from secure_mcp_local.recording.resources import TENANT

ROOT = Path(__file__).parents[4]
LOGIN = "https://login.microsoftonline.com"
ALICE = "aaaaaaaa-0000-4000-8000-000000000001"
BOB = "bbbbbbbb-0000-4000-8000-000000000002"


@dataclass
class App:
    """The running function app."""

    url: str
    network: Network
    clock: Clock
    issuer: TokenIssuer
    recording: Recording
    host: FunctionHost

    def token(self, **changes: object) -> str:
        """A token as the gateway's identity gets it, with some claims changed."""
        settings = self.recording.one("azure-native:web:WebAppAuthSettingsV2").inputs
        validation = settings["identityProviders"]["azureActiveDirectory"]["validation"]
        policy = validation["defaultAuthorizationPolicy"]
        now = int(self.clock.now())
        return self.issuer.sign(
            {
                "iss": self.issuer.issuer,
                "aud": validation["allowedAudiences"][0],
                "azp": policy["allowedApplications"][0],
                "oid": policy["allowedPrincipals"]["identities"][0],
                "nbf": now,
                "exp": now + 3600,
                **changes,
            }
        )

    def headers(self, user: str = ALICE, **changes: str) -> dict[str, str]:
        """Headers as the gateway sends them for a user."""
        return {
            "Authorization": f"Bearer {self.token()}",
            "Accept": "application/json, text/event-stream",
            "x-mcp-user-oid": user,
            "x-mcp-user-name": "Alice",
            **changes,
        }

    async def post(self, message: Any, path: str = "", **options: Any) -> httpx.Response:
        headers = options.pop("headers", self.headers())
        async with self.network.client() as client:
            return await client.post(self.url + path, json=message, headers=headers, **options)

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, user: str = ALICE) -> dict[str, Any]:
        """The JSON-RPC answer to a tool call."""
        params = {"name": tool} if arguments is None else {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return event_of(await self.post(message, headers=self.headers(user)))


def event_of(response: httpx.Response) -> dict[str, Any]:
    import json

    assert response.status_code == 200, (response.status_code, response.text)
    assert response.text.startswith("event: message\ndata: ")
    assert response.text.endswith("\n\n")
    return json.loads(response.text.partition("data: ")[2])


Run = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture(scope="session")
def recording() -> Recording:
    return record(ROOT, "dev", {}, Environment(lambda _: "http://localhost:8080"))


@pytest.fixture(scope="session")
async def azurite(recording: Recording) -> AsyncIterator[Azurite]:
    async with Azurite(None, account_names(recording)) as running:
        yield running


@pytest.fixture(scope="session")
def run(recording: Recording, azurite: Azurite) -> Run:
    """Runs a function app of its own; `change` changes the recording before, `code` is another folder."""

    @asynccontextmanager
    async def start(
        change: Callable[[Recording], Recording] = lambda unchanged: unchanged, code: Path = ROOT / "function_app"
    ) -> AsyncGenerator[App]:
        changed, clock, network = change(recording), Clock(), Network()
        issuer = TokenIssuer(LOGIN, TENANT, clock)
        identities = ManagedIdentities(changed, issuer, clock)
        storage = await BlobStorage.from_recording(changed, azurite, issuer, clock)
        for name, app in storage.hosts.items():
            network.serve(name, app)
        host = FunctionHost.from_recording(changed, Code.of(code), identities, issuer, network, clock)
        async with host:
            for name, app in host.hosts.items():
                network.serve(name, app, kind="functions")
            url = f"https://{host.site.host}/runtime/webhooks/mcp"
            yield App(url, network, clock, issuer, recording, host)

    return start


@pytest.fixture(scope="session")
async def app(run: Run) -> AsyncIterator[App]:
    """The function app as it is declared, for tests that leave it as they found it."""
    async with run() as running:
        yield running


@pytest.fixture
def alice() -> str:
    return ALICE


@pytest.fixture
def bob() -> str:
    return BOB


@pytest.fixture
def code_with(tmp_path: Path) -> Callable[..., Path]:
    """A folder with a function app of one tool, whose body is given, and perhaps another host.json."""
    import json
    import textwrap

    def make(body: str, host_json: dict[str, Any] | None = None) -> Path:
        source = "import asyncio, json, os, sys, time\nimport azure.functions as func\napp = func.FunctionApp()\n\n"
        source += '@app.mcp_tool()\nasync def tool(context: func.MCPToolContext) -> str:\n    """A tool."""\n'
        (tmp_path / "function_app.py").write_text(source + textwrap.indent(textwrap.dedent(body), "    "))
        host = json.loads((ROOT / "function_app" / "host.json").read_text()) if host_json is None else host_json
        (tmp_path / "host.json").write_text(json.dumps(host))
        return tmp_path

    return make
