"""The command `apim-policies`, and what other commands share with it."""

import sys
from collections.abc import Callable
from io import TextIOWrapper

from apim_policies.errors import ExplainedError


def run(command: Callable[[], object]) -> None:
    """Runs a command line: what a user can do about is one message and exit code 1, never a traceback.

    Input is UTF-8 wherever it runs. Output is in the encoding that a terminal or a pipe asks for; what that has no sign for is written as
    an escape, and ends nothing.
    """
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        command()
    except ExplainedError as error:
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        console.print("[red]error:[/red] ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


def main() -> None:
    """The command `apim-policies`."""
    from apim_policies.command.app import app  # noqa: PLC0415

    run(app)
