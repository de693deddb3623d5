"""Gateway policies: which operations exist, and their policy documents with the static settings filled in.

Values that are only known while a stack is deployed reach a policy as APIM named values (`{{Name}}`); what is
known when the program runs is placed into its template.
"""

import re
from dataclasses import dataclass

from ..options import Options
from . import templates


@dataclass(frozen=True)
class Operation:
    """One operation of an APIM API."""

    id: str
    method: str
    url_template: str
    display_name: str
    document: str | None
    """Path of its policy document below `policies/`, or none: the API's policy says it all."""

    @property
    def parameters(self) -> list[str]:
        """Names in braces in its template."""
        return re.findall(r"\{(\w+)\}", self.url_template)


_AUTHORIZATION_SERVER_METADATA = "oauth/authorization-server-metadata.xml"

_OAUTH_OPERATIONS = (
    Operation("greeting", "GET", "/", "Greet a person", "oauth/greeting.xml"),
    Operation("authorize", "GET", "/authorize", "Authorize", "oauth/authorize.xml"),
    Operation("consent-page", "GET", "/consent", "Show the consent page", "oauth/consent-page.xml"),
    Operation("consent", "POST", "/consent", "Answer the consent page", "oauth/consent.xml"),
    Operation("oauth-callback", "GET", "/oauth-callback", "Return from Entra ID", "oauth/oauth-callback.xml"),
    Operation("token", "POST", "/token", "Token", "oauth/token.xml"),
    Operation("register", "POST", "/register", "Register a client", "oauth/register.xml"),
    Operation("list-sessions", "POST", "/sessions/list", "List sessions, for operators", "oauth/list-sessions.xml"),
    Operation("end-sessions", "POST", "/sessions/end", "End sessions, for operators", "oauth/end-sessions.xml"),
    Operation("revoke", "POST", "/revoke", "Revoke a token", "oauth/revoke.xml"),
    # Clients look for it under the path of a server, too, which has one or two segments.
    *(
        Operation(
            f"{id}{suffix}",
            "GET",
            f"/.well-known/{document}{template}",
            f"Authorization server metadata{title}{where}",
            _AUTHORIZATION_SERVER_METADATA,
        )
        for id, document, title in (
            ("authorization-server-metadata", "oauth-authorization-server", ""),
            ("openid-configuration", "openid-configuration", ", under its OpenID name"),
        )
        for suffix, template, where in (
            ("", "", ""),
            ("-of-server", "/{server}", ", with the path of a server"),
            ("-of-team-server", "/{team}/{server}", ", with the path of a server of two segments"),
        )
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


def mcp_operations(*, sse: bool) -> tuple[Operation, ...]:
    """The operations of the MCP API.

    The deprecated transport is never published together with a function key: the Functions MCP extension
    echoes the key into its endpoint event, which the client reads.
    """
    return _STREAMABLE_HTTP_OPERATIONS + (_SSE_OPERATIONS if sse else ())


def metadata_operations() -> tuple[Operation, ...]:
    """The operations of the API of a server's metadata (API path: a well-known one with the path of the MCP API)."""
    return (Operation("protected-resource-metadata", "GET", "/", "Protected resource metadata", None),)


def paths() -> tuple[str, ...]:
    """Paths of all policy documents below `policies/`, fragments apart."""
    apis = {"oauth/api.xml", "mcp/api.xml", "mcp/protected-resource-metadata.xml"}
    return tuple(sorted(apis | {operation.document for operation in _OAUTH_OPERATIONS if operation.document}))


def fragment_ids() -> tuple[str, ...]:
    """Ids of the policy fragments, one per file of `policies/fragments`, in the order of their names."""
    return tuple(sorted(path.stem for path in (templates.directory() / "fragments").glob("*.xml")))


def fragment(fragment_id: str, settings: Options, prefix: str = "") -> str:
    """The text of one policy fragment (ARM format `rawxml`)."""
    return document(f"fragments/{fragment_id}.xml", settings, prefix)


def document(path: str, settings: Options, prefix: str = "") -> str:
    """The text of the policy document `policies/<path>` (ARM format `rawxml`).

    API-wide documents are `oauth/api.xml` and `mcp/api.xml`.

    Args:
        path: Of the template.
        settings: Options of whoever owns the document: a gateway's for those of the authorization server and for fragments, a
            server's for those in `mcp`. A document that reads an option of the other does not render.
        prefix: What the ids of named values and fragments begin with, in an API Management that others use, too.

    Raises:
        jinja2.TemplateError: the document is not there, or names a setting that does not exist.
    """
    text = templates.environment().get_template(path).render(settings=settings)
    if not prefix:
        return text
    text = re.sub(r"\{\{(?=[\w.-]+\}\})", "{{" + prefix, text)
    return re.sub(r'(<include-fragment fragment-id=")', rf"\g<1>{prefix}", text)
