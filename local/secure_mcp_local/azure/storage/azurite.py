"""Azurite, Microsoft's emulator of Azure Storage, as a process of its own on free loopback ports."""

import asyncio
import base64
import os
import re
import secrets
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import httpx

from secure_mcp_local.apart import APART
from secure_mcp_local.azure.storage.installation import install
from secure_mcp_local.azure.storage.node import node
from secure_mcp_local.errors import LocalCloudError

_START = 60
"""Seconds until it must listen: generous, for a busy machine with cold disks."""
_STOP = 5
_LISTENING = re.compile(r"Azurite (Blob|Queue) service is successfully listening at (http://\S+)")
# It loads its parts, which takes most of its start, before it needs to know the accounts: those are the first line of its standard input.
# It ends with us, however we end: our end of its standard input closes. What it writes to disk is written by then.
_MAIN = """
const load = require("node:module").createRequire(process.env.SECURE_MCP_AZURITE);
for (const part of ["./common/Environment", "./blob/BlobServerFactory", "./queue/QueueServer", "./table/TableServer"])
    try { load(part); } catch { /* It is loaded below, and then says why not. */ }
let accounts = "", begun = false;
const end = () => {
    if (!begun) process.exit();
    setTimeout(() => process.exit(), 4000).unref();
    process.emit("SIGTERM");
};
process.stdin.setEncoding("utf8").on("end", end).on("error", end).on("data", more => {
    accounts += more;
    if (begun || !accounts.endsWith("\\n")) return;
    begun = true;
    process.env.AZURITE_ACCOUNTS = accounts.trim();
    load(process.env.SECURE_MCP_AZURITE);
});
"""


class Azurite:
    """Storage accounts with shared keys; use as an asynchronous context manager.

    It knows nothing of Entra ID: `BlobStorage` stands in front of it, and nobody else has the keys.
    """

    blob_url: str
    queue_url: str
    client: httpx.AsyncClient

    def __init__(self, folder: Path | None = None, accounts: Collection[str] = ()) -> None:
        """Nothing runs yet.

        Args:
            folder: Where to keep the data; none: in memory.
            accounts: Names of the accounts.
        """
        self._folder = folder
        self.keys: dict[str, str] = {}
        """Account keys by account name, made for this run."""
        self.add(accounts)
        self._process: asyncio.subprocess.Process | None = None
        self._serving = False
        """Whether it has been told its accounts."""
        self._output: deque[str] = deque(maxlen=20)
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Azurite":
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def add(self, accounts: Collection[str]) -> None:
        """More accounts, before it is started."""
        self.keys |= {name: _key() for name in accounts}

    async def load(self) -> None:
        """Starts its process, installing it first if need be. The accounts need not be known yet.

        Raises:
            LocalCloudError: it cannot be installed.
        """
        main = await asyncio.to_thread(install)
        program = await asyncio.to_thread(node)
        persistence = ["--inMemoryPersistence"] if self._folder is None else ["--location", str(self._folder)]
        services = [f"--{service}{option}" for service in ("blob", "queue", "table") for option in ("Host", "Port")]
        places = [part for option in services for part in (option, "127.0.0.1" if option.endswith("Host") else "0")]
        self._process = await asyncio.create_subprocess_exec(
            program,
            *("-e", _MAIN, "azurite", *places, *persistence),
            *("--silent", "--skipApiVersionCheck", "--disableTelemetry", "--disableProductStyleUrl"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Nothing of an Azurite that somebody has set up for other work, such as its database.
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("AZURITE_")},
                "SECURE_MCP_AZURITE": str(main),
                "NODE_COMPILE_CACHE": str(main.parent / ".compiled"),
            },
            # Ctrl-C in a terminal is for us; we end it when nobody uses it any more.
            **APART,
        )
        # It speaks no TLS, and to read the machine's certificates takes longer than to ask it.
        self.client = httpx.AsyncClient(trust_env=False, timeout=60, verify=False)  # noqa: S501

    async def start(self) -> None:
        """Starts it with its accounts, loading it first unless that is done; returns when it listens.

        Raises:
            LocalCloudError: it cannot be installed or does not start.
        """
        if self._process is None:
            await self.load()
        assert self._process is not None
        assert self._process.stdin is not None
        # An empty list would mean its own well-known account.
        accounts = self.keys or {"none": _key()}
        self._serving = True
        self._process.stdin.write(";".join(f"{name}:{key}" for name, key in accounts.items()).encode() + b"\n")
        assert self._process.stdout is not None
        urls: dict[str, str] = {}
        try:
            async with asyncio.timeout(_START):
                while len(urls) < 2:
                    line = await self._process.stdout.readline()
                    if not line:
                        raise LocalCloudError("Azurite does not start:\n" + "\n".join(self._output))
                    self._output.append(line.decode(errors="replace").rstrip())
                    if found := _LISTENING.search(self._output[-1]):
                        urls[found[1]] = found[2]
        except TimeoutError:
            raise LocalCloudError(f"Azurite does not listen after {_START} s:\n" + "\n".join(self._output)) from None
        self.blob_url, self.queue_url = urls["Blob"], urls["Queue"]
        self._reader = asyncio.create_task(self._drain(self._process.stdout))

    async def stop(self) -> None:
        """Ends it; nothing to do if it does not run."""
        if self._process is None:
            return
        process, self._process = self._process, None
        await self.client.aclose()
        assert process.stdin is not None
        process.stdin.close()
        if not self._serving:
            # It may still be loading for a while, and has nothing to write down.
            with suppress(ProcessLookupError):
                process.kill()
        try:
            async with asyncio.timeout(_STOP):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None

    @staticmethod
    async def _drain(output: asyncio.StreamReader) -> None:
        """Reads what it says, so that it never blocks."""
        # Not by lines: a reader has a limit for them.
        while await output.read(65536):
            pass


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
