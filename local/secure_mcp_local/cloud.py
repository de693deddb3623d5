"""The local cloud: a recorded stack, running on this machine."""

import asyncio
import socket
import tempfile
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.console import Console
from apim_policies.errors import DocumentError
from apim_policies.gateway import Gateway
from apim_policies.listener import Listener, bind
from apim_policies.network import Network
from apim_policies.pipeline.trace import Journal
from secure_mcp_local.azure import api_management
from secure_mcp_local.cosmos import Cosmos
from secure_mcp_local.entra import Entra
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.identities import ManagedIdentities
from secure_mcp_local.providers.deployed import deployed, port_of
from secure_mcp_local.providers.store import Store
from secure_mcp_local.recording import Environment, Recording, record
from secure_mcp_local.sources import Sources
from secure_mcp_local.storage import Azurite, BlobStorage, account_names

if TYPE_CHECKING:
    from secure_mcp_local.functions import FunctionHost

Hook = Callable[[Recording], Recording]
Progress = Callable[[str], None]

MCP_API = "mcp"
_FOLLOWING = 0.5
"""Seconds between two looks at what is deployed."""


class LocalCloud:
    """Runs the Pulumi program of a project and stands in for every Azure service that it declares.

    Use `open` as an asynchronous context manager. Attributes hold the services while it runs.
    """

    gateway_url: str
    entra_url: str
    console_url: str
    recording: Recording
    network: Network
    entra: Entra
    cosmos: Cosmos
    identities: ManagedIdentities
    functions: "FunctionHost"
    gateway: Gateway

    def __init__(
        self,
        root: Path,
        stack: str,
        config: Mapping[str, str],
        port: int,
        backend: str | None,
        hook: Hook | None,
        faults: Collection[str],
        progress: Progress | None,
        state: Path | None,
    ) -> None:
        self.clock = Clock()
        self.journal = Journal()
        """The gateway's requests; values are recorded while somebody watches."""
        self._root, self._stack, self._config, self._port = root, stack, dict(config), port
        self._backend, self._hook, self._faults = backend, hook, faults
        self._progress: Progress = progress or (lambda _: None)
        self._state = state
        self._resources = AsyncExitStack()

    @classmethod
    def open(
        cls,
        root: Path,
        stack: str = "dev",
        config: Mapping[str, str] | None = None,
        port: int = 8080,
        backend: str | None = None,
        recording_hook: Hook | None = None,
        faults: Collection[str] = (),
        progress: Progress | None = None,
        state: Path | None = None,
    ) -> "LocalCloud":
        """A cloud that starts when it is entered.

        Args:
            root: Folder of the Pulumi project.
            stack: Name of the stack.
            config: Configuration that wins over the stack's.
            port: Of the gateway; Entra ID gets the next one, the trace console the one after that. 0: free ones.
            backend: Address of an MCP server to put behind the gateway instead of the stack's function app.
            recording_hook: Changes the recording before anything is built from it; for tests of the wiring.
            faults: Names of faults that are on from the start.
            progress: Called with what is being done, before each step that takes time.
            state: Folder that the stack was deployed to by `secure-mcp stand-ins pulumi up`: it is served instead of what
                the program declares, at the ports that it was deployed for, and the gateway follows its changes.
        """
        return cls(root, stack, config or {}, port, backend, recording_hook, faults, progress, state)

    async def __aenter__(self) -> "LocalCloud":
        try:
            await self._start()
        except BaseException:
            await self._resources.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @property
    def urls(self) -> dict[str, str]:
        """What a client or a person may want to open."""
        urls = {
            "gateway": self.gateway_url,
            "mcp": f"{self.gateway_url}/mcp",
            "entra": self.entra_url,
            "console": self.console_url,
        }
        if "sseUrl" in self.recording.outputs:
            urls["sse"] = str(self.recording.outputs["sseUrl"])
        return urls

    def restart_gateway(self) -> None:
        """A gateway that remembers nothing: no cache, no counters."""
        self.gateway = self._gateway(self.recording)

    def reconfigure(self, **config: str) -> None:
        """Runs the program with other configuration and gives the gateway what it declares then, as another `pulumi up` would.

        Blocks while the program runs. The session store, Entra ID and the function app stay as they are.
        """
        self._config |= config
        self.recording = self._record()
        self.restart_gateway()

    def _gateway(self, recording: Recording) -> Gateway:
        """A gateway, whose documents are named by their templates."""
        sources = Sources(self._root, recording)
        self.journal.locate = sources.called
        try:
            return api_management.gateway(recording, self.network, self.identities, self.clock, journal=self.journal)
        except DocumentError as error:
            raise sources.traced(error) from None

    async def _follow(self, state: Path) -> None:
        """Gives the gateway what is deployed, whenever that has changed and a deployment is not writing any more."""
        store = Store(state)
        served = seen = store.version()
        while True:
            await asyncio.sleep(_FOLLOWING)
            now = store.version()
            if now != seen:
                seen = now
            elif now != served:
                served = now
                try:
                    recording = await asyncio.to_thread(self._record)
                    gateway = self._gateway(recording)
                except ExplainedError as error:
                    self._progress(f"The deployed change cannot be served, the gateway stays as it was: {error}")
                    continue
                self.recording, self.gateway = recording, gateway
                self._progress("The gateway has what was deployed")

    async def _start(self) -> None:
        if self._state is not None:
            self._port = port_of(deployed(self._state, self._stack))
        gateway_port, gateway_sockets = self._bind(0)
        entra_port, entra_sockets = self._bind(1)
        console_port, console_sockets = self._bind(2)
        self.gateway_url = f"http://localhost:{gateway_port}"
        self.entra_url = f"http://localhost:{entra_port}"
        self.console_url = f"http://localhost:{console_port}"

        self._progress(f"{'Reading what is deployed' if self._state else 'Running the program'} of stack {self._stack}")
        # In a thread: the program has an event loop of its own.
        self.recording = await asyncio.to_thread(self._record)

        self.network = Network()
        self._resources.push_async_callback(self.network.aclose)
        self.entra = Entra.from_recording(self.recording, self.entra_url, self.clock, self.journal.refused)
        issuer = self.entra.issuer
        self.identities = ManagedIdentities(
            self.recording, issuer, self.clock, self.network.faults, self.journal.refused
        )
        self.cosmos = Cosmos.from_recording(self.recording, issuer, self.clock, self.journal.refused)
        self.network.serve(f"localhost:{entra_port}", self.entra.app, kind="entra")
        for host, app in self.cosmos.hosts.items():
            self.network.serve(host, app, kind="cosmos")
        if self._backend is None:
            self._progress("Compiling the policies, starting storage and the function app")
            # Most of the time is spent waiting for other processes. A broken policy is reported at once all the same.
            await _all(asyncio.to_thread(self.restart_gateway), self._start_function_app())
        else:
            self._progress("Compiling the policies")
            self.restart_gateway()
            backend = urlsplit(self._backend)
            self.network.forward(backend.netloc, f"{backend.scheme}://{backend.netloc}", kind="functions")
        await self._resources.enter_async_context(Listener(self.entra.app, entra_sockets))
        await self._resources.enter_async_context(Listener(self._answer, gateway_sockets))
        console = Console(self.journal, self._stack, self.gateway_url, console_port)
        await self._resources.enter_async_context(Listener(console.app, console_sockets))
        self._resources.callback(console.close)
        for name in self._faults:
            self.network.faults.active.add(name)
        if self._state is not None:
            following = asyncio.create_task(self._follow(self._state))
            self._resources.callback(following.cancel)

    def _bind(self, offset: int) -> tuple[int, list[socket.socket]]:
        """The port that is so many after the gateway's, or a free one."""
        port, sockets = bind(self._port and self._port + offset)
        for opened in sockets:
            self._resources.callback(opened.close)
        return port, sockets

    async def _start_function_app(self) -> None:
        # Only needed without --backend.
        from secure_mcp_local.functions import FunctionHost  # noqa: PLC0415

        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="secure-mcp-")))
        azurite = await self._resources.enter_async_context(Azurite(folder, account_names(self.recording)))
        storage = await BlobStorage.from_recording(
            self.recording, azurite, self.entra.issuer, self.clock, self.journal.refused
        )
        for host, app in storage.hosts.items():
            self.network.serve(host, app)
        # It reaches the hosts that are there when it starts.
        self.functions = FunctionHost.from_recording(
            self.recording,
            self._root / "function_app",
            self.identities,
            self.entra.issuer,
            self.network,
            self.clock,
            self.journal.refused,
        )
        await self._resources.enter_async_context(self.functions)
        for host, app in self.functions.hosts.items():
            self.network.serve(host, app, kind="functions")

    def _record(self) -> Recording:
        if self._state is not None:
            recording = deployed(self._state, self._stack)
        else:
            environment = Environment(self.gateway_url, self.entra_url)
            recording = record(self._root, self._stack, self._config, environment)
        if self._backend is not None:
            recording = self._with_backend(recording, self._backend)
        return self._hook(recording) if self._hook else recording

    def _with_backend(self, recording: Recording, backend: str) -> Recording:
        """The stack, but with the MCP API in front of another server."""
        apis = [api for api in recording.all("azure-native:apimanagement:Api") if api.get("apiId") == MCP_API]
        if len(apis) != 1:
            raise LocalCloudError(
                f"--backend needs exactly one API with the id {MCP_API!r}; the stack declares {len(apis)}"
            )
        return recording.changed(apis[0].urn, serviceUrl=backend.rstrip("/"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Any:
        await self.gateway.app(scope, receive, send)


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Waits for everything. What fails first ends the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
