"""What the official conformance suite says about an MCP server is the same with and without the gateway in front of it."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from actors.everything import app, served
from actors.node_tools import run_signing_in
from apim_policies.listener import bind
from samples import CONFORMANCE
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


Results = dict[str, list[tuple[str, str]]]
# Skipped is what the suite cannot ask yet: notifications of tasks.
GOOD = {"SUCCESS", "INFO", "SKIPPED"}


async def results(url: str, home: Path, era: str) -> Results:
    """What each check of each scenario came to that a revision of the specification requires, or runs for its extensions."""
    home.mkdir()  # noqa: ASYNC240
    arguments = [
        "server",
        "--url",
        url,
        "--requirements",
        era,
        "--timeout",
        "8000",
        "--output-dir",
        str(home / "results"),
    ]
    await run_signing_in("conformance", arguments, Person(), home, "nothing to open", seconds=280)
    found: Results = {}
    for folder in (home / "results").iterdir():
        scenario = re.sub(r"-[0-9]{4}-[0-9]{2}-[0-9]{2}T.*", "", folder.name).removeprefix("server-")
        checks = json.loads((folder / "checks.json").read_text("utf-8"))
        found[scenario] = sorted((str(check["id"]), str(check["status"])) for check in checks)
    return found


def differences(direct: Results, through: Results) -> list[str]:
    """One line for each check that comes to something else through the gateway."""
    return [
        f"{scenario}: {check} is {status} {where}"
        for scenario in sorted(direct.keys() | through.keys())
        for where, some, others in (
            ("without the gateway only", direct.get(scenario, []), through.get(scenario, [])),
            ("through the gateway only", through.get(scenario, []), direct.get(scenario, [])),
        )
        for check, status in (Counter(some) - Counter(others)).elements()
    ]


@CONFORMANCE
@pytest.mark.timeout(300)
@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
async def test_B1_the_gateway_changes_no_result_of_the_conformance_suite(
    tmp_path: Path, era: str, record_property: Callable[[str, object], None]
) -> None:
    port, sockets = bind(0)
    for opened in sockets:
        opened.close()
    # The suite calls from a web page's origin once, which a server at this address accepts.
    config = {
        "mcpRateLimit": "100000",
        "allowedOrigins": json.dumps([f"http://localhost:{port}"]),
        "mcpProtocolVersions": json.dumps(["2026-07-28", "2025-11-25", "2025-06-18"]),
    }
    async with served(app()) as backend:
        direct = await results(backend + "/mcp", tmp_path / "direct", era)
        async with LocalCloud.open(ROOT, config=config, port=0, backend=backend + "/mcp") as cloud:
            key = (await Application(cloud.gateway_url).tokens(Person()))["access_token"]
            async with served(relay(cloud.gateway_url, key), port) as front:
                through = await results(front + "/mcp", tmp_path / "through", era)
    assert differences(direct, through) == []
    poor = [
        f"{name}: {check} is {status}"
        for name, checks in direct.items()
        for check, status in checks
        if status not in GOOD
    ]
    assert not poor, "the server itself is not what the suite asks for, so the comparison says less"
    assert len(direct) >= 33, direct
    # For docs/scorecard.md.
    record_property("checks", sum(map(len, through.values())))
