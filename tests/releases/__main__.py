"""Writes what the library has now, under its contract version."""

import asyncio
import tempfile
from pathlib import Path

from actors.projects import project
from releases import PROGRAM, folder, write
from releases.stored import STORED, Stored, served
from secure_mcp.reference import CONTRACT


async def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        async with served(project(Path(made), "release", PROGRAM)) as cloud:
            write(cloud.recording)
            (await Stored.made(cloud)).write(folder(CONTRACT) / STORED, cloud)


asyncio.run(main())
