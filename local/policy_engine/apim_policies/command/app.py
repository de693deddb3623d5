"""Commands and their options. What a command needs is imported when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from apim_policies.command.program import program
from apim_policies.errors import ExplainedError

app = program(
    "apim-policies",
    "Policies of Azure API Management, on this machine: check, run and test them, and evaluate expressions.",
    "apim-policies",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value for scripts.")]

# Of every command that checks.
NamedValueOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="With files: a named value that exists. Once one is given, all others are findings. Can be repeated.",
    ),
]
SecretValueOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="As --named-value, for one that is secret: it must not show in traces and addresses."
    ),
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option(metavar="RULE", help="Leave out the findings of a rule. Can be repeated.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings, too.")]
FormatOption = Annotated[
    Literal["text", "github", "json"], typer.Option("--format", "-f", help="github: annotations of GitHub Actions.")
]
FormatJsonOption = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
RulesOption = Annotated[
    bool, typer.Option("--rules", help="Show every rule, why it is one and how to fix it; check nothing.")
]


@app.command(short_help="Find what Azure would refuse, offline.")
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Policy files in the rawxml format, or folders of them."),
    ] = None,
    named_value: NamedValueOption = None,
    secret_value: SecretValueOption = None,
    ignore: IgnoreOption = None,
    strict: StrictOption = False,
    format: FormatOption = "text",
    json: FormatJsonOption = False,
    rules: RulesOption = False,
) -> None:
    """Find what Azure would refuse and what a reviewer would not let pass, offline.

    \b
      apim-policies check policies
      apim-policies check orders.xml --named-value backend-url --format github

    Policies and fragments of any project; fragments are known by their file names, once there is one among the files.

    Exit code: 0 nothing found that counts, 1 errors (with --strict also warnings), 2 nothing could be checked.
    """
    from apim_policies.check import RULES, check_files  # noqa: PLC0415
    from apim_policies.command.check import print_rules, run  # noqa: PLC0415

    if rules:
        print_rules(RULES)
        return
    if not paths:
        raise typer.BadParameter("name a policy file, or a folder of them")
    run(
        lambda: check_files(paths, named_value or [], ignore or [], secret_value or []),
        RULES,
        "json" if json else format,
        ignore or [],
        strict=strict,
    )


@app.command(short_help="Show the value and .NET type of an expression.")
def expression(
    text: Annotated[
        str | None,
        typer.Argument(metavar="EXPRESSION", help="'@(…)' or '@{ … }', as in a policy. -: read it from stdin."),
    ] = None,
    context: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON of the request it sees, or of what differs from the sample request."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Print the sample request, to change it.")] = False,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='Read lines {"id", "text", "ctx"} from stdin and write a line of JSON for each.'),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Evaluate a policy expression and show its value and its .NET type.

    \b
      apim-policies expression '@(context.Request.Headers.GetValueOrDefault("X-Id", "none"))'
      apim-policies expression --sample > request.json
      apim-policies expression --context request.json '@(context.Request.Method + 1)'

    The expression gives what it would give in API Management or is refused by name, never something else. Exits with 1 if it
    does not compile, throws or cannot be run here.
    """
    import sys  # noqa: PLC0415
    from json import dumps  # noqa: PLC0415

    from apim_policies.command.expression import answers, context_file, show  # noqa: PLC0415

    given = context_file(context)
    if sample:
        typer.echo(dumps(given, indent=2, ensure_ascii=False))
    elif jsonl:
        for line in answers(sys.stdin, given):
            typer.echo(line)
    elif text is None:
        raise ExplainedError("no expression is given: write it in quotes, such as '@(context.Request.Method)'")
    elif not show(sys.stdin.read().strip() if text == "-" else text, given, as_json=json):
        raise typer.Exit(1)


@app.command(short_help="Serve policies, with a page that shows each request.")
def run(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of policies, an APIops extract, an ARM template as JSON, or a gateway.yaml.",
        ),
    ],
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65534, help="Port of the gateway; the console gets the next one. 0: free ones."
        ),
    ] = 8080,
    named_value: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Can be repeated.")] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST=ADDRESS", help="Who answers for a host, such as api.example=http://localhost:3000."),
    ] = None,
) -> None:
    """Serve policies on a port, with a page that shows each request policy by policy.

    \b
      apim-policies run policies --host api.example=http://localhost:3000

    Hosts that nobody answers for give {"mocked": true}.
    """
    import asyncio  # noqa: PLC0415
    import contextlib  # noqa: PLC0415

    from apim_policies.command.serving import serve  # noqa: PLC0415

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(source, port, _pairs(named_value), _pairs(host)))


@app.command("test", short_help="Run cases, and print what they reached.")
def run_tests(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files of cases, or folders with *.policies.yaml in them.")
    ],
    coverage: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the coverage: Cobertura, or LCOV if it ends in .info.")
    ] = None,
) -> None:
    """Run cases, and print how much of the policies they reached. Exits with 1 if one fails.

    \b
      apim-policies test tests --coverage coverage.xml
    """
    from apim_policies.command.testing import run_cases  # noqa: PLC0415

    if not run_cases(paths, coverage):
        raise typer.Exit(1)


@app.command(short_help="Make mistakes in policies, and see what notices.")
def mutate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files of cases, or folders with *.policies.yaml in them.")
    ],
    least: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=100, help="Of the mistakes, how many must be noticed.")
    ] = 100,
    json: JsonOption = False,
) -> None:
    """Make one mistake after the other in the policies, and print those that no case notices.

    \b
      apim-policies mutate tests --least 90

    An element is gone, a condition is the other way round, an attribute or a text has another value. Exits with 1 if fewer are
    noticed than --least says.
    """
    from apim_policies.command.mutating import run_mutants  # noqa: PLC0415

    if not run_mutants(paths, least, as_json=json):
        raise typer.Exit(1)


def _pairs(texts: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"{text!r} is no pair; write NAME=VALUE")
        found[name] = value
    return found
