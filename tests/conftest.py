from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.application import Application
from actors.person import Person
from secure_mcp_local.cloud import LocalCloud

ROOT = Path(__file__).parents[1]

# A suite signs in more often in a minute than any person; the limits have tests of their own.
UNLIMITED = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}


@pytest.fixture(scope="session")
async def cloud() -> AsyncIterator[LocalCloud]:
    """The dev stack, running on free ports, shared by all tests that leave it as they found it."""
    async with LocalCloud.open(ROOT, stack="dev", config=UNLIMITED, port=0) as running:
        # A fault of a minute lasts a second.
        running.network.faults.time_scale = 0.02
        yield running


@pytest.fixture
def application(cloud: LocalCloud) -> Application:
    return Application(cloud.gateway_url)


@pytest.fixture
def alice() -> Person:
    return Person("alice")


@pytest.fixture
def bob() -> Person:
    return Person("bob")
