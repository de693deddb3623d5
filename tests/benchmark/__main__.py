"""Prints one table. Nothing is asserted: a machine that is busy is slow, and ratios are what counts."""

import asyncio
import platform
import sys
from pathlib import Path

import psutil

from benchmark import calls, edits, expressions, messages, starts
from benchmark.sides import opened
from benchmark.table import Row, markdown

ROOT = Path(__file__).parents[2]


async def main() -> None:
    print(f"Python {platform.python_version()}, {psutil.cpu_count()} cores; takes about five minutes", file=sys.stderr)
    rows: list[Row] = list(expressions.rows())
    print("expressions measured", file=sys.stderr)
    rows += list(await asyncio.to_thread(lambda: list(starts.rows(ROOT))))
    print("starts measured", file=sys.stderr)
    async with opened(ROOT) as sides:
        rows += [row async for row in calls.rows(sides)]
        print("calls measured", file=sys.stderr)
        rows += [row async for row in messages.rows(sides)]
        print("large messages measured", file=sys.stderr)
    rows += [row async for row in edits.rows(ROOT)]
    print(markdown(rows))


asyncio.run(main())
