"""The command `secure-mcp`."""

from apim_policies.command import run
from secure_mcp_local.cli.app import app
from secure_mcp_local.cli.memory import uncollected


def main() -> None:
    """Runs the command line."""
    with uncollected():
        run(app)


__all__ = ["main"]
