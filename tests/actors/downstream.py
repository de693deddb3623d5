"""Servers whose tools act in their user's name at another service, and what they and Entra ID were sent and said."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.platform import EVERYBODY, SERVER, project
from secure_mcp_local.azure.entra.issuer import TokenRefused
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording.registration import Environment, Registration
from secure_mcp_local.testing import Application, Person

HEADER = "x-mcp-user-token"
GATEWAY = """
import pulumi, pulumi_azuread as azuread
from secure_mcp import Gateway

gateway = Gateway("shared", {"location": "swedencentral", "apim_publisher_email": "p@example.com", "sign_in_rate_limit": 100000,
    "user_tokens": True, "operators": ["a11ce000-0000-4000-8000-000000000001"],
    "clients": [{"id": "nightly", "name": "Nightly job", "secret": "k7_" * 12, "workload": True}]})
pulumi.export("gateway", gateway.reference)
# An API of the organisation's own.
ledger = azuread.Application("ledger", display_name="Ledger", api={"requested_access_token_version": 2,
    "oauth2_permission_scopes": [{"id": "3e0a7a5e-0000-4000-8000-000000000001", "value": "Entries.Read", "type": "User", "enabled": True,
        "admin_consent_display_name": "Read", "admin_consent_description": "Read"}]})
azuread.ServicePrincipal("ledger", client_id=ledger.client_id)
pulumi.export("ledger", ledger.client_id)
"""
_APPLICATION = "azuread:index/application:Application"
LEDGER = Registration(
    f"urn:pulumi:dev::gateway::{_APPLICATION}::ledger", _APPLICATION, "ledger", {}, Environment()
).guid("client")
"""Client id of that API: an administrator knows it before they declare a server that calls it."""
LEDGER_HOST = "ledger.contoso.example"
GRAPH_TOOLS = {"scopes": ["User.Read"], "tools": ["my_profile", "my_manager"]}
LEDGER_TOOLS = {"application": LEDGER, "scopes": ["Entries.Read"], "tools": ["list_entries"]}
SERVERS: dict[str, dict[str, Any]] = {
    "desk": {
        "user_token_scopes": [GRAPH_TOOLS, LEDGER_TOOLS], "mcp_rate_limit": 100000,
        "workloads": [{"client": "nightly"}],
    },
    "mail": {"user_token_scopes": [{"scopes": ["Mail.Read"], "tools": ["my_mail"]}], "mcp_rate_limit": 100000},
    "plain": {"mcp_rate_limit": 100000},
}  # fmt: skip


@dataclass
class Spoken:
    """An application of the network, with what was said to it and by it."""

    app: ASGIApp
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Fields of forms that it was sent, each once."""
    answered: list[str] = field(default_factory=list[str])
    """Bodies of its answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, body = bytearray(), bytearray()

        async def heard() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, heard, said)
        self.asked.append({name: values[0] for name, values in parse_qs(sent.decode("utf-8", "replace")).items()})
        self.answered.append(body.decode("utf-8", "replace"))

    def grants(self, kind: str) -> list[dict[str, str]]:
        return [form for form in self.asked if form.get("grant_type") == kind]

    @property
    def tokens(self) -> set[str]:
        """Every token that it gave."""
        found: set[str] = set()
        for text in self.answered:
            try:
                answer: Any = json.loads(text)
            except ValueError:
                continue
            found |= {str(answer[name]) for name in ("access_token", "refresh_token", "id_token") if answer.get(name)}
        return found


@dataclass
class Downstream:
    """The gateway, its servers, and what reached their hosts."""

    cloud: LocalCloud
    entra: Spoken
    seen: list[tuple[str, httpx.Headers]] = field(default_factory=list[tuple[str, httpx.Headers]])
    """Paths of servers, each with the headers of a request to its host."""

    def application(self, path: str = "desk", **options: Any) -> Application:
        return Application(self.cloud.gateway_url, path=f"/{path}", **options)

    async def signed_in(self, path: str = "desk", name: str = "alice") -> tuple[Application, dict[str, Any]]:
        application = self.application(path)
        return application, await application.tokens(Person(name, now=self.cloud.clock.now))

    def token(self) -> str:
        """The user's token that came with the last request, or nothing."""
        return self.seen[-1][1].get(HEADER, "")

    async def profile(self) -> dict[str, Any]:
        """What Microsoft Graph says to the last token."""
        async with self.cloud.network.client() as client:
            headers = {"Authorization": f"Bearer {self.token()}"}
            return (await client.get("https://graph.microsoft.com/v1.0/me", headers=headers)).json()

    def host(self, path: str) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            self.seen.append((path, httpx.Headers(request.headers.raw)))
            result: dict[str, Any] = {}
            if b'"list_entries"' in await request.body():
                result = {"structuredContent": (await self.entries(self.token())).json()}
            await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": result})(scope, receive, send)

        return answer

    async def entries(self, token: str) -> httpx.Response:
        """What the ledger says to whoever brings a token."""
        async with self.cloud.network.client() as client:
            return await client.get(f"https://{LEDGER_HOST}/entries", headers={"Authorization": f"Bearer {token}"})

    async def ledger(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The organisation's own API: takes users' tokens that are for it, and says what is theirs.

        https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens
        """
        issuer, now = self.cloud.entra.issuer, self.cloud.clock.now()
        try:
            claims = issuer.verify_signature(Request(scope).headers["authorization"].removeprefix("Bearer "))
        except (KeyError, TokenRefused):
            claims = {}
        status, entries = 401, list[str]()
        if (claims.get("aud"), claims.get("iss")) == (LEDGER, issuer.issuer) and claims["nbf"] <= now < claims["exp"]:
            status = 200 if "Entries.Read" in str(claims.get("scp", "")).split() else 403
            owner = next(user.name for user in self.cloud.entra.users if user.oid == claims["oid"])
            entries = [f"an entry of {owner}"] if status == 200 else entries
        await JSONResponse({"entries": entries}, status)(scope, receive, send)


async def call(application: Application, key: str, tool: str = "my_profile", **options: Any) -> httpx.Response:
    return await application.call(key, "tools/call", {"name": tool, "arguments": {}}, **options)


@asynccontextmanager
async def deployed(root: Path, faults: Collection[str] = ()) -> AsyncIterator[Downstream]:
    """The gateway and its servers, each a project of its own in a folder of `root`, while the block lasts."""
    projects = [project(root, "gateway", GATEWAY)]
    for number, (path, options) in enumerate(SERVERS.items()):
        values = {"NAME": path, "PATH": path, "PORT": str(20 + number)}
        program = SERVER.replace("OPTIONS", json.dumps({"assigned_groups": [EVERYBODY]} | options))
        for key, value in values.items():
            program = program.replace(key, value)
        projects.append(project(root, path, program))
    async with LocalCloud.open(projects, port=0, faults=faults) as cloud:
        entra = Spoken(cloud.entra.app)
        for host in [
            host
            for host in cloud.network.hosts
            if host.startswith("login.") or host == urlsplit(cloud.entra_url).netloc
        ]:
            cloud.network.serve(host, entra, kind="entra")
        downstream = Downstream(cloud, entra)
        for number, path in enumerate(SERVERS):
            cloud.network.serve(f"localhost:{20 + number}", downstream.host(path), kind="functions")
        cloud.network.serve(LEDGER_HOST, downstream.ledger)
        yield downstream
