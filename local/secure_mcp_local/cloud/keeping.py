"""What a local cloud remembers from one run to the next: who is signed in, which clients are registered, what was stored.

In a folder of the project that only its owner can read and git does not see. It holds keys and tokens of this machine's own Entra ID,
which open nothing elsewhere.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from secure_mcp_local.errors import LocalCloudError

FOLDER = ".secure-mcp"
_FORMAT = 1
"""Goes up when what was written cannot be read any more: it is forgotten then."""
_INTERVAL = 1.0
"""Seconds between two looks whether there is something new: what is lost if the process is killed."""


class Kept:
    """One stack's folder, held by one local cloud at a time."""

    def __init__(self, root: Path, stack: str, *, fresh: bool = False) -> None:
        """Takes hold of it.

        Args:
            root: Folder of the project.
            stack: Name of the stack.
            fresh: Whether what an earlier run has kept is forgotten.

        Raises:
            LocalCloudError: it cannot be written, or another local cloud has it.
        """
        import portalocker  # noqa: PLC0415  (of no use to a cloud that keeps nothing)

        self._folder = root / FOLDER / stack
        self._file = self._folder / "state.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (root / FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
            # The file, not its descriptor, which portalocker 3 does not take on Windows.
            self._lock = open(os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600), "r+b")  # noqa: SIM115
        except OSError as error:
            raise LocalCloudError(f"{self._folder} cannot be written ({error.strerror})") from None
        try:
            portalocker.lock(self._lock, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.LockException:
            self._lock.close()
            raise LocalCloudError(f"another secure-mcp local keeps what it knows in {self._folder}") from None
        if fresh:
            self._file.unlink(missing_ok=True)
            shutil.rmtree(self.storage, ignore_errors=True)
        self._written = ""

    @property
    def storage(self) -> Path:
        """Folder of the data of storage accounts."""
        return self._folder / "storage"

    def read(self) -> Mapping[str, Any]:
        """What was written last; nothing if there is none that can be read."""
        try:
            state: Any = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state.get("kept") or {} if isinstance(state, dict) and state.get("format") == _FORMAT else {}

    @contextmanager
    def understood(self) -> Generator[None]:
        """While what was read is taken.

        Raises:
            LocalCloudError: it is not what is written today; says how it is forgotten.
        """
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LocalCloudError(
                f"{self._file} is not what an earlier run can have kept ({type(error).__name__}: {error}); "
                "secure-mcp local --fresh forgets it"
            ) from None

    def write(self, state: Mapping[str, Any]) -> None:
        """Writes it, in one step, if it is not what was written last."""
        text = json.dumps({"format": _FORMAT, "kept": state})
        if text == self._written:
            return
        part = self._file.with_suffix(".part")
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(self._file)
        self._written = text

    async def follow(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Writes what is new, about once a second. Never ends by itself."""
        while True:
            await asyncio.sleep(_INTERVAL)
            with suppress(OSError):  # a full disk ends no local cloud
                self.write(state())

    def release(self) -> None:
        """Lets the next one have it."""
        self._lock.close()
