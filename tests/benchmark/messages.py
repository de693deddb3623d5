"""Messages of 2 MiB, of the shapes that cost the gateway most (M34), against the SDK's guarded server and against Python's own reader of JSON."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from statistics import median
from typing import NamedTuple

import aiohttp

from actors.large_messages import PASS, REFUSED
from benchmark.sides import HEADERS, Side, Sides
from benchmark.table import Row

ROUNDS, WORST = 3, 4
"""How often the worst shapes are sent, and how many of those that pass, and of those that are refused, are told of."""


class Cost(NamedTuple):
    """Of one message, in seconds."""

    answered: float
    """Until the gateway's answer is there."""
    gateway: float
    """Of processor time, as what follows."""
    peer: float
    """The SDK's guarded server."""
    reader: float
    """`json.loads`."""


async def rows(sides: Sides) -> AsyncIterator[Row]:
    # A connection for each: servers close one that is idle for seconds, which a slow peer makes it.
    alone = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=alone, headers=HEADERS | {"Content-Type": "application/json"}) as client:
        for kind, bodies in (("answered", PASS), ("refused", REFUSED)):
            once = {shape: (await _cost(client, sides, body.encode())).gateway for shape, body in bodies.items()}
            for shape in sorted(once, key=lambda shape: -once[shape])[:WORST]:
                costs = [await _cost(client, sides, bodies[shape].encode()) for _ in range(ROUNDS)]
                cost = Cost(*(median(each) for each in zip(*costs, strict=True)))
                # Of a process a hundredth of a second is the least that is told.
                peer = cost.gateway / max(cost.peer, 0.01)
                yield Row(
                    f"2 MiB of {shape}: {kind}",
                    f"after {cost.answered:.2f} s, processor {cost.gateway:.2f} s",
                    f"{peer:.1f} x the middleware's, {cost.gateway / cost.reader:.1f} x json.loads",
                    "",
                )


async def _cost(client: aiohttp.ClientSession, sides: Sides, body: bytes) -> Cost:
    started = time.perf_counter()
    gateway = await _sent(client, sides.gateway, body)
    answered = time.perf_counter() - started
    peer = await _sent(client, sides.guarded, body)
    busy = time.process_time()
    with suppress(ValueError, RecursionError):
        json.loads(body)
    return Cost(answered, gateway, peer, time.process_time() - busy)


async def _sent(client: aiohttp.ClientSession, side: Side, body: bytes) -> float:
    """Seconds of processor time that a message takes the process it is sent to."""
    busy = side.processor
    async with client.post(side.url, data=body, headers=side.headers) as answer:
        await answer.read()
    return side.processor - busy
