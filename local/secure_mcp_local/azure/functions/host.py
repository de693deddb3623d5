"""The Functions host of the declared function app: the code in a worker, the MCP extension before it."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.network import Network
from apim_policies.pipeline.refusals import Explain, unexplained
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.functions.authentication import authenticated
from secure_mcp_local.azure.functions.blobs import Blobs
from secure_mcp_local.azure.functions.code import Code
from secure_mcp_local.azure.functions.extension import PATH, Extension
from secure_mcp_local.azure.functions.identity import IdentityEndpoint
from secure_mcp_local.azure.functions.outbound import Outbound
from secure_mcp_local.azure.functions.process import FunctionFailed, Spare, Worker, machine
from secure_mcp_local.azure.functions.server import Server
from secure_mcp_local.azure.functions.site import SITE, Site, host_json, mapping
from secure_mcp_local.azure.functions.tools import Tool, tools_of
from secure_mcp_local.mistakes import near
from secure_mcp_local.recording import Recording, Resource

_STALE = 12 * 3600.0
"""Seconds by which the local cloud's clock may have moved ahead of a worker's, which caches tokens for up to a day."""


@dataclass(frozen=True)
class Said:
    """A line that code has printed or logged. Whoever hears of it does so in the context of the request that ran."""

    app: str
    """Name of the function app."""
    tool: str
    """Name of the tool whose call it belongs to; empty: of none."""
    line: str


Heard = Callable[[Said], None]


class FunctionHost:
    """Runs the declared function app; use as an asynchronous context manager, or `start` and `stop`."""

    def __init__(
        self,
        site: Site,
        code: Code,
        host_json: Mapping[str, Any],
        identity: IdentityEndpoint,
        network: Network,
        clock: Clock,
        hear: Heard | None = None,
        spare: Spare | None = None,
    ) -> None:
        self.site = site
        self.hosts: dict[str, ASGIApp] = {}
        """The app by its host name, to be served by the network."""
        self.code = code
        self.loading = asyncio.Event()
        """Set once a process loads the code."""
        self._host_json, self._hear, self._spare = host_json, hear, spare
        self.functions: list[str] = []
        """Names of the functions in the code that was loaded last."""
        self._names: dict[str, str] = {}
        """Of tools, by their functions'."""
        self._retiring: set[asyncio.Task[None]] = set()
        self._identity = identity
        self._outbound = Outbound(network, identity)
        self._network = network
        self._blobs: Blobs | None = None
        self._clock = clock
        self._resources = AsyncExitStack()
        self._worker: Worker | None = None
        self._replacing = asyncio.Lock()
        self._offset = 0.0
        self._extension: Extension | None = None

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        code: Code,
        identities: ManagedIdentities,
        issuer: TokenIssuer,
        network: Network,
        clock: Clock,
        explain: Explain = unexplained,
        declared: Resource | None = None,
        hear: Heard | None = None,
        spare: Spare | None = None,
    ) -> "FunctionHost":
        """A function app of the stack, the only one if none is given, with its code. Nothing runs yet. `hear`: told what it prints;
        `spare`: a process for its first worker.

        Raises:
            LocalCloudError: the declaration, or host.json, is one that Azure would refuse or that is not modelled.
        """
        site = Site.of(declared or recording.one(SITE))
        endpoint = IdentityEndpoint(site, identities, clock)
        host = cls(site, code, host_json(code.folder, site.settings, code.live), endpoint, network, clock, hear, spare)
        host.hosts[site.host] = authenticated(host.answer, site, recording, issuer, explain)
        return host

    async def __aenter__(self) -> "FunctionHost":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Loads the code. The network must know all hosts that the code calls.

        Raises:
            LocalCloudError: the code cannot be loaded, or has triggers or bindings that are not modelled.
        """
        try:
            await self._resources.enter_async_context(self._outbound)
            client = await self._resources.enter_async_context(self._network.client())
            self._blobs = Blobs(self.site, self._identity, client)
            self._resources.push_async_callback(self._stop_worker)
            self._worker, server = await self._loaded(self.code, self._host_json)
            self._extension = Extension(server, self._host_json, self.site.system_key, self.site.master_key)
        except BaseException:
            await self.stop()
            raise

    async def renew(self, code: Code) -> None:
        """Serves other code from now on. Calls that run end with the code that they began with; clients notice nothing.

        Raises:
            LocalCloudError: it cannot be loaded. What was served goes on being served.
        """
        host = host_json(code.folder, self.site.settings, code.live)
        worker, server = await self._loaded(code, host)
        extension = Extension(server, host, self.site.system_key, self.site.master_key)
        try:
            async with self._replacing:
                before, self._worker = self._worker, worker
                self.code, self._host_json = code, host
                if self._extension is not None:
                    extension.succeed(self._extension)
                self._extension = extension
        except asyncio.CancelledError:
            await worker.stop()
            raise
        if before is not None:
            retiring = asyncio.create_task(before.retire())
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)

    def redeclare(
        self, recording: Recording, identities: ManagedIdentities, issuer: TokenIssuer, explain: Explain
    ) -> None:
        """The same app of a stack that has changed elsewhere: who may call it, and what its identities may do."""
        self._identity.identities = identities
        self.hosts[self.site.host] = authenticated(self.answer, self.site, recording, issuer, explain)

    async def _loaded(self, code: Code, host_json: Mapping[str, Any]) -> tuple[Worker, Server]:
        """A worker that has loaded some code, and the server of its tools."""
        self._offset = self._ahead()
        worker = Worker(code, self._environment(code), self._heard, self.loading, self._spare)
        try:
            tools = tools_of(await worker.start(), self.site.settings)
        except BaseException:
            await worker.stop()
            raise
        if not tools:
            place = near((code.live or code.folder) / "function_app.py")
            self._heard(
                "",
                f"{place} declares no tool: clients will see none. Decorators need their parentheses: @app.mcp_tool()",
            )
        options = mapping(mapping(host_json.get("extensions")).get("mcp"))
        self.functions = sorted(tool.function for tool in tools.values())
        self._names = {**self._names, **{tool.function: tool.name for tool in tools.values()}}
        return worker, Server(tools, options, self._invoke)

    def _heard(self, function: str, line: str) -> None:
        if self._hear is not None:
            self._hear(Said(self.site.name, self._names.get(function, function), line))

    async def stop(self) -> None:
        """Ends the worker and what it reached."""
        self._extension = None
        for retiring in list(self._retiring):
            retiring.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await self._resources.aclose()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the platform lets through to the host."""
        path = str(scope["path"]).lower()
        if self._extension is None:
            await Response(status_code=503)(scope, receive, send)
        elif path == PATH or path.startswith(f"{PATH}/"):
            await self._extension(scope, receive, send)
        else:
            await Response(status_code=404)(scope, receive, send)

    async def _invoke(self, tool: Tool, context: Mapping[str, Any]) -> dict[str, Any]:
        async with self._replacing:
            worker = self._worker
            if worker is None or not worker.alive or self._ahead() - self._offset > _STALE:
                # As the platform does with a worker that ended, and with one after hours without work.
                await self._stop_worker()
                worker, _ = await self._loaded(self.code, self._host_json)
                self._worker = worker
        try:
            return _result(tool, await self._run(worker, tool, context))
        except FunctionFailed as failed:
            for line in failed.told.splitlines():
                self._heard(tool.function, line)
            raise

    async def _run(self, worker: Worker, tool: Tool, context: Mapping[str, Any]) -> str:
        """The function, between the blobs that it reads and those that it writes. What it wrote counts when it has ended well."""
        assert self._blobs is not None
        read = {each.name: await self._blobs.read(each, context) for each in tool.blobs if not each.written}
        written = {each.name: each for each in tool.blobs if each.written}
        returned = await worker.invoke(tool.function, {tool.parameter: json.dumps(context)}, read, list(written))
        for name, content in returned.written.items():
            await self._blobs.write(written[name], context, content)
        return returned.result

    async def _stop_worker(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await worker.stop()

    def _ahead(self) -> float:
        """Seconds by which the local cloud's clock is ahead of this machine's, which is the worker's."""
        return self._clock.now() - time.time()

    def _environment(self, code: Code) -> dict[str, str]:
        """All that the code sees: the declared settings, and what the platform itself sets."""
        return {
            **machine(),
            "LANG": "C.UTF-8",
            **self.site.settings,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "FUNCTIONS_EXTENSION_VERSION": "~4",
            "AzureWebJobsScriptRoot": str(code.folder),
            "WEBSITE_SITE_NAME": self.site.name,
            "WEBSITE_HOSTNAME": self.site.host,
            **self._outbound.environment,
        }


def _result(tool: Tool, returned: str) -> dict[str, Any]:
    """
    Raises:
        FunctionFailed: what the function returned is none.
    """
    try:
        return tool.result(returned)
    except (ValueError, KeyError, TypeError) as error:
        raise FunctionFailed(
            f"{tool.function}: what it returned is no result as the host reads it, with its type and content "
            f"({type(error).__name__}: {error}): {returned[:100]!r}"
        ) from None
