"""The function apps of the stacks that run here."""

import asyncio
from collections.abc import Collection, Iterator
from pathlib import Path

from apim_policies.clock import Clock
from apim_policies.network import Network
from apim_policies.pipeline.refusals import Explain
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.functions import FunctionHost, Spare
from secure_mcp_local.azure.functions.code import Codes
from secure_mcp_local.azure.functions.host import Heard
from secure_mcp_local.cloud.gateways import backends_of
from secure_mcp_local.errors import NotModelled
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.stand_ins.store import Store

_SITE = "azure-native:web:WebApp"


class FunctionApps:
    """Each with its code in a worker process. `for host in function_apps`.

    Args:
        scratch: Folder for copies of code.
        network: Gets their hosts, and is all that their code reaches.
        clock: What time it is.
        refused: Told of requests that are refused, and why.
        hear: Told what code prints and logs.
    """

    def __init__(self, scratch: Path, network: Network, clock: Clock, refused: Explain, hear: Heard) -> None:
        self._network, self._clock, self._refused, self._hear = network, clock, refused, hear
        self.hosts: dict[str, FunctionHost] = {}
        """By host name."""
        self.idle: list[str] = []
        """Why those that are declared and not here do not run."""
        self.codes = Codes(scratch / "code")
        self._spare = Spare()

    def __iter__(self) -> Iterator[FunctionHost]:
        return iter(dict.fromkeys(self.hosts.values()))

    async def load(self) -> None:
        """Lets a worker load, for the first of them: most likely there is one."""
        await self._spare.start()

    def declare(
        self,
        recording: Recording,
        sites: Collection[Resource],
        identities: ManagedIdentities,
        issuer: TokenIssuer,
        state: Path | None,
    ) -> None:
        """What there is from now on; each is still to be started.

        Args:
            recording: The stacks.
            sites: Those of its apps that are to run.
            identities: Of all services of the stacks.
            issuer: Whose tokens the apps take.
            state: Folder that the stack was deployed to, with what was published to them.

        Raises:
            LocalCloudError: one is declared as Azure would refuse it, or its code cannot be packed.
        """
        published = Store(state) if state else None
        for site in sites:
            try:
                if reason := recording.unknown(site, "siteConfig"):
                    raise NotModelled(reason)
                code = self.codes.of(recording, site, published.package(site.id) if published else None)
                host = FunctionHost.from_recording(
                    recording,
                    code,
                    identities,
                    issuer,
                    self._network,
                    self._clock,
                    self._refused,
                    site,
                    self._hear,
                    self._spare,
                )
            except NotModelled as error:
                self.idle.append(str(error))
                continue
            for name, app in host.hosts.items():
                self.hosts[name] = host
                self._network.serve(name, app, kind="functions")

    async def loading(self) -> None:
        """Waits until the workers load the code."""
        for host in self:
            await host.loading.wait()

    @property
    def folders(self) -> list[Path]:
        """Those of their authors, in which an edit is to be served."""
        return [host.code.live for host in self if host.code.live is not None]

    async def renew(self, files: Collection[Path]) -> list[Path]:
        """Serves the code of whose authors' folders some files have changed; these folders.

        Raises:
            ExplainedError: it cannot be served; what was served goes on.
        """
        renewed: list[Path] = []
        for host in self:
            live = host.code.live
            if live is not None and any(file.is_relative_to(live) for file in files):
                await host.renew(await asyncio.to_thread(self.codes.again, live, host.site.name, host.code))
                renewed.append(live)
        return renewed

    def redeclare(self, recording: Recording, identities: ManagedIdentities, issuer: TokenIssuer) -> None:
        """The same apps in stacks that have changed around them."""
        for host in self:
            host.redeclare(recording, identities, issuer, self._refused)
            for name, app in host.hosts.items():
                self._network.serve(name, app, kind="functions")

    async def stop(self) -> None:
        """Ends what nobody has taken; started apps end by themselves."""
        await self._spare.stop()


def wanted(recording: Recording, backends: Collection[str]) -> list[Resource]:
    """The apps to run: with `backends`, servers of this machine in their place, not those that only stand behind such APIs."""
    sites = recording.all(_SITE)
    if not backends:
        return sites
    hosts = {host for _, host in backends_of(recording)}
    return [site for site in sites if str(site.get("defaultHostName")).lower() in hosts]
