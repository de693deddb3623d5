"""`secure-mcp doctor`: what is found, for people and for scripts."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from secure_mcp_local.doctor import (
    Browser,
    DoctorError,
    Finding,
    Options,
    Outcome,
    Person,
    Report,
    Server,
    SignIn,
    Subject,
    chosen,
    examine,
)

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.SKIP: "yellow"}


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    url: str
    options: Options
    only: tuple[str, ...]
    anonymous: bool
    person: str
    """Of the local Entra ID; "" to sign in with a browser."""
    open_browser: bool
    wait: float
    """Seconds for each sign-in."""
    as_json: bool


def run(request: Request) -> int:
    """Examines a server and prints what is found: an exit code.

    Returns:
        0: everything that was looked at holds; 1: something does not; 2: nothing could be looked at.
    """
    console, errors = Console(), Console(stderr=True)
    try:
        report = asyncio.run(_run(request, console, errors))
    except DoctorError as error:
        errors.print("[red]error:[/red] ", end="")
        errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 2
    if request.as_json:
        typer.echo(json.dumps(report.as_json()))
    else:
        _print_end(console, report)
    return 0 if report.holds else 1


async def _run(request: Request, console: Console, errors: Console) -> Report:
    url = endpoint(request.url)
    checks = chosen(request.only, anonymous=request.anonymous)
    lines = _Lines(url, console, errors, quiet=request.as_json)
    async with Server(url) as server, _signing_in(request, server, lines) as sign_in:
        with lines:
            return await examine(Subject(server, sign_in, request.options), checks, lines.print)


def endpoint(url: str) -> str:
    """The address of the MCP endpoint that a user means; `/mcp` is added to that of a gateway.

    Raises:
        DoctorError: it is none.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        raise DoctorError(f"{url!r} is no address: give it as https://host/mcp")
    if parts.query or parts.fragment or parts.username is not None:
        raise DoctorError(f"{url!r} has a query, a fragment or a user: give it as https://host/mcp")
    return f"{url.rstrip('/')}/mcp" if parts.path in {"", "/"} else url


@asynccontextmanager
async def _signing_in(request: Request, server: Server, lines: "_Lines") -> AsyncGenerator[SignIn | None]:
    if request.anonymous:
        yield None
    elif request.person:
        yield Person(server, request.person)
    else:
        async with Browser.listening(request.wait, lines.ask, open_it=request.open_browser) as browser:
            yield browser


class _Lines:
    """Prints each line when it is there, and shows on a terminal that something is going on."""

    def __init__(self, url: str, console: Console, errors: Console, *, quiet: bool) -> None:
        self._url, self._console, self._quiet = url, console, quiet
        self._section = ""
        # One console on one terminal: a sign of life on the other would get between the lines.
        self._aside = console if console.is_terminal and not quiet else errors
        self._status = self._aside.status("Examining ...") if self._aside.is_terminal else None

    def __enter__(self) -> "_Lines":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def ask(self, url: str, reason: str) -> None:
        """Asks a person to sign in."""
        self._aside.print(Text(f"\nSign in {reason}:\n  {url}\n"), soft_wrap=True)

    def print(self, finding: Finding) -> None:
        """One line, for a failure three more."""
        if self._quiet:
            return
        if not self._section:
            self._console.print(Text(self._url, style="bold"), soft_wrap=True)
        if finding.section != self._section:
            self._section = finding.section
            self._console.print(Text(f"\n{finding.section}", style="bold"))
        line = Text("  ")
        line.append(finding.outcome.value, style=_STYLES[finding.outcome])
        line.append(f"  {finding.line or '-':<4} {finding.title}")
        line.append(f"  ({finding.name}: {finding.seen})", style="dim")
        self._console.print(line, soft_wrap=True)
        for label, text in (("why", finding.why), ("do", finding.fix)):
            if text:
                self._console.print(Text(f"             {label + ':':<5}{text}"), soft_wrap=True)


def _print_end(console: Console, report: Report) -> None:
    passed, failed, skipped = (report.count(outcome) for outcome in Outcome)
    holding, failing = ("holds" if passed == 1 else "hold"), ("fails" if failed == 1 else "fail")
    text = f"\n{passed} {holding}, {failed} {failing}, {skipped} not looked at."
    console.print(Text(text, style="bold"))
    if report.left_behind:
        console.print(
            Text(f"Left behind, as the server cannot take it back: {', '.join(report.left_behind)}."), soft_wrap=True
        )
