"""Commands and their options. What a command needs is imported when it runs, so that `--help` is quick."""

import contextlib
import inspect
from pathlib import Path
from typing import Annotated

import typer

from apim_policies.command import app as engine
from apim_policies.command.program import program
from secure_mcp_local.cli import asking
from secure_mcp_local.cli.arguments import (
    AcceptOption,
    BackendOption,
    ConfigOption,
    CwdOption,
    CwdsOption,
    JsonOption,
    StackOption,
    addresses,
    output_aside,
    parsed,
    project_root,
    project_roots,
)
from secure_mcp_local.errors import LocalCloudError

app = program(
    "secure-mcp",
    "Secure remote MCP servers on Azure: see what a stack declares, and run it on this machine without Azure.",
    "pulumi-secure-mcp",
)


@app.command()
def local(
    stack: StackOption = "dev",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65533,
            help="Port of the gateway; Entra ID gets the next one, the trace console the one after. 0: free ones.",
        ),
    ] = 8080,
    config: ConfigOption = None,
    backend: BackendOption = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Let a service fail, such as entra-down or cosmos-429. Can be repeated."),
    ] = None,
    from_state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Serve what `secure-mcp stand-ins pulumi up` deployed into this folder, at the port that it was deployed "
            "for, instead of running the program; another `pulumi up` reaches the running gateway.",
        ),
    ] = None,
    accept: AcceptOption = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch/--no-watch", help="Serve edits of the program, of policies and of the tools' code as they come."
        ),
    ] = True,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Forget who is signed in, which clients are registered and what is stored from earlier runs.",
        ),
    ] = False,
    deployer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a file of environment variables with which a process on this machine publishes code to the running function "
            "apps as to Azure: docs/local-cloud.md.",
        ),
    ] = None,
    json: JsonOption = False,
    cwd: CwdsOption = None,
) -> None:
    """Run a stack on this machine.

    \b
      secure-mcp local
      secure-mcp local --stack prod --config mcpRateLimit=10
      secure-mcp local -C platform -C team --backend http://localhost:3000/mcp

    Starts a stand-in for every Azure service that the stack declares, prints where to point an MCP client, and runs until
    Ctrl-C. Edits are served within two seconds. Nothing leaves the machine.
    """
    from secure_mcp_local.recording import record_together  # noqa: PLC0415
    from secure_mcp_local.recording.process import ProgramProcess  # noqa: PLC0415

    if from_state is not None and config:
        raise LocalCloudError("--config has no effect on what is deployed already; give it to pulumi up")
    backends = addresses(backend)
    roots, values = project_roots(cwd), parsed(config)
    # Programs begin before what serves is imported.
    starting = ProgramProcess(roots, stack, values, accept or []) if from_state is None else contextlib.nullcontext()
    with starting as programs:
        from secure_mcp_local.cli.serving import serve  # noqa: PLC0415

        serve(
            roots, stack, values, port, backends, fault or [], from_state, accept or [],
            as_json=json, watched=watch, fresh=fresh, deployer=deployer, record=programs.record_together if programs else record_together,
        )  # fmt: skip


@app.command("stand-ins", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False})
def stand_ins(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="Such as: pulumi up --stack dev")],
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of what is deployed. Default: .stand-ins in the project's folder."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65533,
            help="Port that the first deployed gateway will be served at by `secure-mcp local --from-state`; set the "
            "configuration loginEndpoint to http://localhost: and the next port. 0: addresses as in Azure.",
        ),
    ] = 8080,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="'KIND OPERATION RESOURCE': fail, stall or lose (the answer of) create, read, update or delete of a type "
            "token, a Pulumi name or a URN. 'KIND publish RESOURCE' for the code of a function app: docs/local-cloud.md has "
            "the kinds. Can be repeated.",
        ),
    ] = None,
    accept: AcceptOption = None,
    cwd: CwdOption = None,
) -> None:  # fmt: skip
    """Run pulumi with stand-ins for its Azure providers.

    \b
      secure-mcp stand-ins pulumi up --stack dev
      secure-mcp local --from-state .stand-ins

    The real engine deploys to a folder on this machine: nothing leaves it, and no login is needed. Plugins of other
    packages are not downloaded.
    """
    from secure_mcp_local.cli.stand_ins import FOLDER, run  # noqa: PLC0415

    raise typer.Exit(run(command, state or project_root(cwd) / FOLDER, port, fault or [], accept or []))


