"""The projects that are run, and what they declare: read anew whenever that may have changed."""

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from secure_mcp_local.cloud.addresses import Addresses
from secure_mcp_local.cloud.gateways import with_backends
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Environment, Recording, record_together
from secure_mcp_local.recording.project import name_of, program_folder
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import refused

Hook = Callable[[Recording], Recording]
Backends = str | Mapping[str, str] | None
"""The address of a server in place of the only one's, or addresses by the names of APIs."""


class Record(Protocol):
    """Runs the programs of projects: `record_together`, here or in another process."""

    def __call__(
        self,
        roots: Sequence[Path],
        stack: str,
        config: Mapping[str, str] | None = None,
        environment: Environment = ...,
        accept: Collection[str] | None = (),
    ) -> list[Recording]: ...


class Projects:
    """One stack of one or several projects, as one recording."""

    def __init__(
        self,
        roots: Sequence[Path],
        stack: str,
        config: Mapping[str, str],
        accept: Collection[str],
        backends: Backends,
        hook: Hook | None,
        state: Path | None,
        record: Record = record_together,
    ) -> None:
        """Arguments are those of `LocalCloud.open`."""
        self.stack, self.state = stack, state
        self.config = dict(config)
        self.backends: Mapping[str, str] = {"": backends} if isinstance(backends, str) else dict(backends or {})
        self.roots, self._accept, self._hook, self._record = roots, accept, hook, record

    @property
    def root(self) -> Path:
        """Folder of the first project."""
        return self.roots[0]

    async def recorded(self, addresses: Addresses) -> Recording:
        """As `record`, in a thread. Who stops waiting stops the programs.

        Raises:
            LocalCloudError: as there.
        """
        over = threading.Event()
        try:
            return await asyncio.to_thread(self.record, addresses, over.is_set)
        finally:
            over.set()

    def record(self, addresses: Addresses, over: Callable[[], bool] = lambda: False) -> Recording:
        """What is declared, or deployed where a state is followed. Blocks while programs run, or until it is `over`.

        Raises:
            LocalCloudError: a program fails, or something is declared that must not be passed by.
        """
        if self.state is not None:
            # Imports Pulumi, which runs elsewhere as long as there is a program.
            from secure_mcp_local.stand_ins.deployed import deployed  # noqa: PLC0415

            # The state does not say where relative paths start from.
            folders = {name_of(root): program_folder(root) for root in self.roots}
            recording = replace(deployed(self.state, self.stack), folders=folders)
        else:
            environment = Environment(addresses.of_gateway, over=over)
            recordings = self._record(self.roots, self.stack, self.config, environment, self._accept)
            recording = Recording.together(recordings)
        _refuse(recording)
        recording = with_backends(recording, self.backends)
        recording = self._hook(recording) if self._hook else recording
        _refuse_unknown(recording)
        return recording


def _refuse(recording: Recording) -> None:
    """Raises if Azure would refuse to create what is declared: a gateway that runs here only would be a promise.

    Raises:
        LocalCloudError: names every such resource, as `secure-mcp check` does.
    """
    stack = Stack(recording, recording.outputs)
    found = [
        one
        for resource in recording
        if resource.custom and not resource.read
        for one in refused("create", resource, lambda: stack)
    ]
    if found:
        lines = "".join(f"\n  {one.resource.name}: {one.explained}" for one in found)
        raise LocalCloudError(f"Azure refuses what the stack declares:{lines}")


def _refuse_unknown(recording: Recording) -> None:
    """Raises if a gateway needs what nothing here can know.

    Raises:
        LocalCloudError: names what needs it and where it comes from, and what can be done.
    """
    for resource in recording:
        if not resource.type.startswith("azure-native:apimanagement:") or not resource.unknowns:
            continue
        for path in sorted(resource.unknowns):
            hint = ""
            if path == "serviceUrl":
                hint = (
                    f"; give the API a server of this machine: --backend {resource.get('apiId')}=http://localhost:PORT"
                )
            if path.partition(".")[0] in _NEEDED:
                raise LocalCloudError(recording.unknown(resource, path) + hint)


_NEEDED = frozenset({"serviceUrl", "value", "path", "urlTemplate", "method", "displayName", "keyVault"})
"""What a gateway cannot answer without."""
