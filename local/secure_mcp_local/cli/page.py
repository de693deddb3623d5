"""`docs/commands.md`: the commands and their options, as `--help` says them. `make options` writes it.

python -m secure_mcp_local.cli.page
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from apim_policies.command.app import app as engine
from secure_mcp_local.cli.app import app


def page() -> str:
    """The page, from the commands themselves."""
    lines = [
        "# Commands",
        "",
        "Written by `make options` from the commands. `secure-mcp` comes with `pulumi-secure-mcp[local]`, `apim-policies` with the policy"
        " engine alone. Exit codes: 0, all is well; 1, something is not; 2, nothing could be done, or the call is wrong.",
    ]
    for name, root in (("secure-mcp", app), ("apim-policies", engine)):
        for path, command in _commands(typer.main.get_command(root), name):
            lines += ["", *_section(path, command)]
    return "\n".join(lines) + "\n"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    # Whose commands these are, click's or a copy of it inside Typer, depends on Typer's version.
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from _commands(each, f"{path} {name}")
    else:
        yield path, command


def _section(path: str, command: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    yield f"## {path}"
    yield ""
    for paragraph in (command.help or "").strip().split("\n\n"):
        # What click prints line by line is marked.
        lines = paragraph.removeprefix("\b\n")
        yield paragraph if lines == paragraph else f"```\n{textwrap.dedent(lines)}\n```"
        yield ""
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    # From 0.29 on Typer says once more of what can be repeated that it can, although its name says so.
    yield f"`{usage.replace('...}...', '...}')}`"
    described = (one.get_help_record(context) for one in command.get_params(context) if one.name != "help")
    rows = [record for record in described if record is not None]
    if rows:
        yield ""
        yield "| | |"
        yield "|---|---|"
        for names, text in rows:
            yield f"| `{_cell(names)}` | {_cell(text).replace('<', '&lt;')} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/commands.md")
    target.write_text(page(), encoding="utf-8")
