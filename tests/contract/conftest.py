from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

import samples
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording, record

ROOT = Path(__file__).parents[2]

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


RACES = pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(range(start, start + 20), id=f"{start}-{start + 19}", marks=samples.RACES)
        for start in range(0, 200, 20)
    ],
)
"""Two hundred rounds of a race, some at a time."""
STAND_IN = "localhost:9"


async def stand_in(scope: Scope, receive: Receive, send: Send) -> None:
    """An MCP server that says yes to everything, where a test is not about the server."""
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


@pytest.fixture(scope="session")
def declared() -> Recording:
    """What the dev stack declares."""
    return record(ROOT, "dev")


@pytest.fixture(scope="session")
def cloud_with() -> CloudWith:
    """A cloud of its own with other configuration and a server that says yes, for as long as the block lasts."""

    @asynccontextmanager
    async def start(**config: str) -> AsyncIterator[LocalCloud]:
        limits = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}
        backend = f"http://{STAND_IN}/mcp"
        async with LocalCloud.open(ROOT, stack="dev", config=limits | config, port=0, backend=backend) as cloud:
            cloud.network.serve(STAND_IN, stand_in, kind="functions")
            yield cloud

    return start
