"""How a process is started that keys pressed in our terminal are not for: who started it ends it, by closing its input."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any


def _apart() -> dict[str, Any]:
    if sys.platform == "win32":
        # Ctrl-C goes to every process of a console that has no group of its own.
        # https://learn.microsoft.com/windows/win32/procthread/process-creation-flags
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


APART = _apart()


def end(process: asyncio.subprocess.Process | subprocess.Popen[bytes]) -> None:
    """Ends one that was started so, if it still runs, and the processes that it has left behind."""
    with suppress(OSError):  # none is left
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
