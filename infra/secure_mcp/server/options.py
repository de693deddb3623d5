"""What can be chosen about one MCP server. Its own policy reads these, and none of the gateway's."""

from collections.abc import Mapping, Sequence

from ..apis.branding import ServerBrandOptions
from ..apis.options import OriginOptions
from ..options import Options, Rule, each, length, matches, names, one_of, option
from ..options.error import key_of
from ..options.rules import OBJECT_IDS

BACKEND_AUTH = ("managedIdentity", "functionKey")
SSE_TRANSPORT = ("disabled", "enabled")

_TOOLS = Rule(r"[A-Za-z0-9_./-]{1,128}", "a tool's name has letters, digits and _ - . / only")
_ROLES = Rule(
    r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}", "a role has letters, digits and _ . : - only, and at most 120 of them"
)
_SCOPES = Rule(r"[\x21\x23-\x5B\x5D-\x7E]+", "a scope has no spaces, quotes or backslashes")


_SENTENCES = Rule(r"[^\x00-\x1f\x7f{}]{1,200}", "give a sentence of at most 200 characters, without braces")


def _alike(tools: Mapping[str, str]) -> str | None:
    if len({tool.lower() for tool in tools}) == len(tools):
        return None
    return "two names differ in case only; some servers take both for the same tool"


_PATH = Rule(
    r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)?",
    "give one or two segments of lower-case letters, digits and single hyphens, such as snippets or team/snippets",
)
_RESERVED = {"authorize", "consent", "oauth-callback", "token", "register", "revoke", "sessions"}
"""Paths of the authorization server."""
_LAST = {"sse", "message"}
"""What the deprecated transport adds to a server's path."""
ACCESS = "Mcp.Access"
"""The app role of everybody who may use a server, whatever else they may."""
SIGN_IN = "Mcp.SignIn"
"""The delegated permission that lets the gateway ask for a user's token of the server."""
GRAPH = "00000003-0000-0000-c000-000000000000"
"""Client id of Microsoft Graph in every tenant: https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in"""


def _published(path: str) -> str | None:
    first, *_, last = path.split("/") * 2
    if first in _RESERVED:
        return f"the authorization server answers at /{first}; choose another path"
    return f"the deprecated transport may add /{last} to a path; choose another last segment" if last in _LAST else None


class PublicationOptions(Options):
    """Where a server is found, and what people call it."""

    path: str = option(matches(_PATH), length(0, 64), _published, default="mcp")
    """Path of the server on the gateway, one or two segments; clients are given the gateway's address with it."""
    display_name: str = option(length(0, 80), default="")
    """What people read where they are asked to allow a client, such as Snippets. Empty: MCP server, and the path unless it is mcp."""

    @property
    def title(self) -> str:
        """What people call the server."""
        return self.display_name or ("MCP server" if self.path == "mcp" else f"MCP server {self.path}")

    @property
    def api_id(self) -> str:
        """Id of its API, and the beginning of every id that is the server's alone: two paths never have the same."""
        return "mcp" if self.path == "mcp" else "mcp-" + self.path.replace("/", "--")

    @property
    def metadata_api_id(self) -> str:
        """Id of the API of its metadata."""
        return "resource-metadata-" + self.path.replace("/", "--")


