"""What Entra ID remembers of sign-ins: browser sessions, authorization codes, refresh tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra.permissions import Permissions
from secure_mcp_local.azure.entra.users import User

CODE_SECONDS = 600
REFRESH_SECONDS = 90 * 86400
SESSION_SECONDS = 86400
# As long as the real ones, so that limits on URLs and documents are met in earnest.
_CODE_CHARACTERS = 1000
_REFRESH_CHARACTERS = 1300


@dataclass
class Session:
    """Somebody signed in at one browser."""

    user: User
    started: float


@dataclass
class Grant:
    """What a user gave an application by signing in."""

    client_id: str
    user: User
    permissions: Permissions
    signed_in: float
    """When the user proved who they are; seconds since the Unix epoch."""
    nonce: str | None
    contexts: frozenset[str] = frozenset()
    """Authentication contexts that the sign-in has met, such as c1."""


@dataclass
class Code:
    """An authorization code."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    expires: float
    used: bool = False


@dataclass
class RefreshToken:
    """A refresh token: good for many uses, and replaced at each."""

    grant: Grant
    expires: float


_Kept = TypeVar("_Kept", Session, Code, RefreshToken)


class Grants:
    """All of them, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._codes: dict[str, Code] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}

    def start_session(self, user: User) -> str:
        """Remember a browser; returns the cookie's value."""
        return _keep(self._sessions, Session(user, self._clock.now()), "", 43)

    def session(self, cookie: str | None) -> Session | None:
        """The session of a browser, unless it is over, revoked or its user disabled."""
        session = self._sessions.get(cookie or "")
        if session is None or session.started + SESSION_SECONDS <= self._clock.now():
            return None
        return None if revoked(session.user, session.started) or not session.user.enabled else session

    def end_session(self, cookie: str | None) -> None:
        """Sign a browser out."""
        self._sessions.pop(cookie or "", None)

    def issue_code(self, grant: Grant, redirect_uri: str, challenge: str | None) -> str:
        """A new authorization code."""
        code = Code(grant, redirect_uri, challenge, self._clock.now() + CODE_SECONDS)
        return _keep(self._codes, code, "1.", _CODE_CHARACTERS)

    def code(self, value: str) -> Code | None:
        """A code that was issued, whatever has become of it."""
        return self._codes.get(value)

    def issue_refresh_token(self, grant: Grant) -> str:
        """A new refresh token."""
        token = RefreshToken(grant, self._clock.now() + REFRESH_SECONDS)
        return _keep(self._refresh_tokens, token, "1.", _REFRESH_CHARACTERS)

    def refresh_token(self, value: str) -> RefreshToken | None:
        """A refresh token that was issued, whatever has become of it."""
        return self._refresh_tokens.get(value)

    def kept(self) -> dict[str, Any]:
        """JSON-ready: what a later run must know. Codes are not among it: a sign-in that is under way begins again."""
        now = self._clock.now()
        return {
            "sessions": {
                value: [session.user.id, session.started]
                for value, session in self._sessions.items()
                if session.started + SESSION_SECONDS > now
            },
            "refreshTokens": {
                value: {
                    "client": token.grant.client_id,
                    "user": token.grant.user.id,
                    "openid": sorted(token.grant.permissions.openid),
                    "resource": token.grant.permissions.resource,
                    "names": sorted(token.grant.permissions.names),
                    "default": token.grant.permissions.default,
                    "signedIn": token.grant.signed_in,
                    "nonce": token.grant.nonce,
                    "contexts": sorted(token.grant.contexts),
                    "expires": token.expires,
                }
                for value, token in self._refresh_tokens.items()
                if token.expires > now
            },
        }

    def restore(self, kept: Mapping[str, Any], users: Mapping[str, User]) -> None:
        """What `kept` gave, with the people of this run by their short names."""
        for value, (user, started) in kept["sessions"].items():
            self._sessions[value] = Session(users[user], started)
        for value, token in kept["refreshTokens"].items():
            permissions = Permissions(
                frozenset(token["openid"]), token["resource"], frozenset(token["names"]), token["default"]
            )
            contexts = frozenset[str](token.get("contexts", ()))
            grant = Grant(
                token["client"], users[token["user"]], permissions, token["signedIn"], token["nonce"], contexts
            )
            self._refresh_tokens[value] = RefreshToken(grant, token["expires"])


def revoked(user: User, signed_in: float) -> bool:
    """Whether a sign-in at that time has been revoked since."""
    return signed_in < user.sessions_valid_from


def _keep(kept: dict[str, _Kept], value: _Kept, prefix: str, characters: int) -> str:
    name = prefix + secrets.token_urlsafe(characters)[: characters - len(prefix)]
    kept[name] = value
    return name
