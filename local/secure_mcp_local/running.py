"""What runs for as long as a block lasts, and leaves nothing when it cannot start."""

from contextlib import AsyncExitStack
from typing import Self


class Running:
    """Use as an asynchronous context manager. A class says in `_start` what it runs, and hands each part to `_resources`."""

    def __init__(self) -> None:
        self._resources = AsyncExitStack()
        """What ends with the block, the last one first."""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._resources.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    async def _start(self) -> None:
        raise NotImplementedError
