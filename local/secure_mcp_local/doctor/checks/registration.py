"""Dynamic client registration: RFC 7591."""

from typing import Any

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.client import text_of, texts_of
from secure_mcp_local.doctor.report import Skipped, settled
from secure_mcp_local.doctor.server import Answer
from secure_mcp_local.doctor.subject import FOREIGN, ODD_NAME, WEB_REDIRECT, Subject

SECTION = Section("Registration of clients")

BAD_REDIRECTS = {
    "javascript:": "javascript:alert(1)",
    "JavaScript:": "JavaScript:alert(1)",
    "data:": "data:text/html,x",
    "file:": "file:///etc/passwd",
    "http to another computer": "http://doctor.invalid/callback",
    "a host that only looks like localhost": "http://localhost.doctor.invalid/callback",
    "a fragment": f"{FOREIGN}/callback#fragment",
    "user information": "https://user@doctor.invalid/callback",
    "a wildcard": "https://*.doctor.invalid/callback",
    "a path alone": "/callback",
    "an empty text": "",
}
_ODD_METADATA: dict[str, Any] = {
    "no redirect_uris": {},
    "an empty list": {"redirect_uris": []},
    "a text instead of a list": {"redirect_uris": WEB_REDIRECT},
    "numbers in the list": {"redirect_uris": [1]},
}
_ODD_BODIES = {
    "no JSON": b"redirect_uris=x",
    "a list": b"[]",
    "half a text": b'{"redirect_uris": ["',
    "64 KiB": b'{"redirect_uris": ["' + WEB_REDIRECT.encode() + b'"], "client_name": "' + b"x" * 65536 + b'"}',
}


def _echo_problems(answer: Answer, redirect_uri: str, method: str) -> list[str]:
    """What is wrong with the answer to a registration that must succeed."""
    if answer.status != 201:
        return [f"{answer}{f', {answer.error}' if answer.error else ''}"]
    made = answer.object()
    problems: list[str] = []
    if not text_of(made, "client_id"):
        problems.append("no client_id")
    if texts_of(made, "redirect_uris") != [redirect_uri]:
        problems.append("redirect_uris are not those that were sent")
    if made.get("token_endpoint_auth_method") != method:
        problems.append(f"token_endpoint_auth_method is {made.get('token_endpoint_auth_method')!r}")
    if method == "none" and "client_secret" in made:
        problems.append("a client secret")
    if method != "none" and len(text_of(made, "client_secret")) < 32:
        problems.append("no client secret, or a short one")
    if empty := sorted(name for name, value in made.items() if value is None or value == ""):
        problems.append(f"members without a value: {', '.join(empty)}")
    if "no-store" not in answer.headers.get("cache-control", ""):
        problems.append("no Cache-Control: no-store")
    return problems


@SECTION.check(
    "register",
    "M5",
    "A program on the user's computer can register",
    why="Most MCP clients register themselves; when that fails they cannot connect at all.",
    fix="Accept http://127.0.0.1 and http://localhost with any port; with allowedClients, list them, or use --client-id.",
)
async def register(subject: Subject) -> str:
    answer = await subject.registration()
    if subject.options.client_id and 400 <= answer.status < 500:
        raise Skipped(f"closed ({answer}), and --client-id is used instead")
    return settled(_echo_problems(answer, subject.redirect_uri, "none"), f"201, {subject.redirect_uri}")


@SECTION.check(
    "register-echo",
    "M6",
    "A web application can register, and is told what was taken over, with the secret that it asked for",
    why="Clients trip over empty members in the answer; some, such as Microsoft's Copilot, cannot go on without a secret.",
    fix="Answer 201 with no-store, the fields that were given and used, and a secret to who asks for one.",
)
async def register_echo(subject: Subject) -> str:
    answer = await subject.web_registration()
    if answer.status in {400, 401, 403} and answer.error:
        # A list of allowed clients may well know programs on this computer and not doctor.invalid.
        raise Skipped(
            f"a web application of {FOREIGN} may not register here ({answer.error}); a list of allowed clients?"
        )
    problems = _echo_problems(answer, WEB_REDIRECT, "client_secret_basic")
    if answer.status == 201 and answer.object().get("client_name") != ODD_NAME:
        problems.append("client_name is not the one that was sent")
    return settled(problems, "201, with a secret")


@SECTION.check(
    "register-refuses",
    "M5",
    "Redirect URIs that would hand codes to others are refused",
    why="Whoever registers such an address gets the codes of users, or runs a script in their browser.",
    fix="Accept https, http to this computer and named private schemes only; 400 invalid_redirect_uri for all else.",
)
async def register_refuses(subject: Subject) -> str:
    problems: list[str] = []
    for what, uri in BAD_REDIRECTS.items():
        answer = await subject.register(client_name="secure-mcp doctor", redirect_uris=[WEB_REDIRECT, uri])
        if answer.status in {200, 201}:
            problems.append(f"accepted: {what}")
        elif answer.status != 400 or answer.error not in {"invalid_redirect_uri", "invalid_client_metadata"}:
            problems.append(f"{what}: {answer}, {answer.error or 'no error'}")
    return settled(problems, f"400 for {len(BAD_REDIRECTS)} kinds of them")


@SECTION.check(
    "register-garbage",
    "M5",
    "Registrations that make no sense are refused with an error that clients understand",
    why="A 500 is a bug that an attacker can look into; accepted garbage breaks later steps.",
    fix="Check types and sizes first: 400 invalid_client_metadata or invalid_redirect_uri.",
)
async def register_garbage(subject: Subject) -> str:
    endpoint = await subject.endpoint("registration")
    answers = {what: await subject.register(**metadata) for what, metadata in _ODD_METADATA.items()}
    for what, body in _ODD_BODIES.items():
        headers = {"Content-Type": "application/json"}
        answers[what] = await subject.send("POST", endpoint, headers=headers, content=body)
    problems: list[str] = []
    for what, answer in answers.items():
        too_large = answer.status == 413 and what == "64 KiB"
        known = answer.status == 400 and answer.error in {"invalid_redirect_uri", "invalid_client_metadata"}
        if not known and not too_large:
            problems.append(f"{what}: {answer}, {answer.error or 'no error'}")
    return settled(problems, f"400 for {len(answers)} of them")
