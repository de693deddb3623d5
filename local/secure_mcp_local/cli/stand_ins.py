"""`secure-mcp stand-ins`: a command with stand-ins in place of the providers that Pulumi would talk to Azure through."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import typer

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import broken
from secure_mcp_local.stand_ins.deployed import everything
from secure_mcp_local.stand_ins.standing import standing
from secure_mcp_local.stand_ins.store import Store

FOLDER = ".stand-ins"
"""In the folder of the project."""


def run(command: Sequence[str], state: Path, port: int, faults: Sequence[str], accepted: Sequence[str]) -> int:
    """Runs the command and returns its exit code, or 1 if what it deployed does not work.

    Raises:
        LocalCloudError: there is no such command, or the stand-ins cannot be set up.
    """
    if os.name == "nt":
        raise LocalCloudError("the stand-ins are started by a shell and do not run on Windows: use WSL, Linux or macOS")
    url = f"http://localhost:{port}" if port else None
    with standing(state, url, ";".join(faults), os.environ, accepted) as environment:
        if shutil.which(command[0], path=environment["PATH"]) is None:
            hint = "; see https://www.pulumi.com/docs/install/" if command[0] == "pulumi" else ""
            raise LocalCloudError(f"there is no command {command[0]!r} on PATH{hint}")
        with subprocess.Popen(list(command), env=environment) as process:  # noqa: S603  (the user's own command)
            # Ctrl-C reaches it as well, and it is the command that decides what to do then.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda number, _: process.send_signal(number))
            code = process.wait()
    return code or _taken(Store(state.resolve()))


def _taken(store: Store) -> int:
    """Says what Azure takes and what does not work, or opens something, of what is deployed now.

    Returns:
        1 if there is any.
    """
    # What Azure refuses was refused when it came.
    found = [one for one in broken(Stack(everything(store)), "error") if not one.rule.operations]
    for one in found:
        typer.secho(f"error: {one.resource.name}: {one.explained}", fg=typer.colors.RED, err=True)
    return int(bool(found))
