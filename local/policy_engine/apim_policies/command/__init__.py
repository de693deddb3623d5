"""The command `apim-policies`, and what other commands share with it."""

import sys
from collections.abc import Callable

from apim_policies.errors import ExplainedError


def run(command: Callable[[], object]) -> None:
    """Runs a command line: what a user can do about is one message and exit code 1, never a traceback."""
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
