"""Options that several commands have, and what their values mean."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from apim_policies.command import app as engine
from secure_mcp_local.errors import LocalCloudError

StackOption = Annotated[
    str, typer.Option("--stack", "-s", metavar="NAME", help="Stack whose Pulumi.STACK.yaml is used.")
]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option(
        "--config", "-c", metavar="KEY=VALUE",
        help="Configuration that wins over the stack's, as with pulumi up; lists in JSON. Can be repeated.",
    ),
]  # fmt: skip
CwdOption = Annotated[
    Path | None,
    typer.Option(
        "--cwd", "-C", metavar="DIR", help="Folder of the Pulumi project. Default: the nearest one upwards from here."
    ),
]
CwdsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--cwd", "-C", metavar="DIR",
        help="Folder of the Pulumi project. Default: the nearest one upwards from here. Repeated: projects whose stacks refer to "
        "each other.",
    ),
]  # fmt: skip
BackendOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]URL",
        help="Server on this machine to put behind the API with the id NAME instead of what is declared; without a name: behind "
        "the only one. Can be repeated.",
    ),
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", metavar="TYPE",
        help="Resource type that is not modelled and may decide who gets in: go on as if it were not declared. Can be repeated.",
    ),
]  # fmt: skip
JsonOption = engine.JsonOption


def project_root(cwd: Path | None) -> Path:
    """The Pulumi project to work on.

    Raises:
        LocalCloudError: there is none.
    """
    start = (cwd or Path.cwd()).resolve()
    candidates = [start] if cwd else [start, *start.parents]
    for folder in candidates:
        if (folder / "Pulumi.yaml").is_file():
            return folder
    where = str(start) if cwd else f"{start} or any folder above it"
    raise LocalCloudError(f"no Pulumi.yaml in {where}; name the project's folder with --cwd")


def project_roots(cwd: list[Path] | None) -> list[Path]:
    """The Pulumi projects to work on together.

    Raises:
        LocalCloudError: there is none, or one is named twice.
    """
    roots = [project_root(folder) for folder in cwd or [None]]
    if len(set(roots)) < len(roots):
        raise LocalCloudError(f"--cwd names a project twice: {', '.join(map(str, roots))}")
    return roots


def addresses(backends: list[str] | None) -> dict[str, str]:
    """`NAME=URL` arguments as a mapping; a URL alone is under an empty name.

    Raises:
        LocalCloudError: a name is given twice, or an address is none.
    """
    found: dict[str, str] = {}
    for item in backends or []:
        name, separator, url = item.partition("=")
        if not separator or "://" in name:
            name, url = "", item
        if not url.startswith(("http://", "https://")):
            raise LocalCloudError(f"--backend {item!r} is neither URL nor NAME=URL")
        if name in found or (found and "" in {name, *found}):
            raise LocalCloudError(f"--backend {item}: with several, each has another name: NAME=URL")
        found[name] = url
    return found


@contextmanager
def output_aside() -> Generator[None]:
    """What programs and what they start write to standard output goes to standard error: the output is ours."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def parsed(config: list[str] | None) -> dict[str, str]:
    """`KEY=VALUE` arguments as a mapping.

    Raises:
        LocalCloudError: one has no equals sign.
    """
    values: dict[str, str] = {}
    for item in config or []:
        key, separator, value = item.partition("=")
        if not separator or not key:
            raise LocalCloudError(f"--config {item!r} is not KEY=VALUE")
        values[key] = value
    return values
