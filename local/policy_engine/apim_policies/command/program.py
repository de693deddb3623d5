"""What programs of several commands have in common."""

from importlib.metadata import version
from typing import Annotated

import typer


def program(name: str, help: str, distribution: str) -> typer.Typer:
    """A program without commands yet: help as plain text at `-h`, and `--version`.

    Args:
        name: Of the program.
        help: What `--help` says of it.
        distribution: Whose version `--version` prints.
    """
    app = typer.Typer(
        name=name,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def print_version(value: bool) -> None:
        if value:
            typer.echo(version(distribution))
            raise typer.Exit

    @app.callback()
    def options(
        show_version: Annotated[
            bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        del show_version

    return app
