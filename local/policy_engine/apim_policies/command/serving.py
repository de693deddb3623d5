"""`apim-policies run`: policies on a port, with a page that shows each request policy by policy."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console as Terminal

from apim_policies.bench.mocks import Mocks, mock_of
from apim_policies.bench.policy_gateway import BenchIdentities
from apim_policies.bench.sources import load
from apim_policies.bench.tokens import TokenMint
from apim_policies.clock import Clock
from apim_policies.console.service import Console
from apim_policies.gateway import Gateway
from apim_policies.listener import Listener, bind
from apim_policies.pipeline.trace import Journal


async def serve(
    source: Path,
    port: int,
    named_values: Mapping[str, str],
    hosts: Mapping[str, str],
    started: asyncio.Event | None = None,
) -> None:
    """Serves until it is cancelled.

    Args:
        source: What `bench.load` takes.
        port: Of the gateway; the console gets the next one. 0: free ones.
        named_values: Values by name.
        hosts: Addresses of this machine by the host that they answer for; all others answer `{"mocked": true}`.
        started: Set when both can be reached.

    Raises:
        ExplainedError: the policies cannot be read, or a port is taken.
    """
    gateway_port, sockets = bind(port)
    console_port, console_sockets = bind(gateway_port + 1 if port else 0)
    url = f"http://localhost:{gateway_port}"
    clock, network, journal = Clock(), Mocks(), Journal(always=True)
    network.add(mock_of("*", status=200, json={"mocked": True}))
    TokenMint(network, clock)
    declaration = load(source, named_values=named_values, url=url)
    gateway = Gateway.of(declaration, network, clock, BenchIdentities(), journal=journal)
    for host, address in hosts.items():
        network.forward(host, address)
        network.passing.add(host)
    console = Console(journal, source.name, url, console_port)
    terminal = Terminal(soft_wrap=True, highlight=False)
    terminal.print(f"gateway  {url}\nconsole  http://localhost:{console_port}")
    for api in declaration.apis:
        terminal.print(f"  /{api.path}  {api.name} ({len(api.operations)} operations)", markup=False)
    async with Listener(gateway.app, sockets), Listener(console.app, console_sockets):
        if started is not None:
            started.set()
        try:
            await asyncio.Event().wait()
        finally:
            console.close()
