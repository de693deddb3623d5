"""What callers give, as typed dictionaries: Python programs write them, and Pulumi infers the provider's schema from them.

Every value is plain, not an output: it decides which resources exist. Their validated forms are `ServerConfig` and
`PolicySettings`, which the tests hold to the same names, defaults and descriptions.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class SecureMcpServerArgs(TypedDict):
    """Everything that can be chosen about a server, and its code."""

    code: str
    """Folder of the function app: absolute, or relative to the program."""
    location: str
    """Azure region, such as westeurope."""
    apim_publisher_email: str
    """Address of whoever runs the gateway; Azure writes to it."""
    apim_publisher_name: NotRequired[str]
    """Name of whoever runs the gateway. Default: secure-mcp."""
    apim_sku: NotRequired[str]
    """SKU of API Management, BasicV2, StandardV2 or PremiumV2. Default: BasicV2."""
    vnet_enabled: NotRequired[bool]
    """Whether everything but the gateway is reached through a private network only. Needs StandardV2 or PremiumV2.
    Default: false."""
    vnet_address_space: NotRequired[str]
    """IPv4 network of the private network, at least a /24. Default: 10.40.0.0/22."""
    key_vault_enabled: NotRequired[bool]
    """Whether the gateway's secrets are kept in a key vault, from which API Management reads them, instead of in API
    Management. Default: false."""
    locked: NotRequired[bool]
    """Whether what holds data (session store, storage, key vault) is locked against deletion. Unlock before you destroy
    the stack with other means than Pulumi. Default: false."""
    deploy_code: NotRequired[bool]
    """Whether the function app's code is deployed too. If not, something else has to, such as a pipeline of its own.
    Default: true."""
    backend_auth: NotRequired[str]
    """How the gateway authenticates to the function app, managedIdentity or functionKey. Default: managedIdentity."""
    sse_transport: NotRequired[str]
    """Whether the deprecated HTTP+SSE transport is published, auto (where no function key is used), enabled or disabled.
    Default: auto."""
    oauth_scopes: NotRequired[str]
    """Scopes that the gateway asks Entra ID for, separated by spaces. Default: openid profile offline_access."""
    mcp_scopes: NotRequired[Sequence[str]]
    """Scopes that MCP clients can ask for; the first is the one that the MCP API requires. Default: mcp:tools."""
    tool_scopes: NotRequired[Mapping[str, str]]
    """Tools that need one of the other mcpScopes, too: tool names and scopes, such as delete_snippet: snippets:delete. Clients
    are asked for it when they call the tool. Default: none."""
    tool_roles: NotRequired[Mapping[str, str]]
    """Tools that need an app role of the user's: tool names and roles, such as delete_snippet: Snippets.Delete. The roles are
    made, and assigned by assignedRoles or in Entra ID. Default: none."""
    mcp_protocol_versions: NotRequired[Sequence[str]]
    """MCP protocol versions that the server behind the gateway speaks, newest first. Default: 2025-11-25, 2025-06-18,
    2025-03-26, 2024-11-05."""
    allowed_origins: NotRequired[Sequence[str]]
    """Browser origins that may call the APIs, such as https://app.example.com. Default: none."""
    allowed_clients: NotRequired[Sequence[str]]
    """If not empty, only clients with these ids, redirect hosts or redirect schemes may sign in. Default: none."""
    client_metadata_hosts: NotRequired[Sequence[str]]
    """Hosts whose Client ID Metadata Documents are accepted; "*" accepts every public host. Default: none."""
    redirect_schemes: NotRequired[Sequence[str]]
    """Private-use URI schemes that clients may redirect to. Default: cursor, vscode, vscode-insiders."""
    custom_domains: NotRequired[Sequence[str]]
    """Further host names under which the gateway is reached. Default: none."""
    sign_in_rate_limit: NotRequired[int]
    """Calls a minute and address on each operation of the OAuth API. Default: 60."""
    mcp_rate_limit: NotRequired[int]
    """Calls a minute and user on the MCP API. Default: 300."""
    consent_days: NotRequired[int]
    """Days that an approval is remembered in the user's browser; 0 asks every time. Default: 30."""
    session_minutes: NotRequired[int]
    """Minutes that a session key lives, at most 60. Default: 60."""
    refresh_days: NotRequired[int]
    """Days that a session lives without being refreshed. Default: 14."""
    encryption_key_version: NotRequired[int]
    """Number of the key that seals tokens, 1 to 255. Raise it by one to rotate; the one before still opens. Default: 1."""
    login_endpoint: NotRequired[str]
    """Entra ID's address in this Azure cloud. Default: https://login.microsoftonline.com."""
    assigned_users: NotRequired[Sequence[str]]
    """Object ids of users who may sign in. Default: none."""
    assigned_groups: NotRequired[Sequence[str]]
    """Object ids of groups whose members may sign in. Default: none."""
    assigned_roles: NotRequired[Mapping[str, str]]
    """Object ids of users or groups who may sign in, and their roles of toolRoles, separated by spaces. Default: none."""
    alert_emails: NotRequired[Sequence[str]]
    """Addresses that alerts go to. If empty, they go to apimPublisherEmail. Default: none."""
    alert_latency_seconds: NotRequired[int]
    """Seconds that the slowest of each twenty calls may take before an alert, 1 to 230. Default: 10."""


