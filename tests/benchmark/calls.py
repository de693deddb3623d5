"""Authenticated `tools/call` through the gateway, against the same server guarded by the official SDK's bearer middleware."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx
import psutil

from benchmark.processes import ENVIRONMENT, ready
from benchmark.starts import COMMAND
from benchmark.table import Row
from secure_mcp_local.testing import Application, Person

ROUNDS, CALLS = 10, 100
TOKEN = "a-token-that-both-sides-know"
MESSAGE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "hello"}},
}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


async def rows(root: Path) -> AsyncIterator[Row]:
    config = ["--config", "mcpRateLimit=1000000"]
    async with _server(TOKEN) as guarded, _server(None) as plain:
        command = [COMMAND, "local", "--port", "0", "--json", "--backend", plain, *config]
        with ready(command, cwd=root) as (line, _):
            urls = json.loads(line)
            key = (await Application(urls["gateway"]).tokens(Person()))["access_token"]
            for width in (1, 8):
                peer: list[float] = []
                bare: list[float] = []
                gateway: list[float] = []
                for _ in range(ROUNDS):
                    bare.append(await _rate(plain, None, width))
                    peer.append(await _rate(guarded, TOKEN, width))
                    gateway.append(await _rate(urls["mcp"], key, width))
                base = median(peer)
                kind = f"tools/call, {width} at once"
                yield Row(f"{kind}: server alone", f"{median(bare):.0f} a second", "", "")
                yield Row(f"{kind}: SDK's bearer middleware", f"{base:.0f} a second", "", "")
                ratio = f"{base / median(gateway):.2f} x the middleware's time"
                yield Row(f"{kind}: gateway", f"{median(gateway):.0f} a second", ratio, "")
            memory = sum(
                process.memory_info().rss / 1e6
                for process in psutil.Process().children()
                if "local" in process.cmdline()
            )
            yield Row("gateway's process after these calls", "", "", f"{memory:.0f} MB")


async def _rate(url: str, token: str | None, width: int) -> float:
    """Calls a second, `width` at a time."""
    headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:

        async def some(count: int) -> None:
            for _ in range(count):
                answer = await client.post(url, json=MESSAGE)
                if answer.status_code != 200 or answer.json()["result"]["content"][0]["text"] != "hello":
                    sys.exit(f"{url} answered {answer.status_code}: {answer.text}")

        await some(3)
        started = time.perf_counter()
        await asyncio.gather(*(some(CALLS // width) for _ in range(width)))
        return CALLS // width * width / (time.perf_counter() - started)


@asynccontextmanager
async def _server(token: str | None) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [str(Path(__file__).with_name("servers.py")), str(port), *([token] if token else [])]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=ENVIRONMENT)
    try:
        await _answers(port)
        yield f"http://localhost:{port}/mcp"
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
