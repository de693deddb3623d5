"""Files that are made once: each in a folder of the user's, under a name that says what is in it."""

import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from .failure import PackageError

_KEPT = 30 * 24 * 3600
"""Seconds after which a file that nobody asked for is removed."""


def cached(name: str) -> Path:
    """Where a file of this name is or would be; it counts as asked for.

    The folder is this user's alone: what is in it is deployed.

    Raises:
        PackageError: there can be no such folder.
    """
    folder = platformdirs.user_cache_path("secure-mcp", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PackageError(
            f"{folder} cannot be made ({error.strerror}): packages are kept there. Set XDG_CACHE_HOME to a folder that "
            "can be written"
        ) from error
    file = folder / name
    with suppress(OSError):
        os.utime(file)
    return file


@contextmanager
def made(target: Path) -> Generator[Path]:
    """A file to write that becomes `target` in one step, or never: whoever makes the same at the same time does no harm."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
        try:
            os.replace(name, target)
        except PermissionError:
            # Windows replaces no file that somebody reads: whoever was faster made the same.
            if not target.exists():
                raise
    finally:
        Path(name).unlink(missing_ok=True)
    for path in target.parent.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT:
                shutil.rmtree(path) if path.is_dir() and path.name.startswith("dependencies-") else path.unlink()
