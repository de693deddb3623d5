"""`secure-mcp stand-ins`: a command with stand-ins in place of the providers that Pulumi would talk to Azure through."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.providers import plugins

FOLDER = ".stand-ins"
"""In the folder of the project."""


def run(command: Sequence[str], state: Path, port: int, faults: Sequence[str]) -> Never:
    """Becomes the command.

    Raises:
        LocalCloudError: there is no such command, or the stand-ins cannot be set up.
    """
    url = f"http://localhost:{port}" if port else None
    environment = plugins.environment(state, url, ";".join(faults), os.environ)
    if shutil.which(command[0], path=environment["PATH"]) is None:
        hint = "; see https://www.pulumi.com/docs/install/" if command[0] == "pulumi" else ""
        raise LocalCloudError(f"there is no command {command[0]!r} on PATH{hint}")
    os.execvpe(command[0], list(command), environment)  # noqa: S606  (the user's own command)
