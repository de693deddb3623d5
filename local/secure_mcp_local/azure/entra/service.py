"""Entra ID as a whole: the stack's tenant and its endpoints."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apim_policies.clock import Clock
from apim_policies.pipeline.refusals import Explain, unexplained
from secure_mcp_local.azure.entra.authorization import COOKIE, AuthorizationEndpoint
from secure_mcp_local.azure.entra.directory import Directory
from secure_mcp_local.azure.entra.grants import Grants
from secure_mcp_local.azure.entra.issuer import TokenIssuer
from secure_mcp_local.azure.entra.pages import PRIVATE, Pages
from secure_mcp_local.azure.entra.redemption import TokenEndpoint
from secure_mcp_local.azure.entra.refusal import Refusal
from secure_mcp_local.azure.entra.tenant import Tenant
from secure_mcp_local.azure.entra.users import User, default_users
from secure_mcp_local.recording import Recording

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Client id of the Azure CLI in every tenant."""


class Entra:
    """The stack's tenant: its declared applications, a few users, and the endpoints."""

    def __init__(
        self,
        directory: Directory,
        issuer: TokenIssuer,
        clock: Clock,
        explain: Explain = unexplained,
        address: str | None = None,
        faults: Collection[str] = (),
    ) -> None:
        self.issuer = issuer
        self.users: list[User] = default_users()
        self._clock = clock
        self._tenant = Tenant(directory, self.users, Grants(clock), issuer, clock, explain, faults)
        self._pages = Pages(clock)
        authorize = AuthorizationEndpoint(self._tenant, self._pages, address or issuer.base_url).answer
        token = TokenEndpoint(self._tenant).answer
        self.app: ASGIApp = Starlette(
            routes=[
                Route("/", self._greeting),
                Route("/{tenant}/oauth2/v2.0/authorize", authorize, methods=["GET", "POST"]),
                Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
                # Not Entra ID's own: what `az account get-access-token` prints, for a machine where nobody is signed in to Azure.
                Route("/{tenant}/local/azure-cli/{application}/{user}", self._azure_cli),
                Route("/{tenant}/oauth2/v2.0/logout", self._logout, methods=["GET", "POST"]),
                Route("/{tenant}/discovery/v2.0/keys", self._json(issuer.jwks)),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self._json(self._configuration)),
            ]
        )

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        base_url: str,
        clock: Clock,
        explain: Explain = unexplained,
        address: str | None = None,
        faults: Collection[str] = (),
    ) -> "Entra":
        """The tenant as the stack declares it.

        Args:
            recording: The stack.
            base_url: The address that it knows itself by, and tokens name: https://login.microsoftonline.com.
            clock: What time it is.
            explain: Told why it refuses something.
            address: Where browsers find it, such as http://localhost:8081. None: at `base_url`.
            faults: Names of what is switched on, now and later.

        Raises:
            LocalCloudError: a declaration that Entra ID would refuse, or that is not modelled.
        """
        directory = Directory.from_recording(recording)
        return cls(directory, TokenIssuer(base_url, directory.tenant, clock), clock, explain, address, faults)

    def user(self, id: str) -> User:
        """One of the users, by its short name such as `alice`."""
        return next(user for user in self.users if user.id == id)

    def revoke(self, user: User) -> None:
        """End every sign-in of a user so far, as an administrator can: refresh tokens no longer work."""
        # A millisecond later than now, so that a sign-in of this very moment is among them.
        user.sessions_valid_from = self._clock.now() + 0.001

    async def _azure_cli(self, request: Request) -> Response:
        """A token in the name of a user who is signed in with the Azure CLI, for an application that has let it in."""
        try:
            self._tenant.require(str(request.path_params["tenant"]))
            application = self._tenant.application(str(request.path_params["application"]))
            user = next((user for user in self.users if user.id == request.path_params["user"]), None)
            if user is None:
                message = f"The user account {request.path_params['user']} does not exist in the directory."
                raise Refusal(50034, message, "invalid_grant")
            if not (permissions := application.pre_authorized.get(AZURE_CLI)):
                message = f"The Azure CLI is not preauthorized at {application.name}."
                raise Refusal(65001, message, "invalid_grant", hint="declare an ApplicationPreAuthorized for it")
            self._tenant.admit(user, application)
        except Refusal as refusal:
            self._tenant.explain(refusal.explained())
            return JSONResponse(refusal.json(self._clock), refusal.status)
        now = int(self._clock.now())
        claims: dict[str, Any] = {
            "iss": self.issuer.issuer,
            "aud": application.client_id,
            "azp": AZURE_CLI,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "oid": user.oid,
            "tid": self.issuer.tenant,
            "scp": " ".join(sorted(permissions)),
            "ver": "2.0",
        }
        if roles := application.roles(self._tenant.principals(user, application)):
            claims["roles"] = roles
        return JSONResponse({"accessToken": self.issuer.sign(claims), "tokenType": "Bearer"}, headers=PRIVATE)

    def redeclare(self, directory: Directory) -> None:
        """The tenant with other applications. People, sign-ins and keys stay."""
        self._tenant.directory = directory

    def kept(self) -> dict[str, Any]:
        """JSON-ready: sign-ins, consents and the key that tokens are signed with."""
        people = {
            user.id: {
                "enabled": user.enabled,
                "validFrom": user.sessions_valid_from,
                "consented": sorted(map(list, user.consented)),
            }
            for user in self.users
        }
        return {"key": self.issuer.kept(), "grants": self._tenant.grants.kept(), "people": people}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """What `kept` gave, in an earlier run."""
        self.issuer.restore(kept["key"])
        people = {user.id: user for user in self.users}
        for id, known in kept["people"].items():
            user = people[id]
            user.enabled, user.sessions_valid_from = known["enabled"], known["validFrom"]
            user.consented.update((client, scope) for client, scope in known["consented"])
        self._tenant.grants.restore(kept["grants"], people)

    async def _greeting(self, _: Request) -> Response:
        return self._pages.greeting([user.name for user in self.users])

    async def _logout(self, request: Request) -> Response:
        self._tenant.grants.end_session(request.cookies.get(COOKIE))
        response = self._pages.signed_out()
        response.delete_cookie(COOKIE, path=f"/{self.issuer.tenant}")
        return response

    def _json(self, content: Callable[[], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for a document about the tenant."""

        async def answer(request: Request) -> Response:
            try:
                self._tenant.require(str(request.path_params["tenant"]))
            except Refusal as refusal:
                self._tenant.explain(refusal.explained())
                return JSONResponse(refusal.json(self._clock), refusal.status)
            return JSONResponse(content())

        return answer

    def _configuration(self) -> dict[str, Any]:
        tenant = f"{self.issuer.base_url}/{self.issuer.tenant}"
        return {
            "issuer": self.issuer.issuer,
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "end_session_endpoint": f"{tenant}/oauth2/v2.0/logout",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "claims_supported": [
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "nonce",
                "name",
                "preferred_username",
                "tid",
            ],
            "request_uri_parameter_supported": False,
        }
