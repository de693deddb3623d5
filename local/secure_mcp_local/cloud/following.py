"""Following what is deployed while the local cloud runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.stand_ins.store import Store

_INTERVAL = 0.5
"""Seconds between two looks at what is deployed."""


async def follow(state: Path, take: Callable[[], Awaitable[None]], progress: Callable[[str], None]) -> None:
    """Takes what is deployed, whenever that has changed and a deployment is not writing any more. Never ends by itself.

    Args:
        state: Folder of the store.
        take: Serves what is deployed. Raises ExplainedError if it cannot be served.
        progress: Told what happened.
    """
    store = Store(state)
    served = seen = store.version()
    while True:
        await asyncio.sleep(_INTERVAL)
        now = store.version()
        if now != seen:
            seen = now
        elif now != served:
            served = now
            try:
                await take()
            except ExplainedError as error:
                progress(f"The deployed change cannot be served, the gateway stays as it was: {error}")
                continue
            progress("The gateway has what was deployed")
