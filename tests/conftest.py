from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application

pytest_plugins = ["selection"]

ROOT = Path(__file__).parents[1]

# A suite signs in more often in a minute than any person; the limits have tests of their own.
UNLIMITED = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}


@pytest.fixture(scope="session")
def local_cloud_options() -> dict[str, Any]:
    return {"root": ROOT, "stack": "dev", "config": UNLIMITED, "port": 0}


@pytest.fixture(scope="session")
async def cloud(local_cloud: LocalCloud) -> LocalCloud:
    """The dev stack, running on free ports, shared by all tests that leave it as they found it."""
    return local_cloud


@pytest.fixture
def application(cloud: LocalCloud) -> Application:
    return Application(cloud.gateway_url)