class TransportOptions(Options):
    """How the gateway and the server talk."""

    backend_auth: str = option(one_of(*BACKEND_AUTH), default="managedIdentity")
    """How the gateway authenticates to the server, managedIdentity or functionKey."""
    sse_transport: str = option(one_of(*SSE_TRANSPORT), default="disabled")
    """Whether the deprecated HTTP+SSE transport is published, disabled or enabled. Not together with a function key, tool roles or tool
    scopes: whoever knows the address of a stream calls as its user."""
    mcp_protocol_versions: Sequence[str] = option(
        each(Rule(r"\d{4}-\d{2}-\d{2}", "a protocol version is a date")),
        length(1),
        # Not 2025-03-26, whose servers must take batches: a batch would be checked as one message and read as many.
        default=("2025-11-25", "2025-06-18", "2024-11-05"),
    )
    """MCP protocol versions that the server behind the gateway speaks, newest first."""

    mcp_param_headers: Sequence[str] = option(
        each(Rule(r"[A-Za-z0-9_-]{1,64}", "give what follows Mcp-Param- in the name of the header")), default=()
    )
    """Headers for parameters of tools that browsers may send, without their Mcp-Param-, such as Region (MCP 2026-07-28, x-mcp-header)."""

    def check(self) -> None:
        if self.sse_transport == "enabled" and self.backend_auth == "functionKey":
            raise self.wrong(
                "sse_transport",
                "with backendAuth functionKey the deprecated transport would tell clients the key; set backendAuth to managedIdentity",
            )

    @property
    def listed_versions(self) -> tuple[str, ...]:
        """What a refusal of another version lists. From 2026-07-28 on each request names its version, and the older ones, which are agreed on by
        `initialize`, are not among the versions that a server discovers (https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning)."""
        return tuple(each for each in self.mcp_protocol_versions if each >= "2026-07-28") or tuple(
            self.mcp_protocol_versions
        )

    @property
    def sse_published(self) -> bool:
        """Whether the deprecated HTTP+SSE transport is declared."""
        return self.sse_transport == "enabled"

    @property
    def param_headers(self) -> tuple[str, ...]:
        """Headers that carry parameters of tools."""
        return tuple(f"Mcp-Param-{name}" for name in self.mcp_param_headers)


class UserTokenOptions(Options):
    """An API that tools of a server call in the name of the user who calls them, and what they may do there."""

    application: str = option(
        matches(Rule(OBJECT_IDS.pattern, "give the client id of the API's application in Entra ID")), default=GRAPH
    )
    """Client id of the API's application in Entra ID; that of Microsoft Graph unless another is given."""
    scopes: Sequence[str] = option(
        each(
            Rule(
                r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}",
                "a delegated permission is named as the API names it, such as User.Read",
            )
        ),
        length(1, 20),
    )
    """Delegated permissions of the API that tools get, such as User.Read. They are granted for all users."""
    tools: Sequence[str] = option(each(_TOOLS), length(1, 50))
    """Tools whose calls bring the user's token along."""

    def check(self) -> None:
        if (lost := next((scope for scope in self.scopes if scope.lower() in _NOT_DELEGATED), None)) is not None:
            raise self.wrong(
                "scopes", f"{lost} is no permission of an API that can be named here; name each that the tools need"
            )

    @property
    def consent_scopes(self) -> tuple[str, ...]:
        """What a session is asked for where Entra ID misses the user's consent: the permissions, with the API before those of others than Microsoft Graph."""
        prefix = "" if self.application.lower() == GRAPH else f"{self.application.lower()}/"
        return tuple(prefix + scope for scope in self.scopes)

    @property
    def entra_scopes(self) -> tuple[str, ...]:
        """The permissions as Entra ID wants them: https://learn.microsoft.com/entra/identity-platform/scopes-oidc"""
        return tuple(f"{self.application.lower()}/{scope}" for scope in self.scopes)


_NOT_DELEGATED = {"openid", "profile", "email", "offline_access"}


class UserRightsOptions(Options):
    """What tools do with their user's own rights."""

    user_token_scopes: Sequence[UserTokenOptions] = option(length(0, 10), default=())
    """APIs that tools call in the name of the user who calls them: each with scopes (delegated permissions, such as User.Read), tools and, if
    it is not Microsoft Graph, application (its client id). Calls of these tools bring the user's token along. None: no tool gets one."""

    def check(self) -> None:
        tools = [tool.lower() for each in self.user_token_scopes for tool in each.tools]
        if len(set(tools)) < len(tools):
            raise self.wrong(
                "user_token_scopes", "a tool is named twice, or in another case; it gets the token of one API"
            )
        applications = [each.application.lower() for each in self.user_token_scopes]
        if len(set(applications)) < len(applications):
            raise self.wrong("user_token_scopes", "an API is named twice; name it once, with all its scopes and tools")

    @property
    def consent_scopes(self) -> tuple[str, ...]:
        """Scopes that a session is asked for where Entra ID misses the user's consent to what a tool does in their name."""
        return tuple(scope for each in self.user_token_scopes for scope in each.consent_scopes)

    @property
    def user_token_tools(self) -> dict[str, str]:
        """Tools that get a user's token, each with the place of its API in the list."""
        return {tool: str(place) for place, each in enumerate(self.user_token_scopes) for tool in each.tools}


