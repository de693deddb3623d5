"""The MCP server that calls end at: alone, or guarded by the official SDK's own bearer middleware.

python servers.py PORT [TOKEN]
"""

import sys

import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl


class OneToken:
    """The cheapest check there is: what the guard itself costs is measured, not somebody's cryptography."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="benchmark", scopes=[]) if token == self._token else None


def server(port: int, token: str | None) -> MCPServer:
    url = AnyHttpUrl(f"http://localhost:{port}")
    guard = {} if token is None else {
        "auth": AuthSettings(
            issuer_url=url, resource_server_url=url, required_scopes=[], validate_token_resource=False
        ),
        "token_verifier": OneToken(token),
    }  # fmt: skip
    mcp = MCPServer("benchmark", log_level="WARNING", **guard)

    @mcp.tool()
    def echo(text: str) -> str:
        """The text."""
        return text

    return mcp


if __name__ == "__main__":
    port, token = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    app = server(port, token).streamable_http_app(stateless_http=True, json_response=True, host="localhost")
    uvicorn.run(app, port=port, log_level="warning", access_log=False)
