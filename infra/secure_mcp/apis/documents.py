"""Gateway policies: which operations exist, and their policy documents with the static settings filled in.

Values that are only known while a stack is deployed reach a policy as APIM named values (`{{Name}}`); what is
known when the program runs is placed into its template.
"""

from dataclasses import dataclass

from ..gateway.options import AuthorizationServerOptions
from ..options import Options
from ..server.options import ServerOptions, TransportOptions
from . import templates


class PolicyOptions(ServerOptions, AuthorizationServerOptions):
    """What policies are rendered with."""


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


def oauth_operations() -> tuple[Operation, ...]:
    """The operations of the OAuth API (API path: the root)."""
    return _OAUTH_OPERATIONS


def mcp_operations(settings: TransportOptions) -> tuple[Operation, ...]:
    """The operations of the MCP API (API path: `mcp`).

    The deprecated transport is never published together with a function key: the Functions MCP extension
    echoes the key into its endpoint event, which the client reads.
    """
    return _STREAMABLE_HTTP_OPERATIONS + (_SSE_OPERATIONS if settings.sse_published else ())


def fragment_ids() -> tuple[str, ...]:
    """Ids of the policy fragments, one per file of `policies/fragments`, in the order of their names."""
    return tuple(sorted(path.stem for path in (templates.directory() / "fragments").glob("*.xml")))


def fragment(fragment_id: str, settings: Options) -> str:
    """The text of one policy fragment (ARM format `rawxml`)."""
    return document(f"fragments/{fragment_id}.xml", settings)


def document(path: str, settings: Options) -> str:
    """The text of the policy document `policies/<path>` (ARM format `rawxml`).

    API-wide documents are `oauth/api.xml` and `mcp/api.xml`.

    Raises:
        jinja2.TemplateError: the document is not there, or names a setting that does not exist.
    """
    return templates.environment().get_template(path).render(settings=settings)
