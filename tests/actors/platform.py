"""A gateway with many servers, each a stack of its own: what a platform team and several others would deploy."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp_local.azure.entra.users import default_users
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.testing import Application

SECRET = "k7_" * 12
ALICE, BOB, _ = (user.oid for user in default_users())
EVERYBODY = "00000000-0000-4000-8000-00000000d0e1"
GATEWAY = """
import pulumi
from pulumi_azure_native import apimanagement
from secure_mcp import Gateway

gateway = Gateway("shared", {"location": "swedencentral", "apim_publisher_email": "p@example.com", "sign_in_rate_limit": 100000,
    "operators": ["a11ce000-0000-4000-8000-000000000001"],
    "clients": [{"id": "agent", "name": "Agent", "redirect_uris": ["https://agents.example.com/cb"], "secret": "SECRET"}]})
pulumi.export("gateway", gateway.reference)
# Somebody else's API on the same instance, which answers for whatever lies below the metadata of servers.
api = apimanagement.Api("foreign", api_id="foreign", display_name="Foreign", path=".well-known/oauth-protected-resource",
    service_url="http://localhost:19", subscription_required=False, service_name=gateway.name,
    resource_group_name=gateway.resource_group_name, protocols=["https"])
apimanagement.ApiOperation("foreign-any", operation_id="any", display_name="Any", method="GET", url_template="/{name}",
    template_parameters=[{"name": "name", "type": "string", "required": True}], api_id=api.name,
    service_name=gateway.name, resource_group_name=gateway.resource_group_name)
"""
SERVER = '''
import json, pulumi
from secure_mcp import Server

reference = pulumi.StackReference(f"organization/gateway/{pulumi.get_stack()}")
Server("NAME", {"gateway": reference.require_output("gateway"), "path": "PATH", "address": {"url": "http://localhost:PORT/mcp"}, **json.loads(r"""OPTIONS""")})
'''
SERVERS: dict[str, dict[str, Any]] = {
    "notes": {
        "display_name": "Notes & more", "mcp_scopes": ["notes", "notes:write"], "tool_scopes": {"save": "notes:write"},
        "tool_roles": {"drop": "Notes.Drop"}, "assigned_roles": {ALICE: "Notes.Drop"}, "mcp_rate_limit": 1000,
        "allowed_origins": ["https://notes.example.com"],
    },
    "teams/calendar": {
        "display_name": "Calendar", "mcp_scopes": ["calendar"], "mcp_rate_limit": 1000,
        "mcp_protocol_versions": ["2025-06-18"],
    },
    "mail": {"display_name": "Mail", "mcp_scopes": ["mail"], "mcp_rate_limit": 1000, "sse_transport": "enabled"},
    "fourth": {"mcp_scopes": ["fourth", "notes"], "mcp_rate_limit": 4, "sse_transport": "disabled"},
    "bobs": {"display_name": "Bob's", "mcp_scopes": ["bobs"], "sse_transport": "disabled", "assigned_groups": [], "assigned_users": [BOB]},
}  # fmt: skip
THREE = ("notes", "teams/calendar", "mail")


@dataclass
class Platform:
    """A gateway with servers, of which some can be taken away and others put in their places."""

    hidden: set[str] = field(default_factory=set[str])
    """Ids of APIs that no stack declares now."""
    ids: dict[str, str] = field(default_factory=dict[str, str])
    """Other values of named values, by their ids."""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    """What reached the hosts: the port, and the headers."""
    foreign: Any = None
    """What the foreign API's backend answers."""
    programs: dict[str, Path] = field(default_factory=dict[str, Path])
    """The program of each stack, by the project's name."""
    cloud: LocalCloud = field(init=False)

    def hook(self, recording: Recording) -> Recording:
        kept = tuple(r for r in recording if not {str(r.get("apiId")), *str(r.get("apiId")).split("/")} & self.hidden)
        changed = replace(recording, resources=kept)
        for resource in kept:
            if resource.get("namedValueId") in self.ids:
                changed = changed.changed(resource.urn, value=self.ids[str(resource.get("namedValueId"))])
        return changed

    async def deploy(self) -> None:
        """Another stack's `pulumi up`."""
        await asyncio.to_thread(self.cloud.reconfigure)

    @asynccontextmanager
    async def edited(self, name: str, old: str, new: str) -> AsyncIterator[None]:
        """A stack is deployed with an edit of its program, while the block lasts."""
        program = self.programs[name]
        before = program.read_text()
        assert old in before
        program.write_text(before.replace(old, new))
        try:
            await self.deploy()
            yield
        finally:
            program.write_text(before)
            await self.deploy()

    async def host(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seen.append((str(request.url.port), dict(request.headers)))
        await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)

    async def other(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.foreign(Request(scope, receive)) if self.foreign else JSONResponse({}, 404)
        await response(scope, receive, send)

    def application(self, path: str, **options: Any) -> Application:
        scope = SERVERS[path]["mcp_scopes"][0]
        return Application(self.cloud.gateway_url, path=f"/{path}", **({"scope": scope} | options))


@asynccontextmanager
async def deployed(root: Path) -> AsyncIterator[Platform]:
    """The gateway and its servers, each a project of its own in a folder of `root`, while the block lasts."""
    platform = Platform()
    projects = [project(root, "gateway", GATEWAY.replace("SECRET", SECRET))]
    for number, (path, options) in enumerate(SERVERS.items()):
        name = path.replace("/", "-")
        values = {
            "NAME": name,
            "PATH": path,
            "PORT": str(20 + number),
            "OPTIONS": json.dumps({"assigned_groups": [EVERYBODY]} | options),
        }
        program = SERVER
        for key, value in values.items():
            program = program.replace(key, value)
        projects.append(project(root, name, program))
    platform.programs = {folder.name: folder / "__main__.py" for folder in projects}
    async with LocalCloud.open(projects, port=0, recording_hook=platform.hook) as platform.cloud:
        for number in range(len(SERVERS)):
            platform.cloud.network.serve(f"localhost:{20 + number}", platform.host, kind="functions")
        platform.cloud.network.serve("localhost:19", platform.other)
        yield platform


def project(root: Path, name: str, program: str) -> Path:
    """A Pulumi project with one stack, dev."""
    folder = root / name
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(program)
    return folder
