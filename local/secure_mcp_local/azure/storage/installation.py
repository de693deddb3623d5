"""Installing Azurite: once for each lock file and user, whatever environments there are."""

import hashlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import platformdirs
from rich.console import Console

from secure_mcp_local.azure.storage.node import npm
from secure_mcp_local.errors import LocalCloudError

_HERE = Path(__file__).parent
_MAIN = Path("node_modules/azurite/dist/src/azurite.js")


def install() -> Path:
    """Azurite's main script. What is missing is installed first, from the lock file, with progress on stderr.

    Blocks, for up to a minute the first time; then only looks.

    Raises:
        LocalCloudError: it cannot be installed.
    """
    target = _target()
    if not installed():
        console = Console(stderr=True)
        started = time.monotonic()
        text = "Installing Azurite, which stands in for Azure Storage (Node packages, once, about 60 MB) ..."
        if console.is_terminal:
            with console.status(text):
                _install(target)
        else:
            console.print(text, highlight=False, soft_wrap=True)
            _install(target)
        console.print(f"Azurite is installed ({time.monotonic() - started:.0f} s).", highlight=False)
    return target / _MAIN


def installed() -> bool:
    """Whether nothing is missing."""
    return (_target() / _MAIN).is_file()


def _target() -> Path:
    lock = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    return platformdirs.user_cache_path("secure-mcp", appauthor=False) / f"storage-{lock}"


def _install(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place and then renamed: an installation that was broken off is never taken for a whole one.
        folder = Path(tempfile.mkdtemp(prefix="installing-", dir=target.parent))
    except OSError as error:
        raise LocalCloudError(
            f"Azurite cannot be installed in {target.parent} ({error.strerror}); set XDG_CACHE_HOME to a folder that can be written"
        ) from None
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, folder / name)
        # What its telemetry and its databases would bring is left out: see there. A copy of it, or npm links to this folder, which is renamed.
        shutil.copytree(_HERE / "unused", folder / "unused")
        # No scripts of packages are run: Azurite needs none.
        options = [
            "--install-links",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-progress",
            "--loglevel=error",
        ]
        result = subprocess.run(  # noqa: S603
            [*npm(), "ci", *options], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if result.returncode != 0 or not (folder / _MAIN).is_file():
            lines = result.stderr.strip().splitlines()[-15:] or ["npm said nothing"]
            raise LocalCloudError("Azurite cannot be installed: npm ci failed:\n" + "\n".join(lines))
        try:
            folder.rename(target)
        except OSError:
            # Somebody else was faster.
            if not (target / _MAIN).is_file():
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
