"""What no answer of the whole examination may show."""

import re

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.report import settled
from secure_mcp_local.doctor.server import Answer, is_loopback, origin_of
from secure_mcp_local.doctor.subject import Subject

SECTION = Section("All answers")

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.")
_TELLTALE = re.compile(
    r"(?i)\A(?:x-powered-by|x-aspnet.*|x-aspnetmvc.*|request-context|x-functions.*|x-ms-.*|x-generator)\Z"
)


async def _answers(subject: Subject) -> list[Answer]:
    """Every answer so far, one at least."""
    if not subject.server.seen:
        await subject.call(None)
    return subject.server.seen


def _named(problems: list[str]) -> list[str]:
    return list(dict.fromkeys(problems))


@SECTION.check(
    "no-jwt",
    "M20",
    "No answer holds a JWT",
    why="A token of Entra ID that reaches a client or a browser opens whatever else accepts it.",
    fix="Find the policy that hands it on: no token of the identity provider in bodies, headers or addresses.",
)
async def no_jwt(subject: Subject) -> str:
    answers = await _answers(subject)
    problems = [
        str(a) for a in answers if _JWT.search(a.text) or any(_JWT.search(value) for value in a.headers.values())
    ]
    return settled(_named(problems), f"none in {len(answers)} answers")


@SECTION.check(
    "no-server-errors",
    "M19",
    "Nothing that the doctor sent made the server fail",
    why="Clients cannot tell what to do about a 5xx, and attackers look for the input that makes one.",
    fix="Find the request in the gateway's log by its time, and answer it with an error of the protocol.",
)
async def no_server_errors(subject: Subject) -> str:
    answers = await _answers(subject)
    return settled(_named([str(a) for a in answers if a.status >= 500]), f"no 5xx in {len(answers)} answers")


@SECTION.check(
    "no-self-redirects",
    "M32",
    "No endpoint redirects to another one of the same server",
    why="Some clients do not follow, and each redirect carries its parameters through one more address bar.",
    fix="Answer where the request came in: /authorize shows the consent page itself.",
)
async def no_self_redirects(subject: Subject) -> str:
    answers = await _answers(subject)
    own = [a for a in answers if a.location is not None and origin_of(a.location) == subject.server.origin]
    return settled(_named([f"{a.path} leads to the server itself" for a in own]), f"none in {len(answers)} answers")


@SECTION.check(
    "plain-redirects",
    "",
    "Redirects lead to https, or to this computer",
    why="A code in a plain http address can be read on the way.",
    fix="Register https and loopback redirect URIs only.",
)
async def plain_redirects(subject: Subject) -> str:
    targets = [a for a in await _answers(subject) if (a.location or "").startswith("http://")]
    plain = [f"{a.path} leads to {origin_of(a.location or '')}" for a in targets if not is_loopback(a.location or "")]
    return settled(_named(plain), "no plain http")


@SECTION.check(
    "nosniff",
    "",
    "Browsers are told to believe Content-Type",
    why="A browser that guesses may run what was only meant to be data.",
    fix="X-Content-Type-Options: nosniff on every answer that a policy makes.",
)
async def nosniff(subject: Subject) -> str:
    made = [
        a
        for a in await _answers(subject)
        if a.media_type in {"application/json", "text/html"} and a.body and a.status not in {404, 405, 421}
    ]
    missing = [str(a) for a in made if a.headers.get("x-content-type-options", "").lower() != "nosniff"]
    return settled(_named(missing), f"on {len(made)} answers")


@SECTION.check(
    "no-telltales",
    "",
    "No answer says what software and services are behind the gateway",
    why="Versions and internal names save an attacker the search.",
    fix="Delete the header in the outbound section of policies/mcp/api.xml.",
)
async def no_telltales(subject: Subject) -> str:
    problems: list[str] = []
    for answer in await _answers(subject):
        problems += [f"{answer.path} sends {name}" for name in answer.headers if _TELLTALE.match(name)]
        if re.search(r"/\d", answer.headers.get("server", "")):
            problems.append(f"{answer.path} sends Server with a version")
    return settled(_named(problems), "no such header")
