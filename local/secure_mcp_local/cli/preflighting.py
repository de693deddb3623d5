"""`secure-mcp preflight`: what a subscription would say to a stack, for people and for scripts."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from apim_policies.command.progress import working
from secure_mcp_local.cli.state import State, state_of
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.preflight import CHECKS, Check, Line, Outcome, Subject, examine
from secure_mcp_local.preflight.examination import reached
from secure_mcp_local.recording import Recording, record_together
from secure_mcp_local.recording.project import needed
from secure_mcp_local.resource_manager import AzureError, ResourceManager, login

_STYLES = {Outcome.OK: "green", Outcome.WRONG: "bold red", Outcome.UNKNOWN: "yellow"}
_APP = "azure-native:web:WebApp"


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    roots: Sequence[Path]
    """Folders of projects, whose stacks may refer to each other: it is asked for all of them."""
    stack: str
    config: Mapping[str, str]
    subscription: str
    only: tuple[str, ...]
    endpoint: str
    graph: str
    as_json: bool


def run(request: Request) -> int:
    """Asks and prints: an exit code.

    Returns:
        0: nothing is wrong; 1: something is; 2: nothing could be asked.
    """
    console, errors = Console(), Console(stderr=True)

    def tell(line: Line) -> None:
        if not request.as_json:
            _print(console, line)

    checks = _chosen(request.only)
    with working(f"Running the program of stack {request.stack}"):
        recording = Recording.together(record_together(request.roots, request.stack, request.config))
    if recording.filled:
        raise LocalCloudError(needed(recording.filled, request.stack))
    try:
        token = login()
        subscription = request.subscription or _subscription()
        with ResourceManager(token, request.endpoint) as azure, ResourceManager(token, request.graph) as graph:
            state = _state(request)
            apps = tuple(id.rpartition("/")[2] for id in state.of_type(_APP))
            subject = Subject(recording, azure, graph, subscription, reached, apps, state.ids)
            lines = examine(subject, checks, tell)
    except AzureError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    wrong = [line for line in lines if line.outcome is Outcome.WRONG]
    if request.as_json:
        typer.echo(json.dumps([line.as_json() for line in lines]))
    elif all(line.outcome is Outcome.UNKNOWN for line in lines):
        errors.print("nothing could be asked", style="red")
    if all(line.outcome is Outcome.UNKNOWN for line in lines):
        return 2
    return int(bool(wrong))


def _chosen(only: tuple[str, ...]) -> list[Check]:
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            raise LocalCloudError(f"--only {name!r} is no check; there are {', '.join(names)}")
    return [check for check in CHECKS if not only or check.name in only]


def _subscription() -> str:
    """The subscription that pulumi would deploy to.

    Raises:
        AzureError: none is named.
    """
    if named := os.environ.get("ARM_SUBSCRIPTION_ID"):
        return named
    az = shutil.which("az")
    if az is None:
        raise AzureError("no subscription is named: give --subscription, or set ARM_SUBSCRIPTION_ID")
    shown = subprocess.run(  # noqa: S603
        [az, "account", "show", "--query", "id", "--output", "tsv"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if shown.returncode or not shown.stdout.strip():
        raise AzureError("no subscription is named: run az login, or give --subscription")
    return shown.stdout.strip()


def _state(request: Request) -> State:
    """What is deployed already; nothing if pulumi does not know the stack yet."""
    try:
        return state_of(request.roots, request.stack)
    except LocalCloudError:
        return State({}, {})


def _print(console: Console, line: Line) -> None:
    text = Text(f"{line.outcome.value:<8}", style=_STYLES[line.outcome])
    text.append(f"{line.check.title}  ")
    text.append(f"({line.check.name}: {line.seen})", style="dim")
    console.print(text, soft_wrap=True)
    if line.remedy:
        console.print(Text(f"{'':8}do: {line.remedy}"), soft_wrap=True)
