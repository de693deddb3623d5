"""python -m soak [--refreshes 2000] [--calls 20000] [--seed 1]: lives through weeks and prints the counts; what is not as it should be ends it."""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from actors.platform import deployed
from soak.life import Life


async def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--refreshes", type=int, default=2000)
    options.add_argument("--calls", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with deployed(Path(folder)) as platform:
            life = Life(platform, asked.seed)
            try:
                await life.live(asked.refreshes, asked.calls)
            except BaseException:
                print(f"step {life.steps} of seed {life.seed}, day {life.days:.1f}; faults {life.faults[-3:]}")
                raise
    for what, value in life.told().items():
        print(f"{what:<60} {value}")
    print(f"{'minutes':<60} {(time.monotonic() - began) / 60:.1f}")


asyncio.run(main())
