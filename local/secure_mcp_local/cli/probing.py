"""`secure-mcp probe-azure`: asks a real API Management what only it can answer."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from secure_mcp_local.cli.state import state_of
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.resource_manager import AzureError, ResourceManager, login
from secure_mcp_local.unknowns import QUESTIONS, Answer, Question
from secure_mcp_local.unknowns.page import tables
from secure_mcp_local.unknowns.probe import Service, ask

_STYLES = {"as believed": "green", "differs": "bold red", "not asked": "yellow"}
_SERVICE = "azure-native:apimanagement:ApiManagementService"


def print_list() -> None:
    """Every question as Markdown, as docs/azure-unknowns.md has them."""
    typer.echo(tables())


def chosen(only: Sequence[str]) -> list[Question]:
    """The questions that a run asks.

    Raises:
        LocalCloudError: there is no such question, or nothing in a policy can ask it.
    """
    names = {question.name: question for question in QUESTIONS if question.probe is not None}
    for name in only:
        if name not in names:
            raise LocalCloudError(f"--only {name!r} is no question that can be asked; there are {', '.join(names)}")
    return [question for name, question in names.items() if not only or name in only]


def service_of(root: Path, stack: str) -> str:
    """The ARM id of the API Management that a stack has deployed.

    Raises:
        LocalCloudError: pulumi is not there, or the stack has none.
    """
    found = state_of([root], stack).of_type(_SERVICE)
    if len(found) != 1:
        raise LocalCloudError(f"the stack {stack} has {len(found)} API Management services; name one with --service")
    return found[0]


def run(service: str, endpoint: str, via: str, only: Sequence[str], *, as_json: bool) -> int:
    """Asks and prints: an exit code.

    Returns:
        0: every answer is as believed, or could not be asked; 1: one differs; 2: nothing could be asked.
    """
    console, errors = Console(), Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)

    def progress(message: str) -> None:
        if not as_json:
            errors.print(f"{message} ...", style="dim", markup=False, highlight=False)

    try:
        questions = chosen(only)
        with ResourceManager(login(), endpoint) as azure:
            answers = ask(azure, Service.of(azure, service), questions, progress, via=via)
    except (AzureError, LocalCloudError) as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        errors.print("Stopped; the temporary API is gone.", highlight=False)
        return 130
    if as_json:
        typer.echo(json.dumps([answer.as_json() for answer in answers]))
    else:
        for answer in answers:
            _print(console, answer)
    return int(any(answer.outcome == "differs" for answer in answers))


def _interrupt(*_: object) -> None:
    """SIGTERM ends a run as Ctrl-C does: what was made is taken away."""
    raise KeyboardInterrupt


def _print(console: Console, answer: Answer) -> None:
    line = Text(f"{answer.outcome:<12}", style=_STYLES[answer.outcome])
    line.append(f"{answer.question.name:<22}", style="bold")
    line.append(f"{answer.said or '-'}", style="")
    console.print(line, soft_wrap=True)
    if answer.outcome == "differs":
        for label, text in (
            ("question", answer.question.text),
            ("believed", answer.question.belief),
            ("matters", answer.question.matters),
            ("said", answer.problem),
        ):
            if text:
                console.print(Text(f"{'':12}{label + ':':<10}{text}", style="dim"), soft_wrap=True)
