"""The command `secure-mcp`."""

from apim_policies.command import run
from secure_mcp_local.cli.app import app


def main() -> None:
    """Runs the command line."""
    run(app)


__all__ = ["main"]