@app.command()
def plan(
    stack: StackOption = "dev",
    config: ConfigOption = None,
    accept: AcceptOption = None,
    json: JsonOption = False,
    cwd: CwdsOption = None,
) -> None:
    """Show every resource that a stack declares, offline.

    \b
      secure-mcp plan --stack prod
      secure-mcp plan --config apimSku=StandardV2 --json

    Runs the program as `pulumi preview` would, against a monitor that records. Secret values are shown as [secret].
    """
    from apim_policies.command.progress import working  # noqa: PLC0415
    from secure_mcp_local.cli.plan import as_json  # noqa: PLC0415
    from secure_mcp_local.recording import Recording, record_together  # noqa: PLC0415

    roots = project_roots(cwd)
    with working(f"Running the program of stack {stack}"), output_aside():
        recording = Recording.together(record_together(roots, stack, parsed(config), accept=accept or []))
    if json:
        typer.echo(as_json(recording))
        return
    from secure_mcp_local.cli.tree import print_tree  # noqa: PLC0415

    print_tree(recording)


@app.command(short_help="Write the policy documents as they would be sent.")
def policies(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to; made if it is not there.")
    ],
    stack: StackOption = "dev",
    config: ConfigOption = None,
    cwd: CwdsOption = None,
) -> None:
    """Write each policy document exactly as it would be sent to API Management.

    \b
      secure-mcp policies --stack prod --out rendered
    """
    from apim_policies.command.progress import working  # noqa: PLC0415
    from secure_mcp_local.cli.plan import policy_files  # noqa: PLC0415
    from secure_mcp_local.recording import Recording, record_together  # noqa: PLC0415

    roots = project_roots(cwd)
    with working(f"Running the program of stack {stack}"), output_aside():
        recording = Recording.together(record_together(roots, stack, parsed(config), accept=None))
    documents = policy_files(recording)
    for path, text in documents.items():
        target = out / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise LocalCloudError(f"{target} cannot be written: {error.strerror}") from None
    typer.echo(f"{len(documents)} policy documents written to {out}", err=True)


@app.command("mutants", short_help="Make mistakes in a stack, and see what notices.")
def mutants_(
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="NAME",
            help="Stack whose Pulumi.STACK.yaml is used. Default: dev. Can be repeated.",
        ),
    ] = None,
    config: ConfigOption = None,
    sample: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="How many are judged, at random. 0: all.")] = 200,
    seed: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Of the sample; it is printed. Default: another one each time.")
    ] = None,
    local_too: Annotated[
        bool,
        typer.Option("--local", help="Where check is silent: run the stack with the mistake, sign in and call. Slow."),
    ] = False,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the numbers as a page.")] = None,
    least: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=100, help="Exit code 1 if fewer of 100 are noticed.")
    ] = 0.0,
    accept: AcceptOption = None,
    backend: BackendOption = None,
    json: JsonOption = False,
    cwd: CwdsOption = None,
) -> None:
    """Make single mistakes in what a stack declares, and see which of them nothing notices.

    \b
      secure-mcp mutants --stack dev --sample 100
      secure-mcp mutants -C team --local --backend http://localhost:3000/mcp --sample 20

    Every resource by every input, reference and dependency: dropped, empty, swapped, somebody else's, weaker. The program runs once.
    With --local somebody has to be assigned who can sign in, and servers that the local cloud does not run need --backend.
    """
    from secure_mcp_local.cli.mutating import Request, run  # noqa: PLC0415

    code = run(
        Request(
            project_roots(cwd),
            stack or ["dev"],
            parsed(config),
            accept or [],
            addresses(backend),
            sample,
            seed,
            local_too,
            page,
            least,
            as_json=json,
        ),
        output_aside,
    )
    raise typer.Exit(code)


