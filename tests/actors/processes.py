"""Commands that run until somebody ends them."""

import asyncio
import os
import signal


async def interrupted(process: asyncio.subprocess.Process) -> None:
    """Ends a command as Ctrl-C does, which is the normal way. On Windows only a terminal can do that: there it is ended."""
    if os.name == "nt":
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
        return
    process.send_signal(signal.SIGINT)
    try:
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