class GatewaySettings(TypedDict):
    """The static part of the gateway's behaviour. Give the same to the authorization server and to the MCP API."""

    login_endpoint: NotRequired[str]
    """Entra ID's address in this Azure cloud, without a trailing slash. Default: https://login.microsoftonline.com."""
    custom_domains: NotRequired[Sequence[str]]
    """Further public host names of the gateway, such as `mcp.example.com`. Default: none."""
    allowed_origins: NotRequired[Sequence[str]]
    """Browser origins that may call the MCP API and the OAuth endpoints, such as `https://app.example.com`. Default:
    none."""
    sign_in_rate_limit: NotRequired[int]
    """Calls a minute and client address on each of /register, /authorize and /token. Default: 60."""
    mcp_rate_limit: NotRequired[int]
    """Calls a minute and user on the MCP API. Default: 300."""
    consent_days: NotRequired[int]
    """How long an approval is remembered in the user's browser; 0 asks every time. Default: 30."""
    session_minutes: NotRequired[int]
    """Lifetime of a session key (the access token of MCP clients), at most 60. Default: 60."""
    refresh_days: NotRequired[int]
    """Lifetime of a session without use (the refresh token). Default: 14."""
    mcp_scopes: NotRequired[Sequence[str]]
    """Scopes a client can ask for; the first is the one that the MCP API requires. Default: mcp:tools."""
    tool_scopes: NotRequired[Mapping[str, str]]
    """Tools that need one of the other scopes, too, by the tool's name. Default: none."""
    tool_roles: NotRequired[Mapping[str, str]]
    """Tools that need an app role of the user's, by the tool's name. Default: none."""
    backend_auth: NotRequired[str]
    """`managedIdentity` or `functionKey`. Default: managedIdentity."""
    sse_transport: NotRequired[bool]
    """Whether the deprecated HTTP+SSE transport is published (never with `functionKey`). Default: true."""
    redirect_schemes: NotRequired[Sequence[str]]
    """Private-use URI schemes that a client may register. Default: cursor, vscode, vscode-insiders."""
    allowed_clients: NotRequired[Sequence[str]]
    """If not empty: only clients with these ids or redirect hosts may sign in. Default: none."""
    protocol_versions: NotRequired[Sequence[str]]
    """MCP protocol versions that the server behind the gateway speaks, newest first. Default: 2025-11-25, 2025-06-18,
    2025-03-26, 2024-11-05."""
    client_metadata_hosts: NotRequired[Sequence[str]]
    """Hosts whose Client ID Metadata Documents are accepted; `*` accepts every public host. Default: none."""
