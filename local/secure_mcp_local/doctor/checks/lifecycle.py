"""How codes, keys and refresh tokens end: in sessions that are thrown away."""

import asyncio

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks.access import challenge_problems
from secure_mcp_local.doctor.checks.session import first_session
from secure_mcp_local.doctor.checks.token import grant_problems
from secure_mcp_local.doctor.client import new_verifier, text_of
from secure_mcp_local.doctor.report import Failure, Skipped, settled
from secure_mcp_local.doctor.server import Answer
from secure_mcp_local.doctor.subject import FOREIGN, WEB_REDIRECT, Session, Subject

SECTION = Section("How sessions end", signed_in=True)


async def _throwaway(subject: Subject) -> Session:
    return await subject.sign_in("replay", "to use its code wrongly and twice")


async def _revocable(subject: Subject) -> Session:
    return await subject.exchange(await subject.sign_in("revocation", "to revoke it"))


async def _key_problems(subject: Subject, key: str, what: str) -> list[str]:
    """What is wrong with a key that must not work any more. A moment is granted: caches of the gateway learn of it late."""
    waited = 0.0
    while True:
        problems = challenge_problems(await subject.call(key), what, token_sent=True)
        if not problems or waited >= subject.options.patience:
            return problems
        await asyncio.sleep(1)
        waited += 1


async def _refresh(subject: Subject, session: Session, refresh_token: str = "") -> Answer:
    form = session.client.refresh(refresh_token or session.refresh_token)
    return await subject.token(session.client, form)


async def _rotate(subject: Subject, session: Session) -> None:
    """Gives the session new tokens.

    Raises:
        Failure: the refresh was refused.
    """
    answer = await _refresh(subject, session)
    if answer.status != 200:
        raise Failure(f"refresh: {answer}, {answer.error or 'no error'}")
    session.tokens = answer.object()


@SECTION.check(
    "refresh-rotates",
    "M22",
    "Each refresh gives a new key and a new refresh token",
    why="Without rotation nobody notices a stolen refresh token.",
    fix="Give a new refresh token at each refresh and count generations in the session (policies/oauth/token.xml).",
)
async def refresh_rotates(subject: Subject) -> str:
    session = await subject.exchange(await first_session(subject))
    key, refresh_token = session.key, session.refresh_token
    await _rotate(subject, session)
    problems: list[str] = []
    if session.refresh_token in {"", refresh_token}:
        problems.append("no new refresh token")
    if session.key in {"", key}:
        problems.append("no new key")
    elif (answer := await subject.call(session.key)).status == 401:
        problems.append(f"the new key: {answer}")
    return settled(problems, "both are new, and the key opens")


@SECTION.check(
    "refresh-bound",
    "M22",
    "A refresh token is of use to its own client only, and for its own resource",
    why="A stolen one could be used from anywhere.",
    fix="Compare client_id and resource with the session (policies/oauth/token.xml).",
)
async def refresh_bound(subject: Subject) -> str:
    session = await subject.exchange(await first_session(subject))
    thief = await subject.other_client()
    answer = await subject.token(session.client, thief.refresh(session.refresh_token))
    problems = grant_problems(answer, "another client", "invalid_grant", "invalid_client")
    form = session.client.refresh(session.refresh_token, resource=f"{FOREIGN}/mcp")
    problems += grant_problems(await subject.token(session.client, form), "another resource", "invalid_target")
    return settled(problems, "invalid_grant, invalid_target")


@SECTION.check(
    "refresh-reuse",
    "M22",
    "An old refresh token that comes back ends the session",
    why="Two hold the token: one of them is a thief, and nobody can tell which.",
    fix="On reuse of an older generation delete the session (policies/oauth/token.xml).",
)
async def refresh_reuse(subject: Subject) -> str:
    session = await subject.exchange(await first_session(subject))
    old = session.refresh_token
    # Twice: a token that is one generation old may be asked for again for a moment.
    await _rotate(subject, session)
    await _rotate(subject, session)
    problems = grant_problems(await _refresh(subject, session, old), "the old token", "invalid_grant")
    problems += grant_problems(await _refresh(subject, session), "then the newest", "invalid_grant")
    problems += await _key_problems(subject, session.key, "then the key")
    return settled(problems, "invalid_grant, and the key is dead")


@SECTION.check(
    "verifier",
    "M18",
    "A code without the right verifier is worth nothing",
    why="PKCE that is not checked is none: whoever gets hold of a code can use it.",
    fix="Compare the S256 hash of code_verifier with the stored challenge: invalid_grant (policies/oauth/token.xml).",
)
async def verifier(subject: Subject) -> str:
    session = await _throwaway(subject)
    client, code = session.client, session.code
    problems: list[str] = []
    for what, value in [("another verifier", new_verifier()), ("no verifier", None)]:
        answer = await subject.token(client, client.exchange(code, code_verifier=value))
        problems += grant_problems(answer, what, "invalid_grant", *(() if value else ("invalid_request",)))
    return settled(problems, "invalid_grant")


