"""An OAuth client as MCP clients are: public, with PKCE."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit


def new_verifier() -> str:
    """A code verifier (RFC 7636, section 4.1): 64 characters."""
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Client:
    """One registration. Makes requests, sends none."""

    client_id: str
    redirect_uri: str
    resource: str
    scope: str
    state: str = field(default_factory=lambda: "a+b/c==%" + secrets.token_urlsafe(16))
    """With characters that servers which decode or encode once too often break."""
    verifier: str = field(default_factory=new_verifier)

    def authorization(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request. One that is changed to None is left out."""
        parameters: Mapping[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "scope": self.scope or None,
            "state": self.state,
            "resource": self.resource,
        } | changes
        return {name: value for name, value in parameters.items() if value is not None}

    def authorize_url(self, endpoint: str, **changes: str | None) -> str:
        """The address to send a browser to."""
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(self.authorization(**changes))}"

    def exchange(self, code: str, /, **changes: str | None) -> dict[str, str]:
        """The form that turns a code into tokens."""
        return _given(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "client_id": self.client_id,
                "code_verifier": self.verifier,
                "resource": self.resource,
            }
            | changes
        )

    def refresh(self, refresh_token: str, /, **changes: str | None) -> dict[str, str]:
        """The form that turns a refresh token into new tokens."""
        return _given(
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self.client_id,
                "resource": self.resource,
            }
            | changes
        )

    def revocation(self, token: str) -> dict[str, str]:
        """The form that ends a session (RFC 7009)."""
        return {"token": token, "client_id": self.client_id}


def _given(form: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in form.items() if value is not None}


def answer_of(url: str) -> dict[str, str]:
    """The parameters with which a browser was sent back; of one that comes twice, the first."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def text_of(values: Mapping[str, Any], name: str) -> str:
    """A text member of a JSON object, "" if it is missing or something else."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def texts_of(values: Mapping[str, Any], name: str) -> list[str]:
    """The texts in a list member of a JSON object, none if it is missing or something else."""
    value = values.get(name)
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[Any]", value) if isinstance(item, str)]
