"""`secure-mcp local`: runs a stack until it is told to stop."""

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from secure_mcp_local.azure.functions.host import Said
from secure_mcp_local.cli.memory import collected
from secure_mcp_local.cloud import Backends, LocalCloud
from secure_mcp_local.cloud.keeping import Kept
from secure_mcp_local.cloud.projects import Record
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import record_together
from secure_mcp_local.recording.project import stood_in
from secure_mcp_local.recording.unmodelled import passed_by


def serve(
    roots: Sequence[Path],
    stack: str,
    config: Mapping[str, str],
    port: int,
    backend: Backends,
    faults: Sequence[str],
    state: Path | None = None,
    accept: Sequence[str] = (),
    *,
    as_json: bool,
    watched: bool = True,
    fresh: bool = False,
    deployer: Path | None = None,
    record: Record = record_together,
) -> None:
    """Runs until SIGINT or SIGTERM; both are the normal way to end it, so the exit code is 0.

    Arguments: `LocalCloud.open`; `fresh`: what an earlier run has kept is forgotten; `deployer`: a file for the environment of whoever
    publishes code.
    """
    kept = _kept(roots[0], stack, fresh=fresh) if state is None else None
    cloud = LocalCloud.open(
        roots,
        stack,
        config,
        port,
        backend,
        faults=faults,
        state=state,
        accept=accept,
        kept=kept,
        watched=watched,
        record=record,
    )
    try:
        asyncio.run(_serve(cloud, deployer, as_json=as_json))
    finally:
        if kept is not None:
            kept.release()


def _kept(root: Path, stack: str, *, fresh: bool) -> Kept | None:
    """Where this run keeps what the next one is to know; nowhere where that cannot be, which is said."""
    try:
        return Kept(root, stack, fresh=fresh)
    except LocalCloudError as error:
        print(f"Nothing is kept for the next run: {error}", file=sys.stderr, flush=True)
        return None


async def _serve(cloud: LocalCloud, deployer: Path | None, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            # Loops of Windows have none; a handler of the process wakes them.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    errors = Console(stderr=True)
    status = errors.status("Starting ...") if errors.is_terminal else None

    def progress(message: str) -> None:
        if status and not starting.done():
            status.update(message + " ...")
        elif not as_json:
            errors.print(message + " ...", highlight=False)

    if status:
        status.start()

    def announce(message: str) -> None:
        errors.print(message, markup=False, highlight=False, soft_wrap=True)

    def hear(said: Said, request: str) -> None:
        # As in the console: a tool by its name, a request by its id.
        of = f"{said.tool or said.app} {request[:8]}".rstrip()
        errors.print(f"{of} | {_plain(said.line)}", markup=False, highlight=False, soft_wrap=True, style="dim")

    cloud.progress, cloud.announce, cloud.hear = progress, announce, hear
    cloud.journal.tellers.append(
        lambda line: errors.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    )
    starting = asyncio.ensure_future(cloud.__aenter__())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        starting.result()
        if deployer is not None:
            _write(await cloud.deployer(), deployer)
        collected()
    finally:
        if status:
            status.stop()
    try:
        if as_json:
            print(json.dumps(cloud.urls), flush=True)
        else:
            _print_next_steps(cloud)
        await stopped
    finally:
        if sys.stderr.isatty():
            errors.print("Stopping ...", highlight=False)
        await cloud.__aexit__(None, None, None)


def _write(environment: Mapping[str, str], file: Path) -> None:
    """
    Raises:
        LocalCloudError: it cannot be written.
    """
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    try:
        # A token is to be had with it.
        file.touch(mode=0o600)
        file.write_text(f"# To publish code to the running local cloud: docs/local-cloud.md\n{text}", encoding="utf-8")
    except OSError as error:
        raise LocalCloudError(f"{file} cannot be written: {error.strerror}") from None


def _plain(line: str) -> str:
    """Without anything that a terminal would obey."""
    return "".join(character if character.isprintable() or character == "\t" else " " for character in line)


def _print_next_steps(cloud: LocalCloud) -> None:
    console = Console()
    people = ", ".join(user.name for user in cloud.entra.users if user.employee)
    console.print(f"\n[bold]The stack {cloud.recording.stack} runs.[/bold] Ctrl-C stops it.\n", highlight=False)
    urls = cloud.urls
    width = max(map(len, urls))
    for name, url in urls.items():
        console.print(f"  {name:<{width}} {url}", highlight=False, markup=False, soft_wrap=True)
    if cloud.recording.filled:
        console.print(stood_in(cloud.recording.filled), highlight=False, markup=False, soft_wrap=True)
    for line in (*passed_by(cloud.passed), *(f"Not run: {reason}" for reason in cloud.idle)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if cloud.servers:
        console.print("\nConnect a client:", highlight=False)
    for name, url in cloud.servers.items():
        short = name.rpartition("/")[2]
        console.print(
            f"  Claude Code    claude mcp add --transport http {short} {url}", highlight=False, soft_wrap=True
        )
        console.print(f"  VS Code        MCP: Add Server ..., HTTP, {url}", highlight=False, soft_wrap=True)
        console.print(
            f"  MCP Inspector  npx @modelcontextprotocol/inspector, Streamable HTTP, {url}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"\nSign in as {people}.", highlight=False)