@SECTION.check(
    "code-bound",
    "M17",
    "A code is of use to the client it was given to, at its redirect URI",
    why="Another client could use a code that it got hold of.",
    fix="Compare client_id and redirect_uri with what the code was given for: invalid_grant.",
)
async def code_bound(subject: Subject) -> str:
    session = await _throwaway(subject)
    client, code = session.client, session.code
    thief = await subject.other_client()
    changes: list[tuple[str, dict[str, str | None], str]] = [
        ("another redirect URI", {"redirect_uri": WEB_REDIRECT}, "invalid_grant"),
        ("another client", {"client_id": thief.client_id}, "invalid_grant"),
        ("another resource", {"resource": f"{FOREIGN}/mcp"}, "invalid_target"),
    ]
    problems: list[str] = []
    for what, change, error in changes:
        problems += grant_problems(
            await subject.token(client, client.exchange(code, **change)), what, error, "invalid_grant", "invalid_client"
        )
    return settled(problems, "invalid_grant")


@SECTION.check(
    "code-single-use",
    "M17",
    "Of several requests with the same code at once, one wins",
    why="Else a thief who is as fast as the client gets a session of their own, unnoticed.",
    fix="Turn the code into a session by a conditional write (If-Match), never by read and write.",
)
async def code_single_use(subject: Subject) -> str:
    session = await _throwaway(subject)
    if session.tokens or not (won := await _raced(subject, session)):
        # Another check has used up the code, rightly or not.
        session = await subject.sign_in("race", "because the last code was used up")
        won = await _raced(subject, session)
    return settled([] if won == 1 else [f"{won} of 3 got a session"], "1 of 3 got a session")


async def _raced(subject: Subject, session: Session) -> int:
    form = session.client.exchange(session.code)
    answers = await asyncio.gather(*(subject.token(session.client, form) for _ in range(3)))
    won = [answer for answer in answers if answer.status == 200]
    if won:
        session.tokens = won[0].object()
    return len(won)


@SECTION.check(
    "code-replay",
    "M17",
    "A code that comes back is refused, and ends the session that it made",
    why="Somebody else has the code: what it gave must not stay with whoever was first (RFC 6749, section 4.1.2).",
    fix="Remember which session a code made, and delete it when the code comes again (policies/oauth/token.xml).",
)
async def code_replay(subject: Subject) -> str:
    session = await _throwaway(subject)
    if not session.tokens:
        try:
            await subject.exchange(session)
        except Skipped:
            session = await subject.exchange(await subject.sign_in("race", "because the last code was used up"))
    answer = await subject.token(session.client, session.client.exchange(session.code))
    problems = grant_problems(answer, "the code again", "invalid_grant")
    problems += await _key_problems(subject, session.key, "then the key")
    if session.refresh_token:
        problems += grant_problems(await _refresh(subject, session), "then the refresh token", "invalid_grant")
    return settled(problems, "invalid_grant, and the key is dead")


@SECTION.check(
    "revoke-foreign",
    "S12",
    "Nobody can end a session of another client",
    why="Any client that sees a token could sign users out.",
    fix="Compare client_id with the session before deleting it; answer 200 or an error, and do nothing.",
)
async def revoke_foreign(subject: Subject) -> str:
    session = await _revocable(subject)
    thief = await subject.other_client()
    await subject.send("POST", await subject.endpoint("revocation"), form=thief.revocation(session.refresh_token))
    answer = await subject.call(session.key)
    return settled([f"then the key: {answer}"] if answer.status == 401 else [], "the key still opens")


@SECTION.check(
    "revoke",
    "S12",
    "Revocation ends the session: key and refresh token are dead",
    why="A user who signs out expects that nothing is left that opens the server.",
    fix="Delete the session on /revoke (RFC 7009) and keep its name on the list of the revoked while caches may know it.",
)
async def revoke(subject: Subject) -> str:
    session = await _revocable(subject)
    before = await subject.call(session.key)
    if before.status == 401:
        raise Failure(f"the key did not work before it was revoked: {before}")
    form = session.client.revocation(text_of(session.tokens, "refresh_token") or session.key)
    answer = await subject.send("POST", await subject.endpoint("revocation"), form=form)
    problems = [] if answer.status == 200 else [f"{answer}, {answer.error or 'no error'}"]
    problems += await _key_problems(subject, session.key, "then the key")
    if session.refresh_token:
        problems += grant_problems(await _refresh(subject, session), "then the refresh token", "invalid_grant")
    return settled(problems, "200, then 401 invalid_token and invalid_grant")