class ScopeOptions(UserRightsOptions):
    """What a session may do."""

    mcp_scopes: Sequence[str] = option(each(_SCOPES), length(1), default=("mcp:tools",))
    """Scopes that MCP clients can ask for; the first is the one that the MCP API requires."""
    scope_descriptions: Mapping[str, str] = option(each(_SCOPES), names(_SENTENCES), default={})
    """What people read about these scopes where they are asked to allow a client: scopes and sentences, such as snippets:write: Save and
    change snippets."""
    tool_scopes: Mapping[str, str] = option(each(_TOOLS), _alike, default={})
    """Tools that need one of the other mcpScopes, too: tool names and scopes, such as delete_snippet: snippets:delete. Clients
    are asked for it when they call the tool."""
    tool_roles: Mapping[str, str] = option(each(_TOOLS), _alike, names(_ROLES), default={})
    """Tools that need an app role of the user's: tool names and roles, such as delete_snippet: Snippets.Delete. The roles are
    made, and assigned by assignedRoles or in Entra ID."""

    def check(self) -> None:
        base, *others = self.mcp_scopes
        known = [*self.mcp_scopes, "offline_access", *self.consent_scopes]
        if len(set(known)) < len(known):
            raise self.wrong(
                "user_token_scopes",
                "a permission is named twice, or like one of mcpScopes; name the scope of mcpScopes otherwise",
            )
        if unknown := sorted(set(self.scope_descriptions) - set(known)):
            raise self.wrong("scope_descriptions", f"mcpScopes has no {unknown[0]}")
        if base in self.tool_scopes.values():
            raise self.wrong("tool_scopes", f"every session has {base}; name another scope")
        if SIGN_IN in self.tool_roles.values():
            raise self.wrong(
                "tool_roles", f"{SIGN_IN} is the name of a permission of every server; choose another role"
            )
        if not set(self.tool_scopes.values()) <= set(others):
            raise self.wrong("tool_scopes", "name scopes that mcpScopes has, after its first")

    @property
    def base_scopes(self) -> tuple[str, ...]:
        """What a client gets that asks for nothing: the scopes that no tool needs. The others come step by step."""
        return tuple(scope for scope in self.mcp_scopes if scope not in self.tool_scopes.values())

    @property
    def known_scopes(self) -> tuple[str, ...]:
        """All that a client can ask for."""
        return (*self.mcp_scopes, *self.consent_scopes)

    @property
    def described_scopes(self) -> dict[str, str]:
        """What people read about scopes where they are asked to allow a client."""
        own = {scope: f"Act in your name at another service ({scope})" for scope in self.consent_scopes}
        return {**own, **self.scope_descriptions}

    @property
    def app_roles(self) -> tuple[str, ...]:
        """Roles that a tool needs, which Entra ID must know."""
        return tuple(sorted(set(self.tool_roles.values()) - {ACCESS}))


class WorkloadOptions(Options):
    """A caller without a user that a server admits, and what it may do there."""

    client: str = option(
        matches(
            Rule(r"|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", "give the id of one of the gateway's clients")
        ),
        default="",
    )
    """Id of one of the gateway's clients that is a workload."""
    application: str = option(
        matches(Rule(rf"|{OBJECT_IDS.pattern}", "give the client id of an application")), default=""
    )
    """Instead: client id of an application or managed identity of Entra ID's whose own tokens the server takes."""
    principal: str = option(matches(Rule(rf"|{OBJECT_IDS.pattern}", OBJECT_IDS.problem)), default="")
    """Object id of that application's service principal, to which the roles are assigned."""
    roles: Sequence[str] = option(each(_ROLES), default=())
    """Roles of toolRoles that it has, beside that of everybody who may use the server."""
    scopes: Sequence[str] = option(each(_SCOPES), default=())
    """Scopes that it may have, of mcpScopes; if empty, those that no tool needs."""

    def check(self) -> None:
        if bool(self.client) == bool(self.application):
            raise self.wrong("client", "give one of client and application")
        if bool(self.application) != bool(self.principal):
            raise self.wrong(
                "principal", "application and principal belong together: roles are assigned to the principal"
            )

    @property
    def granted_roles(self) -> tuple[str, ...]:
        """Its roles, that of everybody who may use the server first."""
        return tuple(dict.fromkeys((ACCESS, *self.roles)))


