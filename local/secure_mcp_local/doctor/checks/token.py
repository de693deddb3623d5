"""The token and revocation endpoints without anything to exchange: RFC 6749, section 5.2, and RFC 7009."""

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.report import settled
from secure_mcp_local.doctor.server import Answer
from secure_mcp_local.doctor.subject import Subject

SECTION = Section("Errors of the token endpoint")


def grant_problems(answer: Answer, what: str, *expected: str) -> list[str]:
    """What is wrong with an answer that must be an error as RFC 6749 says."""
    problems: list[str] = []
    if answer.status not in {400, 401} or answer.error not in expected:
        problems.append(f"{what}: {answer}, {answer.error or 'no error'} instead of {' or '.join(expected)}")
    elif answer.media_type != "application/json":
        problems.append(f"{what}: {answer}, not JSON")
    elif "no-store" not in answer.headers.get("cache-control", ""):
        problems.append(f"{what}: no Cache-Control: no-store")
    return problems


@SECTION.check(
    "token-errors",
    "M19",
    "Requests without a good grant get the errors of RFC 6749",
    why="Clients decide by the error whether to sign in again, register again or give up; a 500 tells them nothing.",
    fix="Answer 400 with JSON {error, error_description} and no-store (policies/fragments/oauth-error.xml).",
)
async def token_errors(subject: Subject) -> str:
    endpoint, client = await subject.endpoint("token"), await subject.client()
    code = "secure-mcp-doctor-" + "x" * 25
    forms = [
        ("no fields", {}, "invalid_request"),
        ("no code", client.exchange("", code=None), "invalid_request"),
        ("an unknown grant type", {**client.exchange(code), "grant_type": "password"}, "unsupported_grant_type"),
        ("an unknown client", {**client.exchange(code), "client_id": "secure-mcp-doctor"}, "invalid_client"),
        ("a made-up code", client.exchange(code), "invalid_grant"),
        ("a made-up refresh token", client.refresh(code), "invalid_grant"),
        ("another resource", client.exchange(code, resource="https://doctor.invalid/mcp"), "invalid_target"),
    ]
    problems: list[str] = []
    for what, form, error in forms:
        problems += grant_problems(await subject.send("POST", endpoint, form=form), what, error)
    body = b'{"grant_type": "authorization_code"}'
    answer = await subject.send("POST", endpoint, headers={"Content-Type": "application/json"}, content=body)
    problems += grant_problems(answer, "JSON instead of a form", "invalid_request")
    return settled(problems, f"{len(forms) + 1} errors as they should be")


@SECTION.check(
    "repeated-fields",
    "M21",
    "A field that comes twice is refused",
    why="Two readers of one request may each take another of the two (RFC 6749, section 3.2).",
    fix="Refuse forms with repeated fields: invalid_request (policies/fragments/form.xml).",
)
async def repeated_fields(subject: Subject) -> str:
    client = await subject.client()
    form: dict[str, str | list[str]] = {**client.exchange("secure-mcp-doctor-" + "x" * 25)}
    form["code"] = [str(form["code"]), "secure-mcp-doctor-" + "y" * 25]
    answer = await subject.send("POST", await subject.endpoint("token"), form=form)
    return settled(grant_problems(answer, "two codes", "invalid_request"), "invalid_request")


@SECTION.check(
    "revoke-unknown",
    "S12",
    "Revoking what is no token succeeds, revoking nothing does not",
    why="Clients that sign out must not hang on a token that is gone already (RFC 7009, section 2.2).",
    fix="Answer 200 to unknown tokens, and 400 invalid_request when the token or the client is missing.",
)
async def revoke_unknown(subject: Subject) -> str:
    endpoint, client = await subject.endpoint("revocation"), await subject.client()
    answer = await subject.send("POST", endpoint, form=client.revocation("secure-mcp-doctor"))
    problems = [] if answer.status == 200 else [f"an unknown token: {answer}, {answer.error or 'no error'}"]
    problems += grant_problems(await subject.send("POST", endpoint, form={}), "nothing", "invalid_request")
    return settled(problems, "200, and invalid_request")
