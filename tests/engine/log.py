"""`docs/deployment-log.md`: one whole deployment of the dev stack without Azure, as its commands print it. `make deployment-log` writes it.

    PYTHONPATH=tests python -m engine.log

The real `pulumi` deploys to the stand-ins; `secure-mcp preflight` asks a subscription that takes everything, in this process.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from unittest.mock import patch

import httpx
from typer.testing import CliRunner

from actors.subscription import SUBSCRIPTION, AzureSubscription
from engine.test_serving import served
from engine.workspace import ROOT, Workspace, copied_project
from secure_mcp_local.cli.app import app

PAGE = ROOT / "docs" / "deployment-log.md"
_SHOWN = 12
"""Lines at either end of what an engine's command prints."""
_NOISE = re.compile(
    r"warning: using pulumi-resource|^@ |^Diagnostics:$|\bStack \(secure-mcp-dev\):$|^Duration: |\d+ warnings?$"
)
"""Where the stand-ins lie, and dots while something runs."""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text("\n".join(written(Path(scratch))) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


def written(scratch: Path) -> Iterator[str]:
    """The page."""
    port = _free_port()
    workspace = copied_project(scratch / "log", f"http://localhost:{port}")
    yield from (
        "# A deployment, from preflight to destroy",
        "",
        f"Written by `make deployment-log` on {date.today().isoformat()}: what the commands print, on one machine without Azure. The real"
        " `pulumi` deployed the dev stack to the stand-ins of its providers ([local-cloud.md](local-cloud.md#pulumi-up-without-azure)), and"
        " `preflight` asked a stand-in of Azure Resource Manager and Microsoft Graph. Times are those of this machine. Nothing was"
        " deployed to a subscription. Long outputs are cut where the dots are.",
        "",
        "[first-deployment.md](first-deployment.md) is the walk with Azure.",
    )
    yield from section("secure-mcp preflight --stack dev", *_preflight(workspace))
    for title, arguments in (
        ("pulumi up", ("up", "--yes", "--skip-preview", "--config", f"loginEndpoint=http://localhost:{port + 1}")),
        (
            "pulumi up, once more",
            ("up", "--yes", "--skip-preview", "--config", f"loginEndpoint=http://localhost:{port + 1}"),
        ),
    ):
        yield from section(title, *_timed(workspace, arguments))
    with served(workspace) as addresses:
        began = time.monotonic()
        command = [sys.executable, "-m", "secure_mcp_local", "doctor", addresses["mcp"], "--as", "alice"]
        doctor = subprocess.run(
            command, cwd=workspace.project, capture_output=True, text=True, timeout=300, check=False
        )
        yield from section("secure-mcp doctor URL --as alice", doctor.stdout, time.monotonic() - began)
    yield from section("pulumi destroy", *_timed(workspace, ("destroy", "--yes", "--skip-preview")))
    left = sorted(workspace.names)
    yield from ("", f"Left in the cloud: {', '.join(left) or 'nothing'}.")


def section(title: str, output: str, seconds: float) -> Iterator[str]:
    """What one command printed, without what differs from run to run and says nothing."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [line.rstrip() for line in plain.splitlines() if line.strip() and not _NOISE.search(line)]
    if len(lines) > 90:
        lines = [*lines[:_SHOWN], f"... {len(lines) - 2 * _SHOWN} more lines ...", *lines[-_SHOWN:]]
    yield from ("", f"## {title}", "", f"{seconds:.0f} seconds.", "", "```text", *lines, "```")


def _timed(workspace: Workspace, arguments: Sequence[str]) -> tuple[str, float]:
    began = time.monotonic()
    return workspace.pulumi(*arguments).output, time.monotonic() - began


def _preflight(workspace: Workspace) -> tuple[str, float]:
    azure, made, began = AzureSubscription(), httpx.Client, time.monotonic()
    with ExitStack() as patched:
        patched.enter_context(patch("secure_mcp_local.cli.preflighting.login", lambda: lambda audience: audience))
        patched.enter_context(
            patch(
                "secure_mcp_local.resource_manager.httpx.Client",
                lambda transport, timeout: made(transport=transport or azure.transport, timeout=timeout),
            )
        )
        patched.enter_context(patch.dict(os.environ, {"PULUMI_BACKEND_URL": (workspace.folder / "backend").as_uri()}))
        ran = CliRunner().invoke(
            app, ["preflight", "--stack", "dev", "--cwd", str(workspace.project), "--subscription", SUBSCRIPTION]
        )
    assert ran.exit_code == 0, ran.output
    return ran.stdout, time.monotonic() - began


def _free_port() -> int:
    """One of three that are free together."""
    for port in range(20_000, 60_000, 3):
        try:
            for offset in range(3):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port
    raise OSError("no three ports are free")


if __name__ == "__main__":
    main()
