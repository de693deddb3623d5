"""Gateway policies: which operations exist, and their policy documents with the static settings filled in.

Values that are only known while a stack is deployed reach a policy as APIM named values (`{{Name}}`); what is
known when the program runs is placed into its template. Pure text: no Pulumi here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import templates


@dataclass(frozen=True)
class PolicySettings:
    """The static part of the gateway's behaviour."""

    login_endpoint: str = "https://login.microsoftonline.com"
    """Entra ID's address in this Azure cloud, without a trailing slash."""
    custom_domains: tuple[str, ...] = ()
    """Further public host names of the gateway, such as `mcp.example.com`."""
    allowed_origins: tuple[str, ...] = ()
    """Browser origins that may call the MCP API and the OAuth endpoints, such as `https://app.example.com`."""
    sign_in_rate_limit: int = 60
    """Calls a minute and client address on each of /register, /authorize and /token."""
    mcp_rate_limit: int = 300
    """Calls a minute and user on the MCP API."""
    consent_days: int = 30
    """How long an approval is remembered in the user's browser; 0 asks every time."""
    session_minutes: int = 60
    """Lifetime of a session key (the access token of MCP clients), at most 60."""
    refresh_days: int = 14
    """Lifetime of a session without use (the refresh token)."""
    mcp_scopes: tuple[str, ...] = ("mcp:tools",)
    """Scopes a client can ask for; the first is the one that the MCP API requires."""
    tool_scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tools that need one of the other scopes, too, by the tool's name."""
    tool_roles: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tools that need an app role of the user's, by the tool's name."""
    backend_auth: str = "managedIdentity"
    """`managedIdentity` or `functionKey`."""
    sse_transport: bool = True
    """Whether the deprecated HTTP+SSE transport is published (never with `functionKey`)."""
    redirect_schemes: tuple[str, ...] = ("cursor", "vscode", "vscode-insiders")
    """Private-use URI schemes that a client may register."""
    allowed_clients: tuple[str, ...] = ()
    """If not empty: only clients with these ids or redirect hosts may sign in."""
    protocol_versions: tuple[str, ...] = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
    """MCP protocol versions that the server behind the gateway speaks, newest first."""
    client_metadata_hosts: tuple[str, ...] = ()
    """Hosts whose Client ID Metadata Documents are accepted; `*` accepts every public host."""

    @property
    def base_scopes(self) -> tuple[str, ...]:
        """What a client gets that asks for nothing: the scopes that no tool needs. The others come step by step."""
        return tuple(scope for scope in self.mcp_scopes if scope not in self.tool_scopes.values())


@dataclass(frozen=True)
class Operation:
    """One operation of an APIM API."""

    id: str
    method: str
    url_template: str
    display_name: str
    document: str | None
    """Path of its policy document below `policies/`, or none: the API's policy says it all."""


_AUTHORIZATION_SERVER_METADATA = "oauth/authorization-server-metadata.xml"
_PROTECTED_RESOURCE_METADATA = "oauth/protected-resource-metadata.xml"

_OAUTH_OPERATIONS = (
    Operation("authorize", "GET", "/authorize", "Authorize", "oauth/authorize.xml"),
    Operation("consent-page", "GET", "/consent", "Show the consent page", "oauth/consent-page.xml"),
    Operation("consent", "POST", "/consent", "Answer the consent page", "oauth/consent.xml"),
    Operation("oauth-callback", "GET", "/oauth-callback", "Return from Entra ID", "oauth/oauth-callback.xml"),
    Operation("token", "POST", "/token", "Token", "oauth/token.xml"),
    Operation("register", "POST", "/register", "Register a client", "oauth/register.xml"),
    Operation("revoke", "POST", "/revoke", "Revoke a token", "oauth/revoke.xml"),
    Operation(
        "authorization-server-metadata",
        "GET",
        "/.well-known/oauth-authorization-server",
        "Authorization server metadata",
        _AUTHORIZATION_SERVER_METADATA,
    ),
    Operation(
        "authorization-server-metadata-mcp",
        "GET",
        "/.well-known/oauth-authorization-server/mcp",
        "Authorization server metadata, with the path of the MCP API",
        _AUTHORIZATION_SERVER_METADATA,
    ),
    Operation(
        "openid-configuration",
        "GET",
        "/.well-known/openid-configuration",
        "Authorization server metadata, under its OpenID name",
        _AUTHORIZATION_SERVER_METADATA,
    ),
    Operation(
        "openid-configuration-mcp",
        "GET",
        "/.well-known/openid-configuration/mcp",
        "Authorization server metadata, under its OpenID name, with the path of the MCP API",
        _AUTHORIZATION_SERVER_METADATA,
    ),
    Operation(
        "protected-resource-metadata",
        "GET",
        "/.well-known/oauth-protected-resource",
        "Protected resource metadata",
        _PROTECTED_RESOURCE_METADATA,
    ),
    Operation(
        "protected-resource-metadata-mcp",
        "GET",
        "/.well-known/oauth-protected-resource/mcp",
        "Protected resource metadata, with the path of the MCP API",
        _PROTECTED_RESOURCE_METADATA,
    ),
)

_STREAMABLE_HTTP_OPERATIONS = (
    Operation("mcp-post", "POST", "/", "Send a message", None),
    Operation("mcp-get", "GET", "/", "Open a stream", None),
    Operation("mcp-delete", "DELETE", "/", "End a session", None),
)

# Deprecated since MCP 2025-03-26, still used by clients.
_SSE_OPERATIONS = (
    Operation("sse", "GET", "/sse", "Open a stream (deprecated transport)", None),
    Operation("message", "POST", "/message", "Send a message (deprecated transport)", None),
)


def oauth_operations(settings: PolicySettings) -> tuple[Operation, ...]:
    """The operations of the OAuth API (API path: the root)."""
    del settings  # every setting needs all of them
    return _OAUTH_OPERATIONS


def mcp_operations(settings: PolicySettings) -> tuple[Operation, ...]:
    """The operations of the MCP API (API path: `mcp`).

    The deprecated transport is never published together with a function key: the Functions MCP extension
    echoes the key into its endpoint event, which the client reads.
    """
    published = settings.sse_transport and settings.backend_auth == "managedIdentity"
    return _STREAMABLE_HTTP_OPERATIONS + (_SSE_OPERATIONS if published else ())


def fragment_ids() -> tuple[str, ...]:
    """Ids of the policy fragments, one per file of `policies/fragments`, in the order of their names."""
    return tuple(sorted(path.stem for path in (templates.directory() / "fragments").glob("*.xml")))


def fragment(fragment_id: str, settings: PolicySettings) -> str:
    """The text of one policy fragment (ARM format `rawxml`)."""
    return document(f"fragments/{fragment_id}.xml", settings)


def document(path: str, settings: PolicySettings) -> str:
    """The text of the policy document `policies/<path>` (ARM format `rawxml`).

    API-wide documents are `oauth/api.xml` and `mcp/api.xml`.

    Raises:
        jinja2.TemplateError: the document is not there, or names a setting that does not exist.
    """
    return templates.environment().get_template(path).render(settings=settings)
