"""Deployed function apps, whose code is kept with them: nothing runs it but for a look at its functions."""

import asyncio
import io
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secure_mcp_local.azure.functions.code import Code
from secure_mcp_local.azure.functions.process import Worker, machine
from secure_mcp_local.azure.functions.site import mapping
from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.stand_ins import faults
from secure_mcp_local.stand_ins.deployed import everything
from secure_mcp_local.stand_ins.store import Store


class DeployedApps:
    """Those in a store, of whatever stack.

    Args:
        store: What is deployed; packages are kept in it.
        rules: Faults; those of the operation `publish` count.
    """

    def __init__(self, store: Store, rules: tuple[faults.Rule, ...]) -> None:
        self._store, self._rules = store, rules

    def recording(self) -> Recording:
        return everything(self._store)

    def functions(self, site: Resource) -> list[str]:
        return self._store.functions(site.id)

    async def publish(self, site: Resource, content: bytes) -> None:
        self._store.publish(site.id, content, await _indexed(site, content))

    def fault(self, kind: str, site: Resource) -> bool:
        return any(rule.kind == kind and rule.meets("publish", site.urn) for rule in self._rules)


async def _indexed(site: Resource, content: bytes) -> list[str]:
    """The names of the functions that a worker finds in a package. Where the code cannot be loaded there are none, and whoever runs
    the stand-ins is told.
    """
    with tempfile.TemporaryDirectory(prefix="secure-mcp-package-") as folder:
        await asyncio.to_thread(_unpack, content, Path(folder))
        worker = Worker(Code(Path(folder)), {**machine(), "LANG": "C.UTF-8", **_environment(site)})
        try:
            return sorted(str(function["name"]) for function in await worker.start())
        except ExplainedError as error:
            print(f"stand-ins: {site.name} has no functions: {error}", file=sys.stderr, flush=True)
            return []
        finally:
            await worker.stop()


def _unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # Compiled for the app's platform, they do not load here: this environment has them.
        names = [name for name in archive.namelist() if not name.startswith(".python_packages/")]
        archive.extractall(folder, names)


def _environment(site: Resource) -> Mapping[str, str]:
    entries: Any = mapping(site.get("siteConfig")).get("appSettings") or []
    return {str(entry["name"]): str(entry.get("value", "")) for entry in map(mapping, entries)}
