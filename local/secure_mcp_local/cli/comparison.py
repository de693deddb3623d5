"""`secure-mcp doctor --stack`: whether what was deployed is what the program renders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from apim_policies.command.progress import working
from secure_mcp_local.cli.state import state_of
from secure_mcp_local.drift.documents import Comparison, Outcome, compare
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, record_together
from secure_mcp_local.resource_manager import AzureError, Refused, ResourceManager, login

_STYLES = {
    Outcome.SAME: "green",
    Outcome.DIFFERS: "bold red",
    Outcome.MISSING: "bold red",
    Outcome.FOREIGN: "bold red",
    Outcome.ELSEWHERE: "dim",
    Outcome.UNKNOWN: "yellow",
}
_FIXES = {
    Outcome.DIFFERS: "pulumi up; if that sees no change, pulumi up --replace with the resource's URN",
    Outcome.MISSING: "pulumi refresh, then pulumi up",
    Outcome.FOREIGN: "find out who made it; delete it, or declare it",
}


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    roots: Sequence[Path]
    """Folders of projects, whose stacks may refer to each other: all their documents are compared."""
    stack: str
    config: Mapping[str, str]
    endpoint: str
    as_json: bool


def run(request: Request) -> int:
    """Compares and prints: an exit code.

    Returns:
        0: every document is as rendered; 1: one is not; 2: nothing could be compared.
    """
    console, errors = Console(), Console(stderr=True)
    found: list[Comparison] = []
    try:
        deployed = state_of(request.roots, request.stack)
    except LocalCloudError as error:
        _complain(errors, error)
        return 2
    with working(f"Running the program of stack {request.stack}"):
        # What another stack says of itself is what it has deployed, as `pulumi up` would find it.
        recordings = record_together(
            request.roots, request.stack, request.config, accept=None, outputs=deployed.outputs
        )
    recording = Recording.together(recordings)
    try:
        with ResourceManager(login(), request.endpoint) as azure:
            for one in compare(recording, deployed.ids, azure):
                found.append(one)
                if not request.as_json and one.outcome is not Outcome.SAME:
                    _print(console, one)
    except (AzureError, LocalCloudError, Refused) as error:
        _complain(errors, error)
        return 2
    if request.as_json:
        typer.echo(json.dumps([one.as_json() for one in found]))
    else:
        counts = ", ".join(f"{number} {outcome}" for outcome in Outcome if (number := _count(found, outcome)))
        console.print(f"{len(found)} policy documents: {counts or 'none'}", style="bold", highlight=False)
    if all(one.outcome is Outcome.UNKNOWN for one in found):
        return 2
    return int(not all(one.holds for one in found))


def _complain(errors: Console, error: Exception) -> None:
    errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)


def _count(found: list[Comparison], outcome: Outcome) -> int:
    return sum(one.outcome is outcome for one in found)


def _print(console: Console, one: Comparison) -> None:
    text = Text(f"{one.outcome.value:<9}", style=_STYLES[one.outcome])
    text.append(one.document)
    if one.seen:
        text.append(f"  ({one.seen})", style="dim")
    console.print(text, soft_wrap=True)
    if fix := _FIXES.get(one.outcome):
        console.print(Text(f"{'':9}do: {fix}"), soft_wrap=True)
