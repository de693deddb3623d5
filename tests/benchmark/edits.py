"""How long after an edit the next request sees it: nobody else there, beside clients that call all the time, and beside a busy core."""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from statistics import median

import httpx

from benchmark.processes import ready
from benchmark.starts import COMMAND
from benchmark.table import Row
from secure_mcp_local.testing import Application, Person

ROUNDS, CLIENTS = 5, 8
_CODE, _POLICY, _PROGRAM = "function_app/function_app.py", "policies/mcp/api.xml", "infra/__main__.py"
_HEADER = '<outbound>\n        <set-header name="X-Edited" exists-action="override"><value>%s</value></set-header>'


async def rows(root: Path) -> AsyncIterator[Row]:
    """Of this project's own copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("infra", "policies", "function_app"):
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
            shutil.copy(root / name, copy / name)
        command = [COMMAND, "local", "--port", "0", "--json", "--config", "mcpRateLimit=1000000"]
        with ready(command, cwd=copy) as (line, _, _):
            urls = json.loads(line)
            application = Application(urls["gateway"])
            key = (await application.tokens(Person()))["access_token"]

            async def greeting() -> str:
                return (await application.call(key, "tools/call", {"name": "hello_mcp"})).text

            async def header() -> str:
                return (await application.call(key, "ping")).headers.get("x-edited", "")

            async def title() -> str:
                return (await application.send("GET", "/.well-known/oauth-protected-resource/mcp")).text

            edits: dict[str, tuple[str, str, str, Callable[[], Awaitable[str]]]] = {
                "a tool's code": (_CODE, 'return f"Hello, ', 'return f"Edit {} of Hello, ', greeting),
                "a policy": (_POLICY, "<outbound>", _HEADER.replace("%s", "Edit {} of"), header),
                "the program": (
                    _PROGRAM,
                    '("mcp", args)',
                    '("mcp", replace(args, display_name="Edit {} of it"))',
                    title,
                ),
            }
            besides: dict[str, Callable[[], AbstractAsyncContextManager[None]]] = {
                "": _nobody,
                f", beside {CLIENTS} busy clients": lambda: _calling(urls["mcp"], key),
                ", beside a busy core": _burning,
            }
            number = 0
            for name, (file, before, after, seen) in edits.items():
                text = (copy / file).read_text()
                for beside, company in besides.items():
                    times: list[float] = []
                    async with company():
                        for _ in range(ROUNDS):
                            number += 1
                            edited = text.replace(before, after.format(number), 1)
                            times.append(await _seen(copy / file, edited, f"Edit {number} of", seen))
                    yield Row(
                        f"edit of {name}{beside}: served", f"{median(times):.2f} s", f"at most {max(times):.2f} s", ""
                    )


async def _seen(file: Path, text: str, mark: str, seen: Callable[[], Awaitable[str]]) -> float:
    """Seconds from an edit to the first answer that shows it."""
    other = file.with_name(f"{file.name}~")
    other.write_text(text)
    started = time.perf_counter()
    other.replace(file)
    while mark not in await seen():
        if time.perf_counter() - started > 120:
            raise SystemExit(f"an edit of {file} was not served")
        await asyncio.sleep(0.01)
    return time.perf_counter() - started


@asynccontextmanager
async def _calling(url: str, key: str) -> AsyncIterator[None]:
    """Clients that call again as soon as they are answered."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}

    async def call(client: httpx.AsyncClient) -> None:
        while True:
            await client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
        tasks = [asyncio.create_task(call(client)) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _nobody() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _burning() -> AsyncIterator[None]:
    """A process that leaves a core to nobody else."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        yield
    finally:
        process.kill()
        await process.wait()
