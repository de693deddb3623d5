"""Gateway policies: which operations exist, and their policy documents with the static settings filled in.

Values that are only known while a stack is deployed reach a policy as APIM named values (`{{Name}}`); what is
known when the program runs is placed by Jinja2, with `[[ ]]` and `[% %]` as delimiters, which mean nothing in
policy XML or C#. Pure text: no Pulumi here.
"""

from dataclasses import dataclass


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
    backend_auth: str = "managedIdentity"
    """`managedIdentity` or `functionKey`."""
    sse_transport: bool = True
    """Whether the deprecated HTTP+SSE transport is published (never with `functionKey`)."""
    redirect_schemes: tuple[str, ...] = ("cursor", "vscode", "vscode-insiders")
    """Private-use URI schemes that a client may register."""
    allowed_clients: tuple[str, ...] = ()
    """If not empty: only clients with these ids or redirect hosts may sign in."""
    client_metadata_hosts: tuple[str, ...] = ()
    """Hosts whose Client ID Metadata Documents are accepted; `*` accepts every public host."""


@dataclass(frozen=True)
class Operation:
    """One operation of an APIM API."""

    id: str
    method: str
    url_template: str
    display_name: str
    document: str | None
    """Path of its policy document below `policies/`, or none: the API's policy says it all."""


def oauth_operations(settings: PolicySettings) -> tuple[Operation, ...]:
    """The operations of the OAuth API (API path: the root)."""
    raise NotImplementedError


def mcp_operations(settings: PolicySettings) -> tuple[Operation, ...]:
    """The operations of the MCP API (API path: `mcp`)."""
    raise NotImplementedError


def fragment_ids() -> tuple[str, ...]:
    """Ids of the policy fragments, one per file of `policies/fragments`, in the order of their names."""
    raise NotImplementedError


def fragment(fragment_id: str, settings: PolicySettings) -> str:
    """The text of one policy fragment (ARM format `rawxml`)."""
    raise NotImplementedError


def document(path: str, settings: PolicySettings) -> str:
    """The text of the policy document `policies/<path>` (ARM format `rawxml`).

    API-wide documents are `oauth/api.xml` and `mcp/api.xml`.
    """
    raise NotImplementedError
