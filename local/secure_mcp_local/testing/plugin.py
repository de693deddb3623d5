"""The pytest plugin: fixtures around a local cloud. What they need is imported when a test asks for them."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from apim_policies.clock import Clock
    from secure_mcp_local.cloud import LocalCloud
    from secure_mcp_local.testing import Application, Person

try:
    from pytest_asyncio import fixture as asynchronous
except ImportError:  # Without it everything else of pytest still works.
    asynchronous = None


@pytest.fixture(scope="session")
def local_cloud_options(pytestconfig: pytest.Config) -> dict[str, Any]:
    """Arguments of `LocalCloud.open`: override it in conftest.py. Default: the nearest project upwards, stack dev, free ports."""
    here = pytestconfig.rootpath
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return {"root": folder, "port": 0}
    raise pytest.UsageError(
        f"there is no Pulumi.yaml in {here} or above it; override the fixture local_cloud_options: "
        'return {"root": Path(...), "port": 0}'
    )


if asynchronous is not None:

    @asynchronous(scope="session", loop_scope="session")
    async def local_cloud(local_cloud_options: dict[str, Any]) -> "AsyncIterator[LocalCloud]":
        """The stack, running: one local cloud for all tests that leave it as they found it."""
        from secure_mcp_local.cloud import LocalCloud  # noqa: PLC0415

        options: dict[str, Any] = {"port": 0, **local_cloud_options}
        async with LocalCloud.open(**options) as cloud:
            # A fault of a minute lasts a second.
            cloud.network.faults.time_scale = 0.02
            yield cloud

else:

    @pytest.fixture(scope="session", name="local_cloud")
    def no_local_cloud() -> None:
        """Cannot be had without pytest-asyncio."""
        pytest.fail("the fixture local_cloud needs pytest-asyncio: pip install pytest-asyncio")


@pytest.fixture
def local_client(local_cloud: "LocalCloud") -> "Callable[..., Application]":
    """Makes a client of a server: `local_client("mcp")` by the id of its API, or of the only one that there is."""
    from secure_mcp_local.testing import Application  # noqa: PLC0415

    def make(server: str | None = None, **fields: Any) -> Application:
        servers = local_cloud.servers
        if server is None and len(servers) != 1:
            pytest.fail(f"name one of the servers: {', '.join(servers) or 'the stack has none'}")
        name = next(iter(servers)) if server is None else server
        if name not in servers:
            pytest.fail(f"there is no server {name!r}; there are: {', '.join(servers)}")
        url = servers[name]
        gateway = next(address for address in local_cloud.gateway_urls if url.startswith(f"{address}/"))
        return Application(gateway, path=url.removeprefix(gateway), **fields)

    return make


@pytest.fixture
def alice() -> "Person":
    """An employee, in every group that the stack assigns."""
    return _person("alice")


@pytest.fixture
def bob() -> "Person":
    """Another one."""
    return _person("bob")


@pytest.fixture
def mallory() -> "Person":
    """Somebody of the tenant who is in no group."""
    return _person("mallory")


@pytest.fixture
def local_clock(local_cloud: "LocalCloud") -> "Clock":
    """The clock of everything in the local cloud: `advance(seconds)`. It never runs backwards."""
    return local_cloud.clock


@pytest.fixture
def local_faults(local_cloud: "LocalCloud") -> Iterator[Any]:
    """The faults that are on, such as `add("entra-down")`; those that were not on before are off after the test."""
    active = local_cloud.network.faults.active
    before = set(active)
    yield active
    for name in set(active) - before:
        active.discard(name)


def _person(name: str) -> "Person":
    from secure_mcp_local.testing import Person  # noqa: PLC0415

    return Person(name)
