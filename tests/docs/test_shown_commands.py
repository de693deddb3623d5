"""Each call of our commands that a page shows is one that the command takes: names, options, values. Nothing is run.

In a block it is whole; in a line it may be the beginning of one, which only names something.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from apim_policies.command.app import app as engine
from secure_mcp_local.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("local/**/*.md")])
ROOTS = {"secure-mcp": app, "apim-policies": engine}
BLOCK = re.compile(r"^```(?:sh)?(?: title=.*)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:secure-mcp|apim-policies) [^`\n]+)`")


def whole(page: str) -> list[str]:
    lines = [line for block in BLOCK.findall(page) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    return [line for line in lines if re.match(r"(secure-mcp|apim-policies) ", line)]


def named(page: str) -> list[str]:
    # The usage of a command is no call.
    lines = INLINE.findall(re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL))
    return [line for line in lines if "[OPTIONS]" not in line]


def refused(call: str, *, begun: bool = False) -> str:
    """What the command says against a call; empty if it takes it."""
    lexer = shlex.shlex(call.replace("…", "..."), posix=True, punctuation_chars="|>&;")
    lexer.whitespace_split = True
    words = list(lexer)
    name, *words = words[: next((at for at, word in enumerate(words) if set(word) <= set("|>&;")), None)]
    command: Any = typer.main.get_command(ROOTS[name])
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, *words = words
        command = command.commands.get(name)
        if command is None:
            return f"there is no command {name}"
    if begun and (hasattr(command, "commands") or not words):
        return ""
    try:
        command.make_context(name, words)
    # Whose exceptions these are, click's or those of a copy of it inside Typer, depends on Typer's version.
    except Exception as error:
        said = error.format_message() if hasattr(error, "format_message") else repr(error)
        return "" if begun and re.match(r"Missing argument|Option '.*' requires an argument", said) else said
    return ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_shows_calls_that_the_command_takes(path: Path) -> None:
    page = path.read_text("utf-8")
    found = {call: refused(call) for call in whole(page)} | {call: refused(call, begun=True) for call in named(page)}
    assert {call: why for call, why in found.items() if why} == {}


def test_pages_show_calls() -> None:
    assert sum(len(whole(path.read_text("utf-8"))) for path in PAGES) > 60


@pytest.mark.parametrize(
    ("call", "begun"),
    [
        ("secure-mcp lokal", True),
        ("secure-mcp local --stak dev", True),
        ("secure-mcp local --port many  # a comment", True),
        ("secure-mcp new", False),
        ("secure-mcp sessions lists URL", True),
        ("secure-mcp expression --sample request.json too > file", True),
    ],
)
def test_a_call_that_is_wrong_is_noticed(call: str, begun: bool) -> None:
    assert refused(call, begun=begun)
