from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from secure_mcp_local.cloud import LocalCloud

ROOT = Path(__file__).parents[2]

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


@pytest.fixture
def cloud_with() -> CloudWith:
    """A cloud of its own with other configuration, for as long as the block lasts."""

    @asynccontextmanager
    async def start(**config: str) -> AsyncIterator[LocalCloud]:
        limits = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}
        async with LocalCloud.open(ROOT, stack="dev", config=limits | config, port=0) as cloud:
            yield cloud

    return start
