"""Authenticated `tools/call` through the gateway, against the same server guarded by the official SDK's bearer middleware, in two ways."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from statistics import median
from typing import NamedTuple

import aiohttp

from benchmark.sides import HEADERS, Side, Sides
from benchmark.table import Row

ROUNDS, CALLS = 10, 100
_ASKS = "SDK's guard, which asks about the token"
_COMPARES = "SDK's guard, which compares two strings"
MESSAGE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "hello"}},
}


class Cost(NamedTuple):
    """Of one call, in milliseconds."""

    answered: float
    processor: float
    """Of the process that is called."""


async def rows(sides: Sides) -> AsyncIterator[Row]:
    for width in (1, 8):
        measured: dict[str, list[Cost]] = {each: [] for each in ("server alone", _COMPARES, _ASKS, "gateway")}
        # One after the other in each round, so that what else the machine does hits all alike.
        for _ in range(ROUNDS):
            for costs, side in zip(
                measured.values(), (sides.plain, sides.guarded, sides.asking, sides.gateway), strict=True
            ):
                costs.append(await _cost(side, width))
        middle = {
            name: Cost(median(cost.answered for cost in costs), median(cost.processor for cost in costs))
            for name, costs in measured.items()
        }
        for name, cost in middle.items():
            ratios = [
                f"{cost.answered / middle[peer].answered:.2f} x the time of {of}, {cost.processor / middle[peer].processor:.2f} x its processor time"
                for peer, of in ((_ASKS, "asking"), (_COMPARES, "comparing"))
            ]
            yield Row(
                f"tools/call, {width} at once: {name}",
                f"{1000 / cost.answered:.0f} a second, processor {cost.processor:.2f} ms each",
                "; ".join(ratios) if name == "gateway" else "",
                "",
            )
    memory = sides.gateway.process.memory_info().rss / 1e6
    yield Row("gateway's process after these calls", "", "", f"{memory:.0f} MB")


async def _cost(side: Side, width: int) -> Cost:
    """Of each of a hundred calls, `width` at a time."""
    async with aiohttp.ClientSession(headers=HEADERS | side.headers) as client:

        async def some(count: int) -> None:
            for _ in range(count):
                async with client.post(side.url, json=MESSAGE) as answer:
                    if answer.status != 200 or (await answer.json())["result"]["content"][0]["text"] != "hello":
                        sys.exit(f"{side.url} answered {answer.status}: {await answer.text()}")

        await some(3)
        started, busy = time.perf_counter(), side.processor
        await asyncio.gather(*(some(CALLS // width) for _ in range(width)))
        calls = CALLS // width * width / 1000
        return Cost((time.perf_counter() - started) / calls, (side.processor - busy) / calls)
