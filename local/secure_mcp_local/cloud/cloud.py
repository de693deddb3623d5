"""The local cloud: recorded stacks, running on this machine."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.console import Console
from apim_policies.errors import DocumentError
from apim_policies.gateway import Gateway
from apim_policies.listener import Listener
from apim_policies.network import Faults, Network
from apim_policies.pipeline.trace import Journal
from secure_mcp.apis import templates
from secure_mcp_local.azure import api_management
from secure_mcp_local.azure.cosmos import Cosmos
from secure_mcp_local.azure.entra import Entra
from secure_mcp_local.azure.entra.directory import Directory
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.faults import FAULTS
from secure_mcp_local.azure.functions import FunctionHost
from secure_mcp_local.azure.functions.host import Said
from secure_mcp_local.azure.microsoft_graph import HOSTS as GRAPH_HOSTS
from secure_mcp_local.azure.microsoft_graph import MicrosoftGraph
from secure_mcp_local.cloud.addresses import LOGIN_HOSTS, Addresses
from secure_mcp_local.cloud.changes import but_for_code, refuse_other_places
from secure_mcp_local.cloud.edge import Edge
from secure_mcp_local.cloud.following import follow
from secure_mcp_local.cloud.function_apps import FunctionApps, wanted
from secure_mcp_local.cloud.gateways import DeclaredGateway, backends_of, gateways
from secure_mcp_local.cloud.keeping import Kept
from secure_mcp_local.cloud.pausing import Pause
from secure_mcp_local.cloud.projects import Backends, Hook, Projects, Record
from secure_mcp_local.cloud.storage_accounts import StorageAccounts
from secure_mcp_local.cloud.watching import watch
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.mistakes import Mistake
from secure_mcp_local.recording import Recording, record_together
from secure_mcp_local.recording.unmodelled import Passed, passed
from secure_mcp_local.running import Running
from secure_mcp_local.sources import Sources

if TYPE_CHECKING:
    from secure_mcp_local.azure.deployer import Deployer

Progress = Callable[[str], None]

_SITE = "azure-native:web:WebApp"


class LocalCloud(Running):
    """Runs the Pulumi programs of projects and stands in for every Azure service that they declare.

    Use `open` as an asynchronous context manager. Attributes hold the services while it runs.
    """

    recording: Recording
    network: Network
    entra: Entra
    cosmos: Cosmos
    identities: ManagedIdentities
    gateways: dict[str, Gateway]
    """By the name of the API Management service, in the order of the program."""
    passed: list[Passed]
    """What is declared and nothing stands in for."""
    _apps: FunctionApps
    _storage: StorageAccounts

    def __init__(
        self,
        projects: Projects,
        port: int,
        faults: Collection[str],
        progress: Progress | None,
        kept: Kept | None = None,
        *,
        watched: bool = False,
    ) -> None:
        super().__init__()
        self.clock = Clock()
        self.journal = Journal()
        """The gateways' requests; values are recorded while somebody watches."""
        self._projects, self._port, self._faults = projects, port, faults
        self.progress: Progress = progress or (lambda _: None)
        """Told what is being done, before each step of the start that takes time."""
        self.announce: Progress = self.progress
        """Told of what has been served anew, and why something is not."""
        self.hear: Callable[[Said, str], None] = lambda *_: None
        """Told of each line that the code of function apps prints or logs, with the id of the request that it belongs to."""
        self.pause = Pause()
        """While an edit is read."""
        self._kept, self._watched = kept, watched
        self._mistaken = False
        """Whether the last edit could not be served."""
        self._deployer: Deployer | None = None

    @classmethod
    def open(
        cls,
        root: Path | Sequence[Path],
        stack: str = "dev",
        config: Mapping[str, str] | None = None,
        port: int = 8080,
        backend: Backends = None,
        recording_hook: Hook | None = None,
        faults: Collection[str] = (),
        progress: Progress | None = None,
        state: Path | None = None,
        accept: Collection[str] = (),
        kept: Kept | None = None,
        *,
        watched: bool = False,
        record: Record = record_together,
    ) -> "LocalCloud":
        """A cloud that starts when it is entered.

        Args:
            root: Folder of the Pulumi project, or folders of several, whose stacks may refer to each other.
            stack: Name of the stack, the same in every project.
            config: Configuration that wins over the stack's.
            port: Of the first gateway; Entra ID gets the next one, the trace console the one after that, and further gateways
                those after it. 0: free ones.
            backend: Address of a server to put behind the gateway instead of the only one that is declared, or addresses by the
                names of the APIs in front of them.
            recording_hook: Changes the recording before anything is built from it; for tests of the wiring.
            faults: Names of faults that are on from the start.
            progress: Called with what is being done, before each step that takes time.
            state: Folder that the stack was deployed to by `secure-mcp stand-ins pulumi up`: it is served instead of what
                the program declares, at the ports that it was deployed for, and the gateway follows its changes.
            accept: Types that are passed by although they are not modelled and may decide who gets in.
            kept: Where sign-ins, registrations and what is stored are kept for the next run; none: nowhere.
            watched: Whether edits of the program, of policies and of the code of function apps are served as they come.
            record: Runs the program, as `record_together` does in this process.
        """
        roots = [root] if isinstance(root, Path) else list(root)
        projects = Projects(roots, stack, config or {}, accept, backend, recording_hook, state, record)
        return cls(projects, port, faults, progress, kept, watched=watched and state is None)

    @property
    def entra_url(self) -> str:
        """Where a browser finds Entra ID."""
        return self._addresses.entra.url

    @property
    def console_url(self) -> str:
        """Address of the trace console, which shows each request of every gateway."""
        return self._addresses.console.url

    @property
    def gateway(self) -> Gateway:
        """The first gateway, of most stacks the only one."""
        return self.gateways[self._declared[0].service]

    @property
    def gateway_url(self) -> str:
        """Address of the first gateway."""
        return self._declared[0].url

    @property
    def gateway_urls(self) -> list[str]:
        """Addresses of all gateways."""
        return [one.url for one in self._declared]

    @property
    def hosts(self) -> Mapping[str, FunctionHost]:
        """The function apps that run, by host name."""
        return self._apps.hosts

    @property
    def idle(self) -> Sequence[str]:
        """What is declared and does not run, each with the reason."""
        return [*self._apps.idle, *self._unserved()]

    @property
    def functions(self) -> FunctionHost:
        """The first function app that runs."""
        return next(iter(self.hosts.values()))

    @property
    def servers(self) -> dict[str, str]:
        """Addresses of the APIs that have a backend, by their ids; with several gateways, by `service/id`."""
        several = len(self._declared) > 1
        return {
            f"{gateway.service}/{id}" if several else id: url
            for gateway in self._declared
            for id, url in gateway.servers.items()
        }

    @property
    def urls(self) -> dict[str, str]:
        """What a client or a person may want to open: gateways, servers, what the stack names of them, Entra ID, the console."""
        several = len(self._declared) > 1
        urls = {f"{one.service}" if several else "gateway": one.url for one in self._declared} | self.servers
        for key, value in self.recording.outputs.items():
            name = key.removesuffix("Url")
            if name in urls or value in urls.values() or not isinstance(value, str):
                continue
            if any(value.startswith(f"{one.url}/") for one in self._declared):
                urls[name] = value
        return urls | {"entra": self.entra_url, "console": self.console_url}

    async def deployer(self) -> dict[str, str]:
        """The environment variables with which a process on this machine publishes code to the function apps as to Azure.

        Raises:
            LocalCloudError: no function app runs.
        """
        if not self.hosts:
            raise LocalCloudError("no function app of the stack runs here, so there is none to publish code to")
        if self._deployer is None:
            from secure_mcp_local.azure.deployer import Deployer  # noqa: PLC0415
            from secure_mcp_local.cloud.publications import RunningApps  # noqa: PLC0415

            apps = RunningApps(
                lambda: self.recording,
                self.hosts,
                self._apps.codes,
                self.network.faults,
                self._say,
            )
            self._deployer = await self._resources.enter_async_context(Deployer(apps, os.environ))
        return self._deployer.environment

    def _say(self, message: str) -> None:
        """Announces to whoever listens by then."""
        self.announce(message)

    def restart_gateway(self) -> None:
        """Gateways that remember nothing: no cache, no counters."""
        self._declared = gateways(self.recording, self._addresses.of_gateway)
        self.gateways = self._made(self._declared, self.identities)

    def reconfigure(self, **config: str) -> None:
        """Runs the program with other configuration and gives the gateways what it declares then, as another `pulumi up` would.

        Blocks while the program runs. The session store, Entra ID and the function apps stay as they are.
        """
        self._projects.config |= config
        self.recording = self._projects.record(self._addresses)
        self.restart_gateway()

    async def _take(self) -> None:
        """Serves what is deployed by now, all of it or nothing.

        Raises:
            ExplainedError: it cannot be served, or not without a restart.
        """
        await self._redeclare(await self._projects.recorded(self._addresses))

    def _made(self, declared: Sequence[DeclaredGateway], identities: ManagedIdentities) -> dict[str, Gateway]:
        return {one.service: self._gateway(one.recording, identities) for one in declared}

    def _gateway(self, recording: Recording, identities: ManagedIdentities) -> Gateway:
        """A gateway, whose documents are named by their templates."""
        sources = Sources(self._projects.root, recording)
        self.journal.locate = sources.called
        try:
            return api_management.gateway(recording, self.network, identities, self.clock, journal=self.journal)
        except DocumentError as error:
            raise sources.traced(error) from None

    async def _start(self) -> None:
        projects = self._projects
        self.network = Network(Faults(FAULTS))
        self._resources.push_async_callback(self.network.aclose)
        for name in self._faults:
            # Before anything takes time. They are switched on when all runs.
            self.network.faults.active.require(name)
        deployed: Mapping[str, int] = {}
        if projects.state is not None:
            # Imports Pulumi.
            from secure_mcp_local.stand_ins.deployed import ports_of  # noqa: PLC0415

            self._port, deployed = ports_of(projects.state, projects.stack)
        self._addresses = Addresses(self._port, deployed)
        self._resources.callback(self._addresses.close)

        self.progress(
            f"{'Reading what is deployed' if projects.state else 'Running the program'} of stack {projects.stack}"
        )
        await _all(self._record(), self._load_ahead())
        self.passed = passed(self.recording)
        self.gateways = {}
        self._declared = gateways(self.recording, self._addresses.of_gateway)
        for gateway in self._declared:
            # One that is read from a state knows its address already, and still takes its port.
            self._addresses.of_gateway(gateway.service)
        if not self._declared:
            raise LocalCloudError(
                f"the stack {projects.stack!r} declares no API Management service and nothing on one: there is no gateway to run"
            )

        login = self._login()
        refused = self.journal.refused
        on = self.network.faults.active
        self.entra = Entra.from_recording(self.recording, login, self.clock, refused, self.entra_url, on)
        issuer = self.entra.issuer
        self.identities = ManagedIdentities(self.recording, issuer, self.clock, self.network.faults, refused)
        self.cosmos = Cosmos.from_recording(self.recording, issuer, self.clock, refused)
        if self._kept is not None and (state := self._kept.read()):
            with self._kept.understood():
                self.entra.restore(state["entra"])
                self.cosmos.restore(state["cosmos"])
        for host in (*LOGIN_HOSTS, urlsplit(self.entra_url).netloc):
            self.network.serve(host, self.entra.app, kind="entra")
        for host, app in self.cosmos.hosts.items():
            self.network.serve(host, app, kind="cosmos")
        for host in GRAPH_HOSTS:
            self.network.serve(host, MicrosoftGraph(self.entra, self.clock).app, kind="graph")
        for url in projects.backends.values():
            backend = urlsplit(url)
            self.network.forward(backend.netloc, f"{backend.scheme}://{backend.netloc}", kind="functions")
        sites = wanted(self.recording, projects.backends)
        running = "storage and the function apps" if len(sites) > 1 else "storage and the function app"
        self.progress(f"Compiling the policies, starting {running}" if sites else "Compiling the policies")
        # Most of the time is spent waiting for other processes. A broken policy is reported at once all the same.
        if sites:
            self._storage.expect(self.recording)
        self._apps.declare(self.recording, sites, self.identities, issuer, projects.state)
        await _all(
            self._compile(),
            self._storage.start(self.recording, issuer),
            *(self._resources.enter_async_context(host) for host in self._apps),
        )
        await self._listen(login)
        for name in self._faults:
            self.network.faults.active.add(name)
        if projects.state is not None:
            following = asyncio.create_task(follow(projects.state, self._take, self.announce))
            self._resources.callback(following.cancel)
        if self._kept is not None:
            kept = self._kept
            self._resources.callback(lambda: kept.write(self._state()))
            keeping = asyncio.create_task(kept.follow(self._state))
            self._resources.callback(keeping.cancel)
        if self._watched:
            watching = asyncio.create_task(watch(self._folders, self._changed))
            self._resources.callback(watching.cancel)

    async def _record(self) -> None:
        # In a thread: the program has an event loop of its own.
        self.recording = await self._projects.recorded(self._addresses)

    async def _load_ahead(self) -> None:
        """Lets Azurite and a worker load while the program runs, which most likely has a function app unless its servers have another backend here."""
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="secure-mcp-")))
        kept = folder if self._kept is None else self._kept.storage
        self._storage = StorageAccounts(kept, self.network, self.clock, self.journal.refused)
        self._resources.push_async_callback(self._storage.stop)
        self._apps = FunctionApps(folder, self.network, self.clock, self.journal.refused, self._heard)
        self._resources.push_async_callback(self._apps.stop)
        if not self._projects.backends:
            await self._storage.load()
            await self._apps.load()

    def _state(self) -> Mapping[str, Any]:
        """What the next run must know."""
        return {"entra": self.entra.kept(), "cosmos": self.cosmos.kept()}

    def _folders(self) -> list[Path]:
        """What is watched: projects and their programs, templates of policies, and the code of function apps, each once."""
        places = (*self._projects.roots, *self.recording.folders.values(), *self._apps.folders)
        wanted = {*(folder.resolve() for folder in places), templates.directory()}
        return sorted(one for one in wanted if not any(one != other and one.is_relative_to(other) for other in wanted))

    async def _changed(self, files: set[Path]) -> None:
        """Serves what has been edited, or says what is wrong with it and goes on with what was served."""
        began = time.monotonic()
        names = sorted({self._near(file) for file in files})
        what = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        mistaken, self._mistaken = self._mistaken, True
        try:
            with self.pause:
                served = await self._serve_again(files)
        except ExplainedError as error:
            self.announce(f"{error}\n{what} cannot be served: what was served goes on being served")
        except Exception as error:  # what somebody is just writing may be anything
            told = Mistake.of(error).told(self._projects.root)
            self.announce(f"{told}\n{what} cannot be served: what was served goes on being served")
        else:
            # After a mistake, what was served may be right again.
            self._mistaken = False
            if served or mistaken:
                self.announce(f"Served anew after {what} ({time.monotonic() - began:.1f} s)")

    def _near(self, file: Path) -> str:
        root = self._projects.root.resolve()
        return str(file.relative_to(root) if file.is_relative_to(root) else file)

    async def _serve_again(self, files: set[Path]) -> bool:
        """Serves some changed files; whether anything is different now.

        Raises:
            ExplainedError: it cannot be.
        """
        code = self._apps.folders
        alone = all(any(file.is_relative_to(folder) for folder in code) for file in files)
        try:
            renewed = await self._apps.renew(files)
        except ExplainedError:
            if not alone:
                # Its folder may be gone because it comes from another one now.
                refuse_other_places(self.recording, await self._projects.recorded(self._addresses))
            raise
        if alone:
            return bool(renewed)
        recording = await self._projects.recorded(self._addresses)
        return await self._redeclare(recording) or bool(renewed)

    async def _redeclare(self, recording: Recording) -> bool:
        """Serves another declaration, all of it or nothing; whether it is another one.

        Raises:
            ExplainedError: it cannot be served, or not without a restart.
        """
        if but_for_code(recording) == but_for_code(self.recording):
            return False
        refuse_other_places(self.recording, recording)
        issuer, refused = self.entra.issuer, self.journal.refused
        directory = Directory.from_recording(recording)
        identities = ManagedIdentities(recording, issuer, self.clock, self.network.faults, refused)
        cosmos = Cosmos.from_recording(recording, issuer, self.clock, refused)
        declared = gateways(recording, self._addresses.of_gateway)
        made = await asyncio.to_thread(self._made, declared, identities)
        storage = await self._storage.redeclared(recording, issuer)
        # From here on nothing fails.
        cosmos.succeed(self.cosmos)
        self.entra.redeclare(directory)
        self.recording, self.identities, self.cosmos = recording, identities, cosmos
        self._declared, self.gateways, self.passed = declared, made, passed(recording)
        for host, app in cosmos.hosts.items():
            self.network.serve(host, app, kind="cosmos")
        self._storage.serve(storage)
        self._apps.redeclare(recording, identities, issuer)
        return True

    async def _listen(self, login: str) -> None:
        addresses = self._addresses
        await self._resources.enter_async_context(Listener(self.entra.app, addresses.entra.sockets))
        for service, address in addresses.gateways.items():
            answer = self._answer_of(service)
            # Gateways reach each other, and themselves.
            self.network.serve(urlsplit(address.url).netloc, answer)
            edge = Edge(self.pause.before(answer), {login: self.entra_url})
            await self._resources.enter_async_context(Listener(edge, address.sockets))
        first = next(iter(self.servers.values()), "")
        console = Console(self.journal, self._projects.stack, self.gateway_url, addresses.console.port, first)
        await self._resources.enter_async_context(Listener(console.app, addresses.console.sockets))
        self._resources.callback(console.close)

    def _login(self) -> str:
        """The address that the stack has for Entra ID, which tokens name as their issuer: its own host, or the local one."""
        said = json.dumps([dict(resource.inputs) for resource in self.recording])
        known = [self.entra_url, *(f"https://{host}" for host in LOGIN_HOSTS)]
        return next((url for url in known if f"{url}/" in said or f'"{url}"' in said), f"https://{LOGIN_HOSTS[0]}")

    async def _compile(self) -> None:
        # Once the workers are there, which load the code on other cores: the compiler leaves little of this process to anybody else.
        await self._apps.loading()
        await asyncio.to_thread(self.restart_gateway)

    def _heard(self, said: Said) -> None:
        self.hear(said, self.journal.said(said.tool or said.app, said.line))

    def _unserved(self) -> list[str]:
        """Backends that nothing answers for: whoever calls them should not have to guess."""
        return [
            f"the API {(id := api.get('apiId'))}: nothing here answers for its backend {host}; run it yourself and say where: --backend {id}=URL"
            for api, host in backends_of(self.recording)
            if host not in self.network.hosts and not host.startswith(("localhost:", "127.0.0.1:"))
        ]

    def _answer_of(self, service: str) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self.gateways[service].app(scope, receive, send)

        return answer


async def _all(*work: Coroutine[Any, Any, object]) -> None:
    """Waits for everything. What fails first ends the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
