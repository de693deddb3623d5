"""Commands that ask something that runs, a gateway or a subscription, and their options."""

from typing import Annotated

import typer

from secure_mcp_local.cli.arguments import (
    ConfigOption,
    CwdOption,
    CwdsOption,
    JsonOption,
    StackOption,
    parsed,
    project_root,
    project_roots,
)

sessions = typer.Typer(help="List and end sessions, for operators of a gateway.", no_args_is_help=True)


_GatewayArgument = Annotated[str, typer.Argument(metavar="URL", help="Address of the gateway.")]
_ApplicationOption = Annotated[
    str, typer.Option(metavar="ID", help="Client id of the gateway's sign-in application; not at a local cloud.")
]
_PersonOption = Annotated[str, typer.Option("--as", metavar="NAME", help="Local cloud: who you are.")]
_ResourceManagerOption = Annotated[
    str, typer.Option("--resource-manager", metavar="URL", help="Azure Resource Manager of another cloud.")
]
_RESOURCE_MANAGER = "https://management.azure.com"


@sessions.command("list", short_help="List the sessions that there are.")
def list_sessions(
    gateway: _GatewayArgument,
    user: Annotated[str, typer.Option(metavar="ID", help="Only the sessions of the user with this object id.")] = "",
    client: Annotated[str, typer.Option(metavar="ID", help="Only those of the client with this id.")] = "",
    application: _ApplicationOption = "",
    person: _PersonOption = "alice",
    json: JsonOption = False,
) -> None:
    """List the sessions that there are: user, client, server, and when each began, was last refreshed and ends if nobody refreshes it.

    \b
      secure-mcp sessions list https://mcp.example.com --application ID

    You need the role Sessions.End (option `operators`), and the Azure CLI's login. The gateway reads its session store, which may be
    private. No key is shown, and each list is an audit event.
    """
    from secure_mcp_local.cli.sessions import Asked, show  # noqa: PLC0415

    show(Asked(gateway, user, client, application, person), as_json=json)


@sessions.command("end", short_help="End all sessions of a user or of a client.")
def end_sessions(
    gateway: _GatewayArgument,
    user: Annotated[str, typer.Option(metavar="ID", help="Object id of the user whose sessions end.")] = "",
    client: Annotated[str, typer.Option(metavar="ID", help="Client id whose sessions end, of all users.")] = "",
    application: _ApplicationOption = "",
    person: _PersonOption = "alice",
) -> None:
    """End all sessions of a user or of a client, everywhere within a minute.

    \b
      secure-mcp sessions end https://mcp.example.com --application ID --user ID

    You need the role Sessions.End (option `operators`), and the Azure CLI's login. Nothing is asked of the session store directly, so it
    may be private. They can sign in again unless something else keeps them out: unassign the user, or take the client off allowedClients.
    """
    from secure_mcp_local.cli.sessions import Asked, end  # noqa: PLC0415

    end(Asked(gateway, user, client, application, person))


