"""The storage accounts of the stacks: Azurite, which loads before it is known whether anybody needs it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.network import Network
from apim_policies.pipeline.refusals import Explain
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.storage import Azurite, BlobStorage, account_names, blob_hosts
from secure_mcp_local.azure.storage.installation import installed
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording


class StorageAccounts:
    """Those that the network is to know.

    Args:
        folder: Where to keep what is stored.
        network: Gets their hosts.
        clock: What time it is.
        refused: Told of requests that are refused, and why.
    """

    def __init__(self, folder: Path, network: Network, clock: Clock, refused: Explain) -> None:
        self._network, self._clock, self._refused = network, clock, refused
        self._azurite = Azurite(folder)
        self._services: asyncio.Future[Mapping[str, ASGIApp]] | None = None
        """Once they are there; none: nobody needs them."""

    async def load(self) -> None:
        """Lets Azurite load, unless it has to be installed first, which takes a minute: only when it is known to be needed."""
        if installed():
            # What is wrong with it matters to those who need it only.
            with suppress(LocalCloudError):
                await self._azurite.load()

    def expect(self, recording: Recording) -> None:
        """They are needed: who calls them before they are started waits."""
        self._services = asyncio.get_running_loop().create_future()
        for name in blob_hosts(recording):
            self._network.serve(name, _once_there(self._services, name))

    async def start(self, recording: Recording, issuer: TokenIssuer) -> None:
        """Starts them if they are needed.

        Raises:
            LocalCloudError: Azurite cannot be installed or does not start.
        """
        if self._services is None:
            await self._azurite.stop()
            return
        self._azurite.add(account_names(recording))
        await self._azurite.start()
        services = await self._of(recording, issuer)
        self.serve(services)
        self._services.set_result(services)

    async def redeclared(self, recording: Recording, issuer: TokenIssuer) -> Mapping[str, ASGIApp]:
        """What is to be served by host name as they are declared now; nothing if nobody needs them."""
        return {} if self._services is None else await self._of(recording, issuer)

    def serve(self, services: Mapping[str, ASGIApp]) -> None:
        for name, app in services.items():
            self._network.serve(name, app)

    async def stop(self) -> None:
        await self._azurite.stop()

    async def _of(self, recording: Recording, issuer: TokenIssuer) -> Mapping[str, ASGIApp]:
        made = await BlobStorage.from_recording(recording, self._azurite, issuer, self._clock, self._refused)
        return made.hosts


def _once_there(services: "asyncio.Future[Mapping[str, ASGIApp]]", name: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Shielded: a caller that gives up must not take it from the others.
        await (await asyncio.shield(services))[name](scope, receive, send)

    return app
