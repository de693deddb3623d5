"""A terminal in which a command serves, as somebody who sits before it sees it."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from apim_policies.errors import ExplainedError
from apim_policies.listener import bind

PATIENCE = 120.0
"""Seconds that a machine with other work may take until a terminal says something."""


def environment() -> dict[str, str]:
    """Of somebody who has installed what the tests run with, and runs no tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
    return own | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


@dataclass
class Terminal:
    """What serves, and what it has printed."""

    process: subprocess.Popen[str]
    printed: str = ""
    seen: int = 0
    """How much of it has been read."""
    _listening: Thread = field(init=False)

    def __post_init__(self) -> None:
        self._listening = Thread(target=self._listen, daemon=True)
        self._listening.start()

    @classmethod
    def opened(cls, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> "Terminal":
        process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return cls(process)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line

    def says(self, text: str) -> str:
        """Waits until lines are printed, after those that have been read; what was printed up to their end."""
        end = time.monotonic() + PATIENCE
        while (found := shown(text, self.printed[self.seen :])) is None:
            assert time.monotonic() < end, f"the terminal does not say:\n{text}\nIt said:\n{self.printed}"
            assert self.process.poll() is None, f"it ended:\n{self.printed}"
            time.sleep(0.1)
        said = self.printed[self.seen : self.seen + found]
        self.seen += found
        return said

    def leave(self) -> None:
        """Ctrl-C, which ends it well."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.printed
        self._listening.join(10)

    def kill(self) -> None:
        """Whatever it does."""
        with suppress(ProcessLookupError):
            self.process.kill()


@contextmanager
def serving(command: Sequence[str], folder: Path) -> Iterator[Terminal]:
    """A terminal as long as the block lasts, which ends with Ctrl-C."""
    terminal = Terminal.opened(command, folder, environment())
    try:
        yield terminal
        terminal.leave()
    finally:
        terminal.kill()


def shown(text: str, printed: str) -> int | None:
    """Where the last of some lines ends in what is printed; None if one is missing or they are in another order.

    `…` is anything within a line.
    """
    end = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        found = re.compile(".*".join(map(re.escape, line.split("…")))).search(printed, end)
        if found is None:
            return None
        end = found.end()
    return end


def port() -> int:
    """Of a gateway, with two free ones after it: below those that systems hand out, or another test's connection has it when the gateway starts once more."""
    for _ in range(50):
        first = 20_000 + 3 * secrets.randbelow(4_000)
        with suppress(ExplainedError):
            for number in (first, first + 1, first + 2):
                for socket in bind(number)[1]:
                    socket.close()
            return first
    raise AssertionError("no three free ports in a row")
