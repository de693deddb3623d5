"""The components for programs in other languages: Pulumi infers the schema from their typed arguments and outputs.

`Network`, `Storage` and `McpFunctionApp` are not offered: they are parts of `SecureMcpServer`, which wires them.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider

from secure_mcp import (
    ApiManagement,
    AuthorizationServer,
    ContainerApp,
    Gateway,
    KeyVault,
    McpApi,
    Monitoring,
    SecureMcpServer,
    Server,
    ServerApplication,
    SessionStore,
    SignInApplication,
)
from secure_mcp.interruption import interrupt
from secure_mcp.options.schema import describe, offered, options_of

PACKAGE = "secure-mcp"
NPM_PACKAGE = "@secure-mcp/pulumi"
"""Name of the TypeScript SDK. Without one it would lie in Pulumi's own scope, `@pulumi`, which is not ours."""
PYTHON_PACKAGE = "secure_mcp_sdk"
"""Name of the SDK that is generated for Python programs. Without one it would be that of the library's own distribution."""
COMPONENTS = (
    SecureMcpServer,
    ApiManagement,
    AuthorizationServer,
    ContainerApp,
    Gateway,
    KeyVault,
    McpApi,
    Monitoring,
    Server,
    ServerApplication,
    SessionStore,
    SignInApplication,
)


class Provider(ComponentProvider):
    """The provider that Pulumi infers, with the descriptions and defaults of options in its schema."""

    def __init__(self) -> None:
        options = {component.__name__: options_of(component) for component in COMPONENTS}
        super().__init__(
            [offered(component) for component in COMPONENTS], PACKAGE, version=version("pulumi-secure-mcp")
        )
        schema: dict[str, Any] = json.loads(self.schema or "{}")
        describe(schema, PACKAGE, options)
        schema["language"]["nodejs"]["packageName"] = NPM_PACKAGE
        schema["language"]["python"]["packageName"] = PYTHON_PACKAGE
        self.schema = json.dumps(schema)

    def cancel(self) -> None:
        """Ends what the hooks of components wait for."""
        interrupt()


if __name__ == "__main__":
    main(Provider(), sys.argv[1:])
