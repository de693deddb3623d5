"""An organisation's identity provider: says to a client, in an assertion (ID-JAG), for which of its users it acts at which server."""

from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from actors.signer import UNSET, Signer


class IdentityProvider:
    """A provider with one key, and what it publishes at `https://HOST/keys`.

    draft-ietf-oauth-identity-assertion-authz-grant
    """

    def __init__(self, host: str) -> None:
        self.host, self.issuer = host, f"https://{host}"
        self.signer = Signer(kid=f"key-of-{host}")
        self.answers = True
        self.asked = 0
        """How often its keys were."""
        self.app = Starlette(routes=[Route("/keys", self._keys)])

    async def _keys(self, request: Request) -> Response:
        self.asked += 1
        return JSONResponse(self.signer.jwks) if self.answers else Response(status_code=500)

    @property
    def declared(self) -> dict[str, Any]:
        """How a gateway's configuration names it, without whom it lets in."""
        return {"issuer": self.issuer, "keysUri": f"{self.issuer}/keys"}

    def claims(self, audience: str, resource: str, client_id: str, **changes: Any) -> dict[str, Any]:
        now = int(self.signer.now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "u-0001",
            "aud": audience,
            "client_id": client_id,
            "resource": resource,
            "scope": "mcp:tools",
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 300,
            "name": "Ada Lovelace",
        } | changes
        return {name: value for name, value in claims.items() if value is not UNSET}

    def assertion(
        self, audience: str, resource: str, client_id: str, header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """An assertion; a change to `UNSET` leaves a claim out, a header of None a member of the header."""
        claims = self.claims(audience, resource, client_id, **changes)
        return self.signer.token(claims, **({"typ": "oauth-id-jag+jwt"} | (header or {})))
