"""Clients that bring assertions of identity providers: who they are, what they bring, and what can be wrong with that."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx

from actors.identity_provider import IdentityProvider
from actors.signer import UNSET, Signer, confused, unsigned
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SECRET = "e1-" * 12
CLIENT, KEYED, OTHER, PUBLIC = "desk-agent", "keyed-agent", "other-agent", "public-app"
REDIRECT = "https://agents.example.com/callback"
CORP, PARTNER = IdentityProvider("login.corp.example.com"), IdentityProvider("login.partner.example.com")
DIRECTORY = IdentityProvider("login.directory.example.com")
SHARED = IdentityProvider("login.shared.example.com")
ALL = (CORP, PARTNER, DIRECTORY, SHARED)
KEY = Signer("agent-key")
CLIENTS: list[dict[str, Any]] = [
    {"id": CLIENT, "name": "Desk agent", "secret": SECRET, "redirectUris": [REDIRECT]},
    {"id": KEYED, "name": "Agent with a key", "keys": [KEY.public]},
    {"id": OTHER, "name": "Other agent", "secret": SECRET[::-1]},
    {"id": PUBLIC, "name": "Public", "redirectUris": [REDIRECT]},
]
PROVIDERS: list[dict[str, Any]] = [
    CORP.declared | {"clients": [CLIENT, KEYED], "servers": {"mcp": "Snippets.Delete"}},
    PARTNER.declared | {"clients": [CLIENT, OTHER], "servers": {}},
    {"issuer": DIRECTORY.issuer, "keys": [DIRECTORY.signer.public], "userClaim": "oid", "clients": [CLIENT],
     "servers": {"mcp": ""}},
    SHARED.declared | {"tenant": "t-1", "clients": [CLIENT], "servers": {"mcp": ""}},
]  # fmt: skip
CONFIG = {
    "signInRateLimit": "100000",
    "mcpRateLimit": "100000",
    "clients": json.dumps(CLIENTS),
    "identityProviders": json.dumps(PROVIDERS),
    "mcpScopes": '["mcp:tools", "snippets:write"]',
    "toolRoles": '{"delete_snippet": "Snippets.Delete", "save_snippet": "Snippets.Write"}',
    "toolScopes": '{"save_snippet": "snippets:write"}',
}


class Agent:
    """A client that a provider's users work with."""

    def __init__(self, cloud: LocalCloud, client_id: str = CLIENT, secret: str = SECRET) -> None:
        self.application = Application(cloud.gateway_url, client_id=client_id, redirect_uri=REDIRECT)
        self.cloud, self.secret, self.issuer = cloud, secret, cloud.gateway_url

    def assertion(self, provider: IdentityProvider = CORP, **changes: Any) -> str:
        resource = changes.pop("resource", self.application.resource)
        audience, client = changes.pop("aud", self.issuer), changes.pop("client_id", self.application.client_id)
        return provider.assertion(audience, resource, client, **changes)

    async def bring(self, assertion: str | None, **changes: str | None) -> httpx.Response:
        form = {
            "grant_type": GRANT,
            "assertion": assertion,
            "client_id": self.application.client_id,
            "client_secret": self.secret,
        } | changes
        return await self.application.send("POST", "/token", data={k: v for k, v in form.items() if v is not None})


def now() -> float:
    return CORP.signer.now()


