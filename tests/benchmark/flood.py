"""Registrations without end beside people at work: whether what strangers write disturbs those who are signed in.

python -m benchmark.flood [--seconds 60]: 60 registrations and 50 calls a second. Cosmos DB's request units are counted, with so few a second that the flood alone
spends more. Once as it is declared, registrations in a container of their own; once as if both were one, which shows that the measurement would notice.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from benchmark.table import Row, markdown
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
SERVER = "localhost:9"
REGISTRATIONS, CALLS, CLIENTS = 60, 50, 20
UNITS = 250.0
"""Request units a second for each container: 60 registrations need about 300, people at work a tenth of that."""
METADATA = {"client_name": "Flood", "redirect_uris": ["https://flood.example/cb"], "token_endpoint_auth_method": "none"}
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}


@dataclass
class Round:
    """What happened in one stretch of time."""

    seconds: float = 0
    calls: list[float] = field(default_factory=list[float])
    """Milliseconds of each."""
    statuses: Counter[str] = field(default_factory=Counter[str])

    @property
    def half(self) -> float:
        """Milliseconds in which half of the calls were answered."""
        return quantiles(self.calls, n=20)[9]

    @property
    def most(self) -> float:
        """Milliseconds in which 19 of 20 were."""
        return quantiles(self.calls, n=20)[18]

    def row(self, name: str, base: "Round | None") -> Row:
        served, failed = self.statuses["call 200"], sum(self.statuses.values()) - self.statuses["call 200"]
        failed -= sum(number for status, number in self.statuses.items() if status.startswith("register"))
        measured = (
            f"{served / self.seconds:.0f} calls a second, {failed} of {len(self.calls)} refused, half in {self.half:.0f} ms, "
            f"19 of 20 in {self.most:.0f} ms; registrations: {self.statuses['register 201']} made, {self.statuses['register 503']} refused"
        )
        ratio = f"{self.half / base.half:.1f} x, {self.most / base.most:.1f} x" if base else ""
        return Row(name, measured, ratio, "")


async def measure(cloud: LocalCloud, keys: list[str], seconds: float, *, flood: bool) -> Round:
    """Calls, and registrations beside them, each begun when it is due whatever became of those before."""
    told, running, began = Round(), set[asyncio.Task[None]](), time.monotonic()
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits, verify=False) as http:

        async def call(number: int) -> None:
            headers = {
                "Accept": "application/json, text/event-stream",
                "Authorization": f"Bearer {keys[number % len(keys)]}",
            }
            sent = time.monotonic()
            answer = await http.post(cloud.gateway_url + "/mcp", json=MESSAGE, headers=headers)
            told.calls.append((time.monotonic() - sent) * 1000)
            told.statuses[f"call {answer.status_code}"] += 1

        async def register(_: int) -> None:
            answer = await http.post(cloud.gateway_url + "/register", json=METADATA)
            told.statuses[f"register {answer.status_code}"] += 1

        async def pace(what: object, rate: int) -> None:
            for number in range(round(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                task = asyncio.create_task(what(number))  # type: ignore[operator]
                running.add(task)
                task.add_done_callback(running.discard)

        async def forget() -> None:
            # The cache of API Management may forget at any time: then calls need the store.
            while True:
                await asyncio.sleep(5)
                cloud.gateway.cache.clear()

        forgetting = asyncio.create_task(forget())
        await asyncio.gather(pace(call, CALLS), *([pace(register, REGISTRATIONS)] if flood else []))
        await asyncio.gather(*running)
        forgetting.cancel()
    told.seconds = time.monotonic() - began
    return told


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})(scope, receive, send)


async def rows(seconds: float) -> list[Row]:
    """Calm, flood, and flood in one container."""
    config = {"signInRateLimit": "1000000", "mcpRateLimit": "1000000"}
    async with LocalCloud.open(ROOT, config=config, port=0, backend=f"http://{SERVER}/mcp") as cloud:
        cloud.network.serve(SERVER, server, kind="functions")
        keys = [(await Application(cloud.gateway_url).tokens(Person()))["access_token"] for _ in range(CLIENTS)]
        sessions, registrations = (
            next(container for container in cloud.cosmos.containers if container.name == name)
            for name in ("sessions", "registrations")
        )
        sessions.throughput.limit = registrations.throughput.limit = UNITS
        calm = await measure(cloud, keys, seconds / 3, flood=False)
        print("calm measured", file=sys.stderr)
        flood = await measure(cloud, keys, seconds, flood=True)
        print("flood measured", file=sys.stderr)
        throttled = f"{registrations.throughput.refused} and {sessions.throughput.refused}"
        registrations.throughput = sessions.throughput
        shared = await measure(cloud, keys, seconds / 3, flood=True)
    return [
        calm.row("calls alone", None),
        flood.row("beside a flood of registrations", calm),
        Row("requests throttled then, of registrations and of sessions", throttled, "", ""),
        shared.row("the same, if both shared one container", calm),
    ]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    print(markdown(asyncio.run(rows(options.parse_args().seconds))))


if __name__ == "__main__":
    main()
