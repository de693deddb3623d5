"""What is compared: an MCP server alone, the same guarded by the official SDK in two ways, and the same behind the gateway, each in a process of its own."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmark.processes import ENVIRONMENT, processor, ready
from benchmark.starts import COMMAND
from secure_mcp_local.testing import Application, Person

TOKEN = "a-token-that-both-sides-know"
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


@dataclass(frozen=True)
class Side:
    """A server that can be called."""

    url: str
    process: psutil.Process
    key: str = ""
    """What opens it; empty: it is open."""
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {"Authorization": f"Bearer {self.key}"} if self.key else {})

    @property
    def processor(self) -> float:
        """Seconds of processor time that its process has taken."""
        return processor(self.process)


@dataclass(frozen=True)
class Sides:
    plain: Side
    guarded: Side
    """A key is compared."""
    asking: Side
    """The authorization server is asked about a key."""
    gateway: Side
    """In front of the plain one."""


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[Sides]:
    """All three, as long as the block lasts."""
    async with (
        _server(TOKEN) as guarded,
        _server("") as plain,
        _server(TOKEN, "--authorization") as authorization,
        _server(TOKEN, authorization.url.replace("/mcp", "/introspect")) as asking,
    ):
        config = ["--config", "mcpRateLimit=1000000"]
        command = [COMMAND, "local", "--port", "0", "--json", "--backend", plain.url, *config]
        with ready(command, cwd=root) as (line, _, process):
            urls = json.loads(line)
            key = (await Application(urls["gateway"]).tokens(Person()))["access_token"]
            yield Sides(plain, guarded, asking, Side(urls["mcp"], process, key))


@asynccontextmanager
async def _server(token: str, other: str = "") -> AsyncIterator[Side]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        str(Path(__file__).with_name("servers.py")),
        str(port),
        *([token] if token else []),
        *([other] if other else []),
    ]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=ENVIRONMENT)
    try:
        await _answers(port)
        yield Side(f"http://localhost:{port}/mcp", psutil.Process(process.pid), token)
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("localhost", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    sys.exit(f"the server on port {port} did not start")
