"""What `--help` says of each command: examples that are commands, and one line that is not cut off."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
import typer.main

from apim_policies.command.app import app as engine
from secure_mcp_local.cli.app import app

COMMANDS = {"secure-mcp": typer.main.get_command(app), "apim-policies": typer.main.get_command(engine)}


def every(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for child, one in getattr(command, "commands", {}).items():
        yield from every(one, f"{name} {child}")


ALL = [pair for name, command in COMMANDS.items() for pair in every(command, name)]
EXAMPLES = [
    line.strip() for _, command in ALL for line in (command.help or "").splitlines() if re.match(r" +(secure-mcp|apim-policies) ", line)
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_command_with_its_options(example: str) -> None:
    first, *words = shlex.split(example)
    command = COMMANDS[first]
    while words and words[0] in getattr(command, "commands", {}):
        command = getattr(command, "commands")[words.pop(0)]  # noqa: B009
    assert not getattr(command, "commands", {}), f"{example}: {words[:1]} is no command"
    options = {name for parameter in command.params for name in parameter.opts}
    given = [word for word in words if re.match(r"--?[a-zA-Z]", word)]
    if command.name != "stand-ins":
        assert set(given) <= options


@pytest.mark.parametrize("name", [name for name, command in ALL if hasattr(command, "commands")])
def test_the_list_of_commands_has_whole_sentences(name: str) -> None:
    group = dict(ALL)[name]
    for child in getattr(group, "commands").values():  # noqa: B009
        assert child.get_short_help_str(limit=60).endswith("."), child.name
        assert not child.get_short_help_str(limit=60).endswith("..."), child.name


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 15
