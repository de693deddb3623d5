"""The identity endpoint of App Service, where code asks for tokens of the app's managed identities.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import base64
import json
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.azure.functions.site import Site
from secure_mcp_local.errors import ExplainedError

PATH = "/msi/token"
_VERSION = "2019-08-01"


class IdentityEndpoint:
    """An ASGI app for the code of one site only: it must send the site's secret."""

    def __init__(self, site: Site, identities: ManagedIdentities, clock: Clock) -> None:
        self._site, self.identities, self._clock = site, identities, clock
        self.secret = secrets.token_urlsafe(32)
        """Value of the environment variable IDENTITY_HEADER."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, answer = self._answer(Request(scope, receive))
        await JSONResponse(answer, status)(scope, receive, send)

    def token(self, resource: str, client_id: str | None) -> str:
        """A token of the site's identity for its host, which is no code and asks inside: as `ManagedIdentities.token`."""
        return self.identities.token(self._site.urn, resource, client_id)

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.url.path != PATH or request.method != "GET":
            return 404, _refusal(404, "not found")
        if not secrets.compare_digest(request.headers.get("x-identity-header", "").encode(), self.secret.encode()):
            return 401, _refusal(401, "the header X-IDENTITY-HEADER is missing or wrong")
        query = request.query_params
        if query.get("api-version") != _VERSION:
            return 400, _refusal(400, f"only api-version {_VERSION} is modelled")
        if query.keys() & {"principal_id", "mi_res_id", "object_id"}:
            return 400, _refusal(400, "name a user-assigned identity by client_id; other ways are not modelled")
        resource, client_id = query.get("resource", ""), query.get("client_id")
        try:
            token = self.token(resource, client_id)
        except ExplainedError as error:
            return 400, _refusal(400, str(error))
        return 200, {
            "access_token": token,
            "expires_on": str(self._expiry(token)),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id or "",
        }

    def _expiry(self, token: str) -> int:
        """When the token expires by this machine's clock, which is the code's."""
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return int(claims["exp"] - (self._clock.now() - time.time()))


def _refusal(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "message": message}
