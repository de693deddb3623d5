"""Runs a check, and prints what it found for people."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import typer
from rich.console import Console
from rich.text import Text

from apim_policies.check.finding import Finding, Report, Rule
from apim_policies.check.formats import as_github, as_json
from apim_policies.command.progress import working
from apim_policies.errors import ExplainedError

Format = Literal["text", "github", "json"]
_COLOURS = {"error": "red", "warning": "yellow"}
_WIDEST = 110
"""Characters of a line that are shown."""


def run(
    check: Callable[[], Report], rules: Mapping[str, Rule], format: Format, ignore: Collection[str], *, strict: bool
) -> None:
    """Checks, prints the report, and ends with exit code 0, 1 (findings), or 2 (nothing could be checked)."""
    try:
        for name in ignore:
            if name not in rules:
                raise ExplainedError(f"--ignore {name}: there is no such rule; --rules shows all of them")
        with working("Checking"):
            report = check()
    except ExplainedError as error:
        console = Console(stderr=True)
        console.print("[red]error:[/red] ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    if format == "json":
        typer.echo(as_json(report, strict=strict))
    elif format == "github":
        if report.findings:
            typer.echo(as_github(report))
        for line in (*report.notes, _summary(report)):
            typer.echo(line, err=True)
    else:
        print_report(report)
    if report.empty:
        typer.echo("error: there was nothing that could be checked", err=True)
        raise typer.Exit(2)
    if report.failed(strict=strict):
        raise typer.Exit(1)


def print_report(report: Report) -> None:
    """Each finding with its line, why it matters and how to fix it."""
    console = Console(soft_wrap=True, highlight=False)
    explained: set[str] = set()
    for finding in report.findings:
        colour = _COLOURS[finding.rule.level]
        console.print(
            Text.assemble(
                (finding.place, "bold"), ": ", (finding.rule.level, colour), ": ", finding.message,
                (f" [{finding.rule.name}]", "dim"),
            )
        )  # fmt: skip
        if finding.document:
            console.print(Text(f"  in {finding.document}", "dim"))
        for line in _pointed(finding):
            console.print(Text(f"  {line}", "dim"))
        if finding.rule.name not in explained:
            # Once is enough to understand the rule.
            explained.add(finding.rule.name)
            console.print(Text.assemble("  why: ", finding.rule.why))
            console.print(Text.assemble("  fix: ", finding.rule.fix))
        console.print()
    for note in report.notes:
        console.print(note, markup=False)
    console.print(_summary(report))


def print_rules(rules: Mapping[str, Rule]) -> None:
    """Every rule with what it means."""
    console = Console(soft_wrap=True, highlight=False)
    for rule in rules.values():
        console.print(Text.assemble((rule.name, "bold"), " ", (rule.level, _COLOURS[rule.level])))
        source = f"\n  source: {rule.source}" if rule.source else ""
        console.print(Text(f"  why: {rule.why}\n  fix: {rule.fix}{source}\n"))


def _pointed(finding: Finding) -> list[str]:
    """The line of the finding, without its indentation, and a mark below the place."""
    line = "".join(" " if character < " " else character for character in finding.excerpt)
    if not line.strip() or not finding.column_of_excerpt:
        return []
    start = len(line) - len(line.lstrip())
    at = finding.column_of_excerpt - 1 - start
    line = line[start:].rstrip()
    if len(line) > _WIDEST:
        cut = max(0, min(at - _WIDEST // 2, len(line) - _WIDEST))
        line, at = line[cut : cut + _WIDEST], at - cut
    return [line, " " * at + "^"]


def _summary(report: Report) -> str:
    documents = f"{report.documents} policy documents" if report.documents != 1 else "1 policy document"
    if report.others:
        documents += f", {report.others} other resource{'s' * (report.others != 1)}"
    if not report.findings:
        return f"{documents}: nothing found"
    errors, warnings = report.count("error"), report.count("warning")
    counted = [f"{errors} error{'s' * (errors != 1)}"] * bool(errors)
    counted += [f"{warnings} warning{'s' * (warnings != 1)}"] * bool(warnings)
    return f"{documents}: {', '.join(counted)}"
