"""The MCP server that calls end at: alone, or guarded by the official SDK's own bearer middleware; and who says that a token is active.

python servers.py PORT [TOKEN [URL of an authorization server]]
python servers.py PORT TOKEN --authorization
"""

import sys

import httpx2
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class OneToken:
    """The cheapest check there is: what the guard itself costs is measured, not somebody's cryptography."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="benchmark", scopes=[]) if token == self._token else None


class Introspection:
    """What the SDK's own example of a guarded server does, and the tutorial of MCP: it asks the authorization server at each call (RFC 7662). Here
    over a connection that is kept; there over a new one for each.

    https://github.com/modelcontextprotocol/python-sdk/tree/main/examples/servers/simple-auth
    https://modelcontextprotocol.io/docs/tutorials/security/authorization
    """

    def __init__(self, url: str) -> None:
        self._url, self._client = url, httpx2.AsyncClient()

    async def verify_token(self, token: str) -> AccessToken | None:
        answer = await self._client.post(self._url, data={"token": token})
        if answer.status_code != 200 or not (said := answer.json()).get("active"):
            return None
        return AccessToken(
            token=token, client_id=said["client_id"], scopes=said["scope"].split(), expires_at=said["exp"]
        )


def authorization_server(token: str) -> Starlette:
    """Says whether a token is active."""

    async def introspect(request: Request) -> JSONResponse:
        active = (await request.form())["token"] == token
        known = {"client_id": "benchmark", "scope": "mcp:tools", "exp": 4102444800, "sub": "alice"}
        return JSONResponse({"active": active, **known} if active else {"active": False})

    return Starlette(routes=[Route("/introspect", introspect, methods=["POST"])])


def server(port: int, token: str | None, introspection: str) -> MCPServer:
    url = AnyHttpUrl(f"http://localhost:{port}")
    guard = {} if token is None else {
        "auth": AuthSettings(
            issuer_url=url, resource_server_url=url, required_scopes=[], validate_token_resource=False
        ),
        "token_verifier": Introspection(introspection) if introspection else OneToken(token),
    }  # fmt: skip
    mcp = MCPServer("benchmark", log_level="WARNING", **guard)

    @mcp.tool()
    def echo(text: str) -> str:
        """The text."""
        return text

    return mcp


def main() -> None:
    port, token, other = int(sys.argv[1]), *(*sys.argv[2:], None, "")[:2]
    if token and other == "--authorization":
        app = authorization_server(token)
    else:
        app = server(port, token, other or "").streamable_http_app(
            stateless_http=True, json_response=True, host="localhost"
        )
    # As the SDK's own dependencies have it: with h11, on asyncio's loop.
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
