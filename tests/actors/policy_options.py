"""Options of a gateway and of a server at once, for tests that render every policy document."""

from secure_mcp.gateway.options import AuthorizationServerOptions
from secure_mcp.server.options import ServerOptions


class PolicyOptions(ServerOptions, AuthorizationServerOptions):
    """What policies are rendered with."""
