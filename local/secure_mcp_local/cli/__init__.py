"""The command `secure-mcp`."""

import sys

# httpx brings a command of its own, for which it imports half of rich and all of pygments wherever they are installed. Before anybody imports it.
sys.modules.setdefault("httpx._main", None)  # pyright: ignore[reportArgumentType, reportCallIssue]

# ruff: noqa: E402
from apim_policies.command import run
from secure_mcp_local.cli.app import app
from secure_mcp_local.cli.memory import uncollected


def main() -> None:
    """Runs the command line."""
    with uncollected():
        run(app)


__all__ = ["main"]
