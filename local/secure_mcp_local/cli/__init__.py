"""The command `secure-mcp`."""

import sys

from secure_mcp_local.cli.app import app
from secure_mcp_local.errors import ExplainedError


def main() -> None:
    """Runs the command line: what a user can do about is one message and exit code 1, never a traceback."""
    try:
        app()
    except ExplainedError as error:
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        console.print("[red]error:[/red] ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


__all__ = ["main"]
