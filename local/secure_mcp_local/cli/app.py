"""Commands and their options. What a command needs is imported when it runs, so that `--help` is quick."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from secure_mcp_local.errors import LocalCloudError

app = typer.Typer(
    name="secure-mcp",
    help="Secure remote MCP servers on Azure: see what a stack declares, and run it on this machine without Azure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StackOption = Annotated[str, typer.Option("--stack", "-s", help="Stack whose Pulumi.STACK.yaml is used.")]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option(
        "--config", "-c", metavar="KEY=VALUE",
        help="Configuration that wins over the stack's, as with pulumi up; lists in JSON. Can be repeated.",
    ),
]  # fmt: skip
CwdOption = Annotated[
    Path | None,
    typer.Option("--cwd", "-C", help="Folder of the Pulumi project. Default: the nearest one upwards from here."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value for scripts.")]


def _print_version(value: bool) -> None:
    if value:
        typer.echo(version("pulumi-secure-mcp"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del show_version


@app.command()
def local(
    stack: StackOption = "dev",
    port: Annotated[
        int, typer.Option(min=0, max=65534, help="Port of the gateway; Entra ID gets the next one. 0: free ones.")
    ] = 8080,
    config: ConfigOption = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="MCP server on this machine to put behind the gateway instead of function_app/."
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Let a service fail, such as entra-down or cosmos-429. Can be repeated."),
    ] = None,
    json: JsonOption = False,
    cwd: CwdOption = None,
) -> None:
    """Run a stack on this machine.

    Starts a stand-in for every Azure service that the stack declares, prints where to point an MCP client, and runs until
    Ctrl-C. Nothing leaves the machine.
    """
    from secure_mcp_local.cli.serving import serve  # noqa: PLC0415

    serve(project_root(cwd), stack, parsed(config), port, backend, fault or [], as_json=json)


@app.command()
def plan(
    stack: StackOption = "dev",
    config: ConfigOption = None,
    json: JsonOption = False,
    cwd: CwdOption = None,
) -> None:
    """Show every resource that a stack declares, offline.

    Runs the program as `pulumi preview` would, against a monitor that records. Secret values are shown as [secret].
    """
    from secure_mcp_local.cli.plan import as_json, print_tree  # noqa: PLC0415
    from secure_mcp_local.cli.progress import working  # noqa: PLC0415
    from secure_mcp_local.recording import record  # noqa: PLC0415

    root = project_root(cwd)
    with working(f"Running the program of stack {stack}"):
        recording = record(root, stack, parsed(config))
    if json:
        typer.echo(as_json(recording))
    else:
        print_tree(recording)


@app.command()
def policies(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to; made if it is not there.")
    ],
    stack: StackOption = "dev",
    config: ConfigOption = None,
    cwd: CwdOption = None,
) -> None:
    """Write each policy document exactly as it would be sent to API Management."""
    from secure_mcp_local.cli.plan import policy_documents  # noqa: PLC0415
    from secure_mcp_local.cli.progress import working  # noqa: PLC0415
    from secure_mcp_local.recording import record  # noqa: PLC0415

    root = project_root(cwd)
    with working(f"Running the program of stack {stack}"):
        recording = record(root, stack, parsed(config))
    documents = policy_documents(recording)
    for path, text in documents.items():
        target = out / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise LocalCloudError(f"{target} cannot be written: {error.strerror}") from None
    typer.echo(f"{len(documents)} policy documents written to {out}", err=True)


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
