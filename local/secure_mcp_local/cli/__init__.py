"""The command `secure-mcp`."""

import sys

from apim_policies.errors import LocalCloudError
from secure_mcp_local.cli.app import app


def main() -> None:
    """Runs the command line: what a user can do about is one message and exit code 1, never a traceback."""
    try:
        app()
    except LocalCloudError as error:
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        console.print("[red]error:[/red] ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


__all__ = ["main"]
