"""What somebody edits while the local cloud runs.

Files are looked at, four times a second while somebody edits, and no library is asked to be told of changes. Editors replace files
instead of writing them, folders come and go, and what is shared with a container or a virtual machine sends no notifications at all:
looking works for all of these alike, needs no watch on each of a project's folders, and takes a hundredth of a second for a thousand files.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

_INTERVAL, _IDLE, _AFTER = 0.25, 0.5, 60.0
"""Seconds between two looks, and between two once nothing has changed for so long: looking is all that an idle machine does."""
_LONG = 2.0
"""Seconds after which the serving of an edit is given up if there is another one, which may be what ends it. Each time, twice as many: a
program may write files whenever it runs."""
_SETTLED = 0.1
"""Seconds without another change, after which what an editor or git writes is taken for whole."""
_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", "bin", "obj"})
_FILES = (".log", ".pyc", ".swp", ".swx", ".tmp", "~", "#", "___jb_tmp___", "___jb_old___")
_VIM = "4913"
"""A file that Vim makes to see whether it can: https://github.com/vim/vim/blob/master/src/bufwrite.c"""

Seen = dict[str, tuple[int, int]]
"""By path: when it was changed, in nanoseconds, and its size."""


def look(folders: Iterable[Path]) -> Seen:
    """Every file in some folders but hidden ones, environments and what is made by machines."""
    seen: Seen = {}
    for folder in folders:
        for entry in _files(str(folder)):
            try:
                status = entry.stat()
            except OSError:
                continue
            seen[entry.path] = status.st_mtime_ns, status.st_size
    return seen


class Contents:
    """What files had in them when they last changed: a program that writes its own files anew each time it runs edits nothing."""

    def __init__(self) -> None:
        self._digests: dict[Path, bytes] = {}

    def edited(self, files: Iterable[Path]) -> set[Path]:
        """Those of some changed files that have something else in them, as far as that is known."""
        return {file for file in files if self._is_other(file)}

    def _is_other(self, file: Path) -> bool:
        try:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").digest()
        except OSError:
            digest = b""
        before = self._digests.get(file)
        self._digests[file] = digest
        return digest != before


async def watch(folders: Callable[[], Iterable[Path]], take: Callable[[set[Path]], Coroutine[Any, Any, None]]) -> None:
    """Calls `take` with the files that have changed, come or gone. Never ends by itself.

    Args:
        folders: What is watched by now.
        take: Serves the change. While it does, changes are collected; if it takes long, it is cancelled for them, and called with all.
    """
    long, left, contents = _LONG, set[Path](), Contents()
    seen, edited = await asyncio.to_thread(look, folders()), time.monotonic()
    while True:
        await asyncio.sleep(_INTERVAL if time.monotonic() - edited < _AFTER else _IDLE)
        now = await asyncio.to_thread(look, folders())
        if now == seen:
            continue
        while True:
            await asyncio.sleep(_SETTLED)
            later = await asyncio.to_thread(look, folders())
            if later == now:
                break
            now = later
        touched = {Path(path) for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)}
        seen = now
        if not (changed := left | await asyncio.to_thread(contents.edited, touched)):
            continue
        if await _done(take(changed), lambda: look(folders()) != seen, long):  # noqa: B023  (it is done with when this goes on)
            long, left = _LONG, set()
        else:
            long, left = 2 * long, changed
        edited = time.monotonic()


async def _done(work: Coroutine[Any, Any, None], newer: Callable[[], bool], long: float) -> bool:
    """Whether some work came to its end; else it is cancelled, after so many seconds, because there is something newer."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=long))[0]:
            if await asyncio.to_thread(newer):
                return False
        await task
        return True
    finally:
        task.cancel()
        await asyncio.wait([task])


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _FOLDERS:
                yield from _files(entry.path)
        elif not entry.name.endswith(_FILES) and entry.name != _VIM:
            yield entry