class CallerOptions(Options):
    """Callers without a user."""

    workloads: Sequence[WorkloadOptions] = option(length(0, 50), default=())
    """Callers without a user that the server admits: each with client (the id of one of the gateway's clients that is a workload), or with
    application and principal (of Entra ID's), and with roles and scopes. None unless they are named."""
    tool_callers: Mapping[str, str] = option(
        each(_TOOLS), _alike, names(Rule(r"users|workloads", "a tool is for users or for workloads")), default={}
    )
    """Tools that only users, or only workloads, may call: tool names, each with users or workloads."""

    def check(self) -> None:
        ids = [workload.client or workload.application.lower() for workload in self.workloads]
        if len(set(ids)) < len(ids):
            raise self.wrong("workloads", "a workload is named once")
        if self.tool_callers and not self.workloads:
            raise self.wrong(
                "tool_callers", "the server admits no workloads, so all its callers are users; name some in workloads"
            )

    @property
    def client_workloads(self) -> tuple[WorkloadOptions, ...]:
        """Those that get a session at the gateway."""
        return tuple(workload for workload in self.workloads if workload.client)

    @property
    def workload_roles(self) -> tuple[str, ...]:
        """Roles of which an application of Entra ID's needs one."""
        return tuple(dict.fromkeys(role for workload in self.application_workloads for role in workload.granted_roles))

    @property
    def application_workloads(self) -> tuple[WorkloadOptions, ...]:
        """Those that come with a token of Entra ID's."""
        return tuple(workload for workload in self.workloads if workload.application)


class AssignmentOptions(Options):
    """Who may sign in."""

    assigned_users: Sequence[str] = option(each(OBJECT_IDS), default=())
    """Object ids of users who may sign in."""
    assigned_groups: Sequence[str] = option(each(OBJECT_IDS), default=())
    """Object ids of groups whose members may sign in."""
    assigned_roles: Mapping[str, str] = option(
        each(Rule(OBJECT_IDS.pattern, "give object ids of Entra ID, each with its roles")), default={}
    )
    """Object ids of users or groups who may sign in, and their roles of toolRoles, separated by spaces."""


class ServerOptions(
    AssignmentOptions,
    CallerOptions,
    ScopeOptions,
    TransportOptions,
    OriginOptions,
    ServerBrandOptions,
    PublicationOptions,
):
    """Everything that is one MCP server's."""

    mcp_rate_limit: int = option(default=300, at_least=1, at_most=1_000_000)
    """Calls a minute and user on the MCP API."""

    def check(self) -> None:
        for guard in ("tool_roles", "tool_scopes", "user_token_scopes", "workloads"):
            if self.sse_published and getattr(self, guard):
                raise self.wrong(
                    "sse_transport",
                    f"the gateway cannot tie a message to its stream, so {key_of(guard)} would guard nothing; set it to disabled",
                )
        for tool in self.user_token_tools:
            if self.tool_callers.get(tool) == "workloads":
                raise self.wrong(
                    "user_token_scopes",
                    f"{tool} is for workloads by toolCallers, and they have no user; leave it out of one",
                )
        for workload in self.workloads:
            name = workload.client or workload.application
            if lost := sorted(set(workload.scopes) - set(self.mcp_scopes)):
                raise self.wrong("workloads", f"{name}: mcpScopes has no {lost[0]}")
            if workload.scopes and self.mcp_scopes[0] not in workload.scopes:
                raise self.wrong("workloads", f"{name}: every caller needs {self.mcp_scopes[0]}; add it to its scopes")
            if lost := sorted(set(workload.roles) - {ACCESS, *self.app_roles}):
                raise self.wrong("workloads", f"{name}: no tool needs the role {lost[0]}")
        unknown = sorted(
            {role for roles in self.assigned_roles.values() for role in roles.split(" ")} - {ACCESS, *self.app_roles}
        )
        if unknown:
            raise self.wrong(
                "assigned_roles",
                f"no tool needs {unknown[0]!r}; toolRoles has {', '.join(self.app_roles) or 'no roles'}",
            )
