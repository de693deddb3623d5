"""What the official conformance suite says about an MCP server is the same with and without the gateway in front of it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from actors.everything import served, server
from actors.node_tools import run_signing_in
from apim_policies.listener import bind
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]


def relay(gateway_url: str, key: str) -> Starlette:
    """Adds the session key, which the suite cannot send, and changes nothing else."""
    client = httpx.AsyncClient(base_url=gateway_url, trust_env=False, timeout=None)

    async def forward(request: Request) -> StreamingResponse:
        headers = [(k, v) for k, v in request.headers.items() if k not in {"host", "connection"}]
        outgoing = client.build_request(
            request.method, request.url.path, headers=[*headers, ("Authorization", f"Bearer {key}")],
            content=await request.body(),
        )  # fmt: skip
        answer = await client.send(outgoing, stream=True)

        async def content() -> AsyncIterator[bytes]:
            async for chunk in answer.aiter_raw():
                yield chunk

        kept = {k: v for k, v in answer.headers.items() if k not in {"transfer-encoding", "connection", "date"}}
        return StreamingResponse(content(), answer.status_code, kept, background=BackgroundTask(answer.aclose))

    return Starlette(routes=[Route("/mcp", forward, methods=["GET", "POST", "DELETE"])])


async def results(url: str, home: Path) -> dict[str, tuple[int, int]]:
    """Passed and failed checks of each scenario."""
    arguments = ["server", "--url", url, "--spec-version", "2025-11-25", "--timeout", "8000"]
    _, output = await run_signing_in("conformance", arguments, Person(), home, "nothing to open", seconds=280)
    summary = output[output.index("=== SUMMARY ===") :]
    rows = re.findall(r"[✓✗] ([\w-]+): (\d+) passed, (\d+) failed", summary)
    return {name: (int(passed), int(failed)) for name, passed, failed in rows}


async def test_the_gateway_changes_no_result_of_the_conformance_suite(tmp_path: Path) -> None:
    port, sockets = bind(0)
    for opened in sockets:
        opened.close()
    # The suite calls from a web page's origin once, which a server at this address accepts.
    config = {"mcpRateLimit": "100000", "allowedOrigins": json.dumps([f"http://localhost:{port}"])}
    async with served(server().streamable_http_app()) as backend:
        direct = await results(backend + "/mcp", tmp_path)
        async with LocalCloud.open(ROOT, config=config, port=0, backend=backend + "/mcp") as cloud:
            key = (await Application(cloud.gateway_url).tokens(Person()))["access_token"]
            async with served(relay(cloud.gateway_url, key), port) as front:
                through = await results(front + "/mcp", tmp_path)
    assert sum(failed == 0 for _, failed in direct.values()) >= 15, direct
    assert through == direct