@app.command(short_help="Write a small project of your own.")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the project and its server.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Default: a folder of that name.")
    ] = None,
) -> None:
    """Write a small project of your own: a program, a server with one tool, tests, CI and a README.

    \b
      secure-mcp new word-counter
    """
    from secure_mcp_local.new_project import write  # noqa: PLC0415

    folder = out or Path(name)
    for path in write(name, folder):
        typer.echo(folder / path)
    typer.echo(f"Next: cd {folder}; secure-mcp local, or pytest", err=True)


@app.command(short_help="Build the package of a function app.")
def package(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of the function app.")] = Path("function_app"),
    lock: Annotated[
        bool,
        typer.Option("--lock", help="First write requirements.txt anew: what requirements.in asks for, with hashes."),
    ] = False,
    python_version: Annotated[
        str, typer.Option(metavar="VERSION", help="What the app runs on. Default: the newest that it can.")
    ] = "",
) -> None:
    """Build the package of a function app as pulumi up deploys it; nothing is sent to Azure.

    \b
      secure-mcp package
      secure-mcp package --lock server

    Dependencies are fetched once, by pip; afterwards this works offline.
    """
    from secure_mcp.package import PYTHON_VERSION, PackageError, build_package  # noqa: PLC0415
    from secure_mcp.package import lock as write_lock  # noqa: PLC0415

    try:
        if lock:
            typer.echo(f"{write_lock(folder)} is written", err=True)
        made = build_package(folder, python_version or PYTHON_VERSION)
    except PackageError as error:
        raise LocalCloudError(str(error)) from None
    typer.echo(f"{made.archive} ({made.archive.stat().st_size / 1e6:.1f} MB)")


@app.command(short_help="Find what Azure would refuse, offline.")
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Policy files of any project in the rawxml format, or folders of them. Default: the stack, with all that it declares.",
        ),
    ] = None,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="NAME",
            help="Stack whose Pulumi.STACK.yaml is used. Default: dev. Can be repeated.",
        ),
    ] = None,
    config: ConfigOption = None,
    named_value: engine.NamedValueOption = None,
    secret_value: engine.SecretValueOption = None,
    ignore: engine.IgnoreOption = None,
    strict: engine.StrictOption = False,
    format: engine.FormatOption = "text",
    json: engine.FormatJsonOption = False,
    accept: AcceptOption = None,
    rules: engine.RulesOption = False,
    cwd: CwdsOption = None,
) -> None:
    """Find what Azure would refuse and what a reviewer would not let pass, offline.

    \b
      secure-mcp check --stack dev --stack prod --strict
      secure-mcp check policies/orders.xml policies/fragments

    Without files: configuration, plan and policy documents of a stack. With files: policies and fragments of any project;
    fragments are known by their file names, once there is one among the files.

    Exit code: 0 nothing found that counts, 1 errors (with --strict also warnings), 2 nothing could be checked.
    """
    from apim_policies.check import Report, check_files  # noqa: PLC0415
    from apim_policies.command.check import print_rules, run  # noqa: PLC0415
    from secure_mcp_local.check import RULES, check_stack  # noqa: PLC0415

    if rules:
        print_rules(RULES)
        return
    if paths and (stack or config or cwd):
        raise typer.BadParameter("files are checked without --stack, --config and --cwd")
    if not paths and (named_value or secret_value):
        raise typer.BadParameter("--named-value and --secret-value go with files; a stack declares its own")

    def work() -> Report:
        if paths:
            return check_files(paths, named_value or [], ignore or [], secret_value or [])
        roots, values = project_roots(cwd), parsed(config)
        with output_aside():
            reports = [check_stack(roots, name, values, ignore or [], accept or []) for name in stack or ["dev"]]
        return Report.joined(reports)

    run(work, RULES, "json" if json else format, ignore or [], strict=strict)


app.add_typer(asking.sessions, name="sessions")
app.command()(asking.doctor)
app.command(short_help="Ask a subscription whether it would take a stack.")(asking.preflight)
app.command("probe-azure")(asking.probe_azure)

# The same command, under this name in its examples too.
app.command(
    name="expression",
    short_help="Show the value and .NET type of a policy expression.",
    help=inspect.cleandoc(engine.expression.__doc__ or "").replace(f"{engine.app.info.name} ", f"{app.info.name} "),
)(engine.expression)
