"""Signing in, and what a session key is: needs a person."""

import base64
import binascii
import json
import re

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.client import text_of
from secure_mcp_local.doctor.report import Failure, settled
from secure_mcp_local.doctor.subject import Session, Subject

SECTION = Section("Signing in", signed_in=True)


async def first_session(subject: Subject) -> Session:
    """The session that most checks use."""
    return await subject.sign_in("main", "to look at the answers and at the MCP endpoint")


@SECTION.check(
    "sign-in",
    "M10",
    "The sign-in ends at the client, with a code, its own state and iss",
    why="Clients refuse answers whose state is not theirs byte for byte: it is what tells forged answers from real ones.",
    fix="Keep state as opaque text, percent-encode it once on the way back, and add iss (policies/oauth/oauth-callback.xml).",
)
async def sign_in(subject: Subject) -> str:
    session = await first_session(subject)
    if session.trouble:
        raise Failure(session.trouble)
    if error := session.answer.get("error"):
        raise Failure(f"error={error}")
    problems: list[str] = []
    if not session.answer.get("code"):
        problems.append("no code")
    if session.answer.get("state") != session.client.state:
        problems.append("state did not come back as it was")
    if session.answer.get("iss") != await subject.issuer():
        problems.append(f"iss is {session.answer.get('iss', 'missing')}")
    return settled(problems, "code, state and iss")


@SECTION.check(
    "code-random",
    "M17",
    "The code is random and says nothing",
    why="A code that can be guessed or read is a session for whoever does.",
    fix="At least 128 random bits (policies/oauth/oauth-callback.xml), nothing of the identity provider's in it.",
)
async def code_random(subject: Subject) -> str:
    code = (await first_session(subject)).code
    problems: list[str] = []
    if len(code) < 22 or len(set(code)) < 10:
        problems.append(f"{len(code)} characters are less than 128 random bits")
    if _reads_as_json(code):
        problems.append("it is a JWT or encoded JSON")
    return settled(problems, f"{len(code)} characters")


@SECTION.check(
    "token-answer",
    "M20",
    "The code becomes a session key, in an answer that all clients understand",
    why="Clients fail without token_type and expires_in; a stored answer is a stolen key.",
    fix="JSON with access_token, token_type, expires_in, scope and refresh_token, Cache-Control: no-store, no id_token.",
)
async def token_answer(subject: Subject) -> str:
    session = await first_session(subject)
    answer = await subject.exchanged(session)
    if answer.status != 200:
        raise Failure(f"{answer}, {answer.error or 'no error'}")
    tokens = answer.object()
    problems = [f"no {name}" for name in ("access_token", "refresh_token", "scope") if not text_of(tokens, name)]
    if text_of(tokens, "token_type").lower() != "bearer":
        problems.append(f"token_type is {tokens.get('token_type')!r}")
    if not isinstance(tokens.get("expires_in"), int) or not tokens["expires_in"] > 0:
        problems.append("no expires_in")
    foreign = set(text_of(tokens, "scope").split()) - set(session.client.scope.split())
    if foreign and session.client.scope:
        problems.append(f"scopes that are not the server's: {' '.join(sorted(foreign))}")
    if "id_token" in tokens:
        problems.append("an id_token")
    if "no-store" not in answer.headers.get("cache-control", ""):
        problems.append("no Cache-Control: no-store")
    return settled(problems, f"Bearer, {tokens.get('expires_in')} seconds, {text_of(tokens, 'scope')}")


@SECTION.check(
    "key-lifetime",
    "S8",
    "A session key lives for an hour at most",
    why="A key that leaks is good until it ends.",
    fix="sessionMinutes of 60 or less; clients get new keys by their refresh token.",
)
async def key_lifetime(subject: Subject) -> str:
    lifetime = (await subject.exchange(await first_session(subject))).tokens.get("expires_in")
    fine = isinstance(lifetime, int) and lifetime <= 3600
    return settled([] if fine else [f"expires_in is {lifetime!r}"], f"{lifetime} seconds")


@SECTION.check(
    "key-opaque",
    "M20",
    "The session key and the refresh token are the gateway's own: neither is a JWT, neither can be read",
    why="A token of Entra ID in a client's hands opens whatever else accepts it, and nobody can take it back.",
    fix="Give out sealed names of sessions only (policies/fragments/seal.xml); Entra's tokens stay in the gateway.",
)
async def key_opaque(subject: Subject) -> str:
    session = await subject.exchange(await first_session(subject))
    problems: list[str] = []
    for what, token in (("access_token", session.key), ("refresh_token", session.refresh_token)):
        if _reads_as_json(token):
            problems.append(f"the {what} is a JWT or encoded JSON")
        elif re.match(r"(?:\d|1)\.A[A-Za-z0-9_-]{8}", token):
            problems.append(f"the {what} looks like a refresh token of Entra ID")
        elif len(token) < 43:
            problems.append(f"the {what} has {len(token)} characters only")
    return settled(problems, f"{len(session.key)} opaque characters")


def _reads_as_json(token: str) -> bool:
    """Whether the first part of a token is encoded JSON, as that of every JWT is."""
    part = token.partition(".")[0]
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(value, dict)
