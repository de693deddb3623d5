"""An application that uses the server: an OAuth client made of plain HTTP requests, so that tests can send anything."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from secure_mcp_local.testing.person import Person
from secure_mcp_local.testing.web import tls


@dataclass
class Application:
    """One client of one gateway. Every method sends one request and returns its answer as it is."""

    gateway_url: str
    redirect_uri: str = "http://127.0.0.1:53682/callback"
    client_name: str = "Test application"
    client_id: str = ""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    scope: str = "mcp:tools"
    path: str = "/mcp"
    """Of the server on the gateway."""

    @property
    def resource(self) -> str:
        """The server's resource identifier."""
        return self.gateway_url + self.path

    @property
    def challenge(self) -> str:
        """The PKCE challenge of `verifier`, S256 (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the gateway; `options` are those of `httpx`. Redirects are not followed."""
        async with httpx.AsyncClient(base_url=self.gateway_url, trust_env=False, timeout=60, verify=tls()) as client:
            return await client.request(method, path, **options)

    async def register(self, **changes: Any) -> httpx.Response:
        """Dynamic registration; keeps the client id when it succeeds."""
        metadata = {"client_name": self.client_name, "redirect_uris": [self.redirect_uri]} | changes
        response = await self.send("POST", "/register", json=metadata)
        if response.status_code == 201:
            self.client_id = response.json()["client_id"]
        return response

    def authorize_url(self, **changes: str | None) -> str:
        """The address to send a browser to. A parameter changed to None is left out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "scope": self.scope,
            "state": self.state,
            "resource": self.resource,
        } | changes
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return f"{self.gateway_url}/authorize?{query}"

    async def code(self, person: Person, **changes: str | None) -> str:
        """The authorization code that a person's sign-in gives this application."""
        end = await person.sign_in(self.authorize_url(**changes))
        assert isinstance(end, str), f"the sign-in ended with {end.status_code}: {end.text}"
        answer = answer_of(end)
        assert "code" in answer, answer
        return answer["code"]

    async def exchange(self, code: str, /, **changes: str | None) -> httpx.Response:
        """The token request with a code. A field changed to None is left out."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            "resource": self.resource,
        } | changes
        return await self.send("POST", "/token", data={k: v for k, v in form.items() if v is not None})

    async def refresh(self, refresh_token: str, /, **changes: str | None) -> httpx.Response:
        """The token request with a refresh token. A field changed to None is left out."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client_id,
        } | changes
        return await self.send("POST", "/token", data={k: v for k, v in form.items() if v is not None})

    async def tokens(self, person: Person) -> dict[str, Any]:
        """Registers if needed, signs a person in and returns the token answer."""
        if not self.client_id:
            (await self.register()).raise_for_status()
        response = await self.exchange(await self.code(person))
        response.raise_for_status()
        return response.json()

    async def call(self, key: str | None, method: str = "ping", params: Any = None, **options: Any) -> httpx.Response:
        """One JSON-RPC request to the MCP API."""
        query = options.pop("query", {})
        headers = {"Accept": "application/json, text/event-stream"} | options.pop("headers", {})
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            message["params"] = params
        return await self.send("POST", self.path, params=query, json=message, headers=headers, **options)


def answer_of(url: str) -> dict[str, str]:
    """The parameters of an authorization answer, each once."""
    parameters = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in parameters.values()), url
    return {name: values[0] for name, values in parameters.items()}
