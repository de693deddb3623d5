"""The components for programs in other languages: Pulumi infers the schema from their typed arguments and outputs.

`Network`, `Storage` and `McpFunctionApp` are not offered: they are parts of `SecureMcpServer`, which wires them.
"""

from importlib.metadata import version

from pulumi.provider.experimental import component_provider_host

from secure_mcp import (
    AuthorizationServer,
    EntraApplication,
    Gateway,
    KeyVault,
    McpApi,
    Monitoring,
    SecureMcpServer,
    SessionStore,
)

COMPONENTS = [
    SecureMcpServer,
    AuthorizationServer,
    EntraApplication,
    Gateway,
    KeyVault,
    McpApi,
    Monitoring,
    SessionStore,
]

if __name__ == "__main__":
    component_provider_host(name="secure-mcp", components=[*COMPONENTS], version=version("pulumi-secure-mcp"))
