"""Code that somebody publishes to the running function apps, as to Azure: from then on they serve it."""

import asyncio
from collections.abc import Callable, Mapping

from apim_policies.network import Faults
from secure_mcp_local.azure.functions.code import Codes
from secure_mcp_local.azure.functions.host import FunctionHost
from secure_mcp_local.azure.functions.site import Site
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.recording import Recording, Resource


class RunningApps:
    """The function apps of a running stack.

    Args:
        recording: Gives the stack as it is declared now.
        hosts: What runs, by host name.
        codes: Where code is put for their workers.
        faults: Those of the kind `publish` count.
        announce: Told of what has been published, and why it does not run.
    """

    def __init__(
        self,
        recording: Callable[[], Recording],
        hosts: Mapping[str, FunctionHost],
        codes: Codes,
        faults: Faults,
        announce: Callable[[str], None],
    ) -> None:
        self.recording = recording
        self._hosts, self._codes, self._faults, self._announce = hosts, codes, faults, announce
        self._broken: set[str] = set()
        """Ids of apps whose last code does not load."""

    def functions(self, site: Resource) -> list[str]:
        return [] if site.id in self._broken else self._host(site).functions

    async def publish(self, site: Resource, content: bytes) -> None:
        host = self._host(site)
        code = await asyncio.to_thread(self._codes.published, content, site.name, host.code)
        try:
            await host.renew(code)
        except ExplainedError as error:
            # In Azure the app would have no functions now. Here what works goes on, as after an edit.
            self._broken.add(site.id)
            self._announce(f"{error}\nWhat was published to {site.name} cannot be served: what was served goes on")
        else:
            self._broken.discard(site.id)
            self._announce(f"{site.name} serves what was published to it; its folder is not followed any more")

    def fault(self, kind: str, site: Resource) -> bool:
        return any(fault.name == f"publish-{kind}" for fault in self._faults.of("publish"))

    def _host(self, site: Resource) -> FunctionHost:
        """
        Raises:
            LocalCloudError: the app does not run here.
        """
        host = self._hosts.get(Site.of(site).host)
        if host is None:
            raise LocalCloudError(
                f"{site.name} does not run here: another server stands behind its API, or it has no code"
            )
        return host
