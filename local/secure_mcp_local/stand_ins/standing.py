"""What stands in for Azure while `pulumi` runs: the provider plugins, and what the program itself calls."""

import asyncio
import threading
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from secure_mcp.azure.propagation import WAIT
from secure_mcp_local.azure.deployer import Deployer
from secure_mcp_local.azure.functions.publishing import Apps
from secure_mcp_local.stand_ins import faults, plugins
from secure_mcp_local.stand_ins.publishing import DeployedApps
from secure_mcp_local.stand_ins.store import Store

_ROLE_WAIT = "0.1"
"""Seconds until a role is in force: here it is at once, unless a fault makes it late, and then at the next try."""


@contextmanager
def standing(
    store: Path, gateway_url: str | None, rules: str, base: Mapping[str, str], accepted: Collection[str] = ()
) -> Generator[dict[str, str]]:
    """The environment variables under which `pulumi` uses the stand-ins, which run as long as the block lasts.

    Args:
        store: Folder for the resources; made if it is not there.
        gateway_url: Address that the deployed gateway will be served at, or none.
        rules: Faults, as `faults.parsed` reads them.
        base: Environment to start from.
        accepted: Types that are not modelled, may decide who gets in, and are passed by all the same.

    Raises:
        LocalCloudError: a wrong fault, or the folder cannot be written to.
    """
    environment = plugins.environment(store, gateway_url, rules, base, accepted)
    apps = DeployedApps(Store(store.resolve()), faults.parsed(rules))
    with _deploying(apps, environment) as deployer:
        # Lower-case names would win over these, and gRPC would send the engine's own calls through them.
        kept = {name: value for name, value in environment.items() if name.lower() not in {"https_proxy", "no_proxy"}}
        yield {WAIT: _ROLE_WAIT, **kept, **deployer}


@contextmanager
def _deploying(apps: Apps, base: Mapping[str, str]) -> Generator[dict[str, str]]:
    """The environment of a `Deployer`, in a thread of its own."""
    ready = threading.Event()
    failure: list[BaseException] = []
    given: dict[str, str] = {}
    end: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with Deployer(apps, base) as deployer:
            given.update(deployer.environment)
            over = asyncio.Event()
            end.append((asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="stand-ins", daemon=True)
    thread.start()
    ready.wait()
    if failure:
        raise failure[0]
    try:
        yield given
    finally:
        [(loop, over)] = end
        loop.call_soon_threadsafe(over.set)
        thread.join()