def doctor(
    url: Annotated[str, typer.Argument(metavar="[URL]", help="Address of the MCP server, as users type it.")] = "",
    stack: Annotated[
        str,
        typer.Option(
            "--stack", "-s", metavar="NAME",
            help="Instead of a server: whether API Management has the policy documents that the program of this stack renders.",
        ),
    ] = "",
    config: ConfigOption = None,
    endpoint: _ResourceManagerOption = _RESOURCE_MANAGER,
    cwd: CwdsOption = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Only what needs no sign-in.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this check, such as challenge. Can be repeated.")
    ] = None,
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Local cloud: sign in as alice or bob, without a browser.")
    ] = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address to open.")
    ] = True,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=3600, help="How long to wait for you at each sign-in.")] = 300,
    client_id: Annotated[
        str, typer.Option(metavar="ID", help="A client that is registered already, with loopback redirect URIs.")
    ] = "",
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Browser origin that the server should allow. Can be repeated."),
    ] = None,
    call: Annotated[
        str, typer.Option("--call", metavar="TOOL", help="Call this tool, without arguments; else none is called.")
    ] = "",
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Examine a deployed or local server as an MCP client would.

    \b
      secure-mcp doctor https://mcp.example.com/mcp
      secure-mcp doctor http://localhost:8080/mcp --as alice
      secure-mcp doctor --stack prod

    Says line by line which parts of the contract hold and what to do where they do not, signs in three times on the way, and
    ends the sessions that it made.

    With --stack: asks Azure, reading only, for every policy document of the stack's API Management, and says which differ from what
    the program renders, which are missing and which are not its own.

    Exit code 0: all holds; 1: something does not; 2: nothing could be examined.
    """
    if bool(url) == bool(stack):
        raise typer.BadParameter(
            "give the URL of a server, or the stack whose deployed policies are compared with --stack"
        )
    if stack:
        from secure_mcp_local.cli import comparison  # noqa: PLC0415

        raise typer.Exit(comparison.run(comparison.Request(project_roots(cwd), stack, parsed(config), endpoint, json)))
    from secure_mcp_local.cli.examination import Request, run  # noqa: PLC0415
    from secure_mcp_local.doctor import Options  # noqa: PLC0415

    options = Options(client_id, tuple(origin or ()), call)
    request = Request(url, options, tuple(only or ()), anonymous, person, browser, wait, json)
    raise typer.Exit(run(request))


def preflight(
    stack: StackOption = "dev",
    config: ConfigOption = None,
    subscription: Annotated[
        str, typer.Option(metavar="ID", help="Default: ARM_SUBSCRIPTION_ID, else the one that az account show names.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this check, such as providers. Can be repeated.")
    ] = None,
    endpoint: _ResourceManagerOption = _RESOURCE_MANAGER,
    graph: Annotated[
        str, typer.Option("--graph", metavar="URL", help="Microsoft Graph of another cloud.")
    ] = "https://graph.microsoft.com",
    json: JsonOption = False,
    cwd: CwdsOption = None,
) -> None:
    """Ask a real subscription whether it would take a stack, before anything is created.

    \b
      secure-mcp preflight --stack prod
      secure-mcp preflight --only providers --only rights

    Reads only, with the login of the Azure CLI or any other of azure-identity. One line each: ok, or what is wrong and the command
    that mends it.

    Exit code: 0 nothing is wrong, 1 something is, 2 nothing could be asked.
    """
    from secure_mcp_local.cli.preflighting import Request, run  # noqa: PLC0415

    request = Request(project_roots(cwd), stack, parsed(config), subscription, tuple(only or ()), endpoint, graph, json)
    raise typer.Exit(run(request))


def probe_azure(
    service: Annotated[str, typer.Option(metavar="ID", help="ARM id of the API Management service to ask.")] = "",
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", metavar="NAME", help="Or the stack that has deployed it, as pulumi knows it."),
    ] = "",
    via: Annotated[
        str, typer.Option(metavar="URL", help="Address to call the gateway at, such as a Front Door's in front of it.")
    ] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this question. Can be repeated.")] = None,
    show: Annotated[
        bool, typer.Option("--list", help="Show every question and what is believed; ask nothing.")
    ] = False,
    endpoint: _ResourceManagerOption = _RESOURCE_MANAGER,
    json: JsonOption = False,
    cwd: CwdOption = None,
) -> None:
    """Ask a real API Management what no documentation says.

    \b
      secure-mcp probe-azure --stack dev
      secure-mcp probe-azure --list

    Makes a temporary API of its own that nobody else can call, asks it, and takes it away again, also after Ctrl-C. Nothing else
    of the service is touched. Needs the login of the Azure CLI, or any other of azure-identity, with the role API Management
    Service Contributor.

    Exit code: 0 all is as believed, 1 something differs, 2 nothing could be asked.
    """
    from secure_mcp_local.cli.probing import print_list, run, service_of  # noqa: PLC0415

    if show:
        print_list()
        return
    if bool(service) == bool(stack):
        raise typer.BadParameter("name the service with --service, or the stack with --stack")
    id = service or service_of(project_root(cwd), stack)
    raise typer.Exit(run(id, endpoint, via, only or [], as_json=json))
