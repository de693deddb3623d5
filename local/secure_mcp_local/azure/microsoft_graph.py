"""Microsoft Graph: who the user of a token is, for tokens as it takes them, with errors as it gives them.

https://learn.microsoft.com/graph/api/user-get, https://learn.microsoft.com/graph/errors
"""

import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra import Entra
from secure_mcp_local.azure.entra.issuer import TokenRefused
from secure_mcp_local.recording.microsoft_graph import CLIENT_ID

HOSTS = ("graph.microsoft.com", "graph.microsoft.us", "microsoftgraph.chinacloudapi.cn")
"""https://learn.microsoft.com/graph/deployments"""
_READERS = frozenset({"User.Read", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite", "User.ReadWrite.All"})
"""Permissions that let read `/me`."""


class GraphRefused(Exception):
    """An error as Microsoft Graph answers it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class MicrosoftGraph:
    """`/v1.0/me`, for the people of the local tenant."""

    def __init__(self, entra: Entra, clock: Clock) -> None:
        self._entra, self._clock = entra, clock
        self.app = Starlette(routes=[Route("/v1.0/me", self._me), Route("/{path:path}", self._elsewhere)])

    async def _me(self, request: Request) -> JSONResponse:
        try:
            claims = self._claims(request)
            if not _READERS.intersection(str(claims.get("scp", "")).split(" ")):
                raise GraphRefused(
                    403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
                )
        except GraphRefused as refused:
            return self._refuse(refused)
        user = next(user for user in self._entra.users if user.oid == claims["oid"])
        first, _, last = user.name.partition(" ")
        return JSONResponse(
            {
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
                "businessPhones": [],
                "displayName": user.name,
                "givenName": first,
                "jobTitle": None,
                "mail": user.user_principal_name,
                "mobilePhone": None,
                "officeLocation": None,
                "preferredLanguage": None,
                "surname": last,
                "userPrincipalName": user.user_principal_name,
                "id": user.oid,
            }
        )

    async def _elsewhere(self, request: Request) -> JSONResponse:
        try:
            self._claims(request)
        except GraphRefused as refused:
            return self._refuse(refused)
        version, _, segment = str(request.path_params["path"]).partition("/")
        if version not in {"v1.0", "beta"}:
            return self._refuse(GraphRefused(400, "BadRequest", f"Invalid version: {version}"))
        message = f"Resource not found for the segment '{segment.partition('/')[0]}'."
        return self._refuse(GraphRefused(404, "BadRequest", message))

    def _claims(self, request: Request) -> dict[str, Any]:
        """What the request's token says.

        Raises:
            GraphRefused: there is none that is for Microsoft Graph, of this tenant, of a user, and valid now.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated("Access token is empty.")
        try:
            claims = self._entra.issuer.verify_signature(token)
        except TokenRefused:
            raise _unauthenticated("Access token validation failure. Signature is invalid.") from None
        issuer = self._entra.issuer
        if claims.get("aud") not in {CLIENT_ID, *(f"https://{host}" for host in HOSTS)}:
            raise _unauthenticated("Access token validation failure. Invalid audience.")
        if claims.get("iss") not in {f"https://sts.windows.net/{issuer.tenant}/", issuer.issuer}:
            raise _unauthenticated("Access token validation failure. Invalid issuer.")
        now = self._clock.now()
        if not float(claims.get("nbf", 0)) - 300 <= now < float(claims.get("exp", 0)) + 300:
            raise _unauthenticated("Lifetime validation failed, the token is expired.")
        if not claims.get("scp") or all(user.oid != claims.get("oid") for user in self._entra.users):
            raise GraphRefused(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        return claims

    def _refuse(self, refused: GraphRefused) -> JSONResponse:
        id = str(uuid.uuid4())
        date = self._clock.utcnow().strftime("%Y-%m-%dT%H:%M:%S")
        inner = {"date": date, "request-id": id, "client-request-id": id}
        headers = {"request-id": id}
        if refused.status == 401:
            headers["WWW-Authenticate"] = (
                'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
                f'client_id="{CLIENT_ID}"'
            )
        error = {"code": refused.code, "message": refused.message, "innerError": inner}
        return JSONResponse({"error": error}, refused.status, headers=headers)


def _unauthenticated(message: str) -> GraphRefused:
    return GraphRefused(401, "InvalidAuthenticationToken", message)