WRONG: dict[str, Callable[[Agent], str]] = {
    "no type": lambda agent: agent.assertion(header={"typ": None}),
    "an ID token's type": lambda agent: agent.assertion(header={"typ": "JWT"}),
    "an access token's type": lambda agent: agent.assertion(header={"typ": "at+jwt"}),
    "an unknown issuer": lambda agent: agent.assertion(iss="https://login.evil.example.com"),
    "another issuer's name": lambda agent: agent.assertion(CORP, iss=DIRECTORY.issuer),
    "another issuer's key": lambda agent: agent.assertion(DIRECTORY, iss=CORP.issuer),
    "another issuer's key id and key": lambda agent: DIRECTORY.signer.token(
        CORP.claims(agent.issuer, agent.application.resource, CLIENT), typ="oauth-id-jag+jwt", kid=CORP.signer.kid
    ),
    "no issuer": lambda agent: agent.assertion(iss=UNSET),
    "an issuer that is a list": lambda agent: agent.assertion(iss=[CORP.issuer]),
    "an issuer that is an object": lambda agent: agent.assertion(iss={"url": CORP.issuer}),
    "an issuer with a slash": lambda agent: agent.assertion(iss=f"{CORP.issuer}/"),
    "the audience of another": lambda agent: agent.assertion(aud="https://as.example.com"),
    "the resource for an audience": lambda agent: agent.assertion(aud=agent.application.resource),
    "the token endpoint for an audience": lambda agent: agent.assertion(aud=f"{agent.issuer}/token"),
    "two audiences": lambda agent: agent.assertion(aud=[agent.issuer, "https://as.example.com"]),
    "no audience": lambda agent: agent.assertion(aud=UNSET),
    "another client": lambda agent: agent.assertion(client_id=KEYED),
    "no client": lambda agent: agent.assertion(client_id=UNSET),
    "clients": lambda agent: agent.assertion(client_id=[CLIENT]),
    "bound to a key": lambda agent: agent.assertion(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    "bound to details": lambda agent: agent.assertion(authorization_details=[{"type": "snippets", "actions": ["read"]}]),
    "bound to details and no scopes": lambda agent: agent.assertion(scope=UNSET, authorization_details=[]),
    "of a tenant": lambda agent: agent.assertion(tenant="t-2"),
    "of tenants": lambda agent: agent.assertion(tenant=["t-2"]),
    "of another tenant": lambda agent: agent.assertion(SHARED, tenant="t-2"),
    "of another tenant in another case": lambda agent: agent.assertion(SHARED, tenant="T-1"),
    "of no tenant": lambda agent: agent.assertion(SHARED),
    "no subject": lambda agent: agent.assertion(sub=UNSET),
    "an empty subject": lambda agent: agent.assertion(sub=""),
    "a subject that is a list": lambda agent: agent.assertion(sub=["u-0001"]),
    "a subject that is a number": lambda agent: agent.assertion(sub=1),
    "no id": lambda agent: agent.assertion(jti=UNSET),
    "no resource": lambda agent: agent.assertion(resource=UNSET),
    "a resource elsewhere": lambda agent: agent.assertion(resource="https://mcp.example.com/mcp"),
    "a resource of nobody": lambda agent: agent.assertion(resource=f"{agent.issuer}/nobody"),
    "two resources": lambda agent: agent.assertion(resource=[agent.application.resource]),
    "no expiry": lambda agent: agent.assertion(exp=UNSET),
    "an expiry that is text": lambda agent: agent.assertion(exp=str(int(now()) + 60)),
    "an expiry that is no number": lambda agent: agent.assertion(exp=float("nan")),
    "an expiry beyond all": lambda agent: agent.assertion(exp=1e300),
    "expired": lambda agent: agent.assertion(exp=int(now()) - 61),
    "a long life": lambda agent: agent.assertion(exp=int(now()) + 7200),
    "no time of making": lambda agent: agent.assertion(iat=UNSET),
    "made long ago": lambda agent: agent.assertion(iat=int(now()) - 7200),
    "made in the future": lambda agent: agent.assertion(iat=int(now()) + 120),
    "not valid yet": lambda agent: agent.assertion(nbf=int(now()) + 120),
    "scopes that are no text": lambda agent: agent.assertion(scope=["mcp:tools"]),
    "an extension that must be understood": lambda agent: agent.assertion(header={"crit": ["exp"]}),
    "no algorithm": lambda agent: unsigned(agent.assertion()),
    "a public key for a secret": lambda agent: confused(CORP.signer, agent.assertion()),
    "another algorithm": lambda agent: agent.assertion(header={"alg": "PS256"}),
    "another hash": lambda agent: agent.assertion(header={"alg": "RS384"}),
    "no signature": lambda agent: agent.assertion().rpartition(".")[0] + ".",
    "a key of its own": lambda agent: Signer(CORP.signer.kid).token(
        CORP.claims(agent.issuer, agent.application.resource, CLIENT),
        typ="oauth-id-jag+jwt",
        jwk=Signer().public,
    ),
    "other claims under the signature": lambda agent: _with_claims(agent.assertion(), sub="u-0002"),
    "no token": lambda _: "not a token",
    "much": lambda agent: agent.assertion(padding="x" * 9000),
}  # fmt: skip


def _with_claims(assertion: str, **changes: Any) -> str:
    header, payload, signature = assertion.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | changes
    return f"{header}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.{signature}"
