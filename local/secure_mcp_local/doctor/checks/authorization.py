"""The authorization endpoint, before anybody signs in: RFC 6749, 7636, 8707, 9207."""

from urllib.parse import quote

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.client import Client, answer_of
from secure_mcp_local.doctor.report import settled
from secure_mcp_local.doctor.server import Answer
from secure_mcp_local.doctor.subject import FOREIGN, UNKNOWN_CLIENT, Subject
from secure_mcp_local.doctor.visitor import Visitor

SECTION = Section("Before the sign-in")


async def authorize(subject: Subject, client: Client, **changes: str | None) -> Answer:
    """An authorization request from a browser of its own."""
    return await Visitor(subject.server).get(client.authorize_url(await subject.endpoint("authorization"), **changes))


def refusal_problems(answer: Answer, what: str) -> list[str]:
    """What is wrong with an answer that must be an error page for the person at the browser."""
    if "location" in answer.headers:
        return [f"{what}: redirected"]
    if answer.status not in {400, 401, 403}:
        return [f"{what}: {answer}"]
    return []


async def error_problems(subject: Subject, answer: Answer, client: Client, what: str, *expected: str) -> list[str]:
    """What is wrong with an answer that must send the browser back to the client with an error."""
    if answer.location is None:
        return [f"{what}: {answer} instead of a redirect to the client"]
    if not answer.location.startswith(client.redirect_uri):
        return [f"{what}: redirected to somewhere else than the client"]
    given = answer_of(answer.location)
    problems: list[str] = []
    if "code" in given:
        problems.append(f"{what}: a code")
    if given.get("error") not in expected:
        problems.append(f"{what}: error={given.get('error', 'none')} instead of {' or '.join(expected)}")
    if given.get("state") != client.state:
        problems.append(f"{what}: state did not come back as it was")
    if given.get("iss") != await subject.issuer():
        problems.append(f"{what}: iss is {given.get('iss', 'missing')}")
    return problems


@SECTION.check(
    "unknown-client",
    "M8",
    "An unknown client is told so on a page, and nobody is redirected",
    why="A server that redirects for clients it does not know sends users wherever an attacker's link says.",
    fix="Look the client up before anything else; 400 and a page without any of the request's text.",
)
async def unknown_client(subject: Subject) -> str:
    client = await subject.client()
    problems: list[str] = []
    for name in (None, "secure-mcp-doctor-<i>", UNKNOWN_CLIENT, f"{FOREIGN}/client.json"):
        answer = await authorize(subject, client, client_id=name)
        problems += refusal_problems(answer, f"client_id {name or 'missing'}")
        if "<i>" in answer.text:
            problems.append("the page repeats the client_id as markup")
    return settled(problems, "an error page")


def _wrong_redirects(client: Client) -> dict[str, str | None]:
    uri = client.redirect_uri
    return {
        "another host": f"{FOREIGN}/elsewhere",
        "another path": f"{uri}/elsewhere",
        "a query of its own": f"{uri}{'&' if '?' in uri else '?'}more=1",
        "other case": uri.replace("/callback", "/CALLBACK"),
        "user information": uri.replace("://", "://x@", 1),
        "javascript:": "javascript:alert(1)",
    }


@SECTION.check(
    "redirect-mismatch",
    "M8",
    "A redirect URI that is not registered is refused without a redirect",
    why="Codes would go to whoever made the link.",
    fix="Compare the whole text with the registered ones; only the port of a loopback http URI may differ (RFC 8252, 7.3).",
)
async def redirect_mismatch(subject: Subject) -> str:
    problems: list[str] = []
    client, web = await subject.client(), await subject.other_client()
    for what, uri in _wrong_redirects(client).items():
        problems += refusal_problems(await authorize(subject, client, redirect_uri=uri), what)
    other_port = web.redirect_uri.replace("doctor.invalid", "doctor.invalid:444")
    problems += refusal_problems(await authorize(subject, web, redirect_uri=other_port), "another port of an https URI")
    return settled(problems, "an error page for each of them")


@SECTION.check(
    "loopback-port",
    "M8",
    "A program on the user's computer may come back on another port",
    why="Such programs take whatever port is free; a server that insists on the registered one breaks them.",
    fix="Compare loopback http redirect URIs without their port (RFC 8252, section 7.3).",
)
async def loopback_port(subject: Subject) -> str:
    client = await subject.client()
    answer = await authorize(subject, client, redirect_uri="http://127.0.0.1:1/callback")
    return settled([] if answer.status == 200 else [f"with another port: {answer}"], "the consent page")


@SECTION.check(
    "pkce-required",
    "M9",
    "A sign-in without PKCE is refused",
    why="Without PKCE whoever gets hold of a code can use it.",
    fix="Require code_challenge (43 characters) at /authorize; send error=invalid_request to the client.",
)
async def pkce_required(subject: Subject) -> str:
    client = await subject.client()
    problems: list[str] = []
    changes: list[tuple[str, dict[str, str | None]]] = [
        ("without a challenge", {"code_challenge": None, "code_challenge_method": None}),
        ("with a short challenge", {"code_challenge": "short"}),
    ]
    for what, change in changes:
        answer = await authorize(subject, client, **change)
        problems += await error_problems(subject, answer, client, what, "invalid_request")
    return settled(problems, "error=invalid_request")


@SECTION.check(
    "plain-refused",
    "M18",
    "PKCE with `plain` is refused",
    why="A plain challenge is the verifier itself: whoever sees the request can use the code.",
    fix="Accept code_challenge_method=S256 only; left out it means plain (RFC 7636, section 4.3).",
)
async def plain_refused(subject: Subject) -> str:
    client = await subject.client()
    problems: list[str] = []
    for method in ("plain", None):
        answer = await authorize(subject, client, code_challenge=client.verifier[:43], code_challenge_method=method)
        problems += await error_problems(subject, answer, client, f"method {method or 'missing'}", "invalid_request")
    return settled(problems, "error=invalid_request")


@SECTION.check(
    "wrong-resource",
    "M11",
    "A sign-in for another resource is refused",
    why="Keys that are asked for in the name of one server would open another (RFC 8707).",
    fix="Compare `resource` with the address of the MCP endpoint; send error=invalid_target to the client.",
)
async def wrong_resource(subject: Subject) -> str:
    client = await subject.client()
    answer = await authorize(subject, client, resource=f"{FOREIGN}/mcp")
    problems = await error_problems(subject, answer, client, "another resource", "invalid_target")
    return settled(problems, "error=invalid_target")


@SECTION.check(
    "resource-tolerated",
    "M11",
    "Small differences in the resource do not matter",
    why="Clients write the address with other case or a slash at the end, or leave the parameter out.",
    fix="Compare without case and without one slash at the end; treat a missing resource as the server's own.",
)
async def resource_tolerated(subject: Subject) -> str:
    client = await subject.client()
    scheme, _, rest = subject.url.partition("://")
    authority, slash, path = rest.partition("/")
    variants = {
        "host in capitals": f"{scheme}://{authority.upper()}{slash}{path}",
        "a slash at the end": f"{subject.url}/",
        "no resource": None,
    }
    problems: list[str] = []
    for what, resource in variants.items():
        answer = await authorize(subject, client, resource=resource)
        if answer.status != 200:
            problems.append(f"{what}: {answer}")
    return settled(problems, "the consent page")


@SECTION.check(
    "later-errors",
    "M9",
    "Other errors reach the client, with state and iss",
    why="A client that never hears of the error waits until its user gives up.",
    fix="Once client and redirect URI are known, redirect with error, state and iss (policies/fragments/redirect-error.xml).",
)
async def later_errors(subject: Subject) -> str:
    client = await subject.client()
    problems: list[str] = []
    for what, changes, error in [
        ("another response type", {"response_type": "token"}, "unsupported_response_type"),
        ("no response type", {"response_type": None}, "invalid_request"),
        ("an unknown scope", {"scope": "secure-mcp-doctor"}, "invalid_scope"),
    ]:
        answer = await authorize(subject, client, **changes)
        problems += await error_problems(subject, answer, client, what, error)
    return settled(problems, "redirected with error, state and iss")


@SECTION.check(
    "repeated-parameters",
    "M9",
    "A parameter that comes twice is refused",
    why="Two readers of one request may each take another of the two (RFC 6749, section 3.1).",
    fix="Refuse repeated parameters: a page for client_id and redirect_uri, error=invalid_request for others.",
)
async def repeated_parameters(subject: Subject) -> str:
    client = await subject.client()
    url = client.authorize_url(await subject.endpoint("authorization"))
    visitor = Visitor(subject.server)
    twice = await visitor.get(f"{url}&redirect_uri={quote(client.redirect_uri, safe='')}")
    problems = refusal_problems(twice, "redirect_uri twice")
    answer = await visitor.get(f"{url}&code_challenge_method=plain")
    problems += await error_problems(subject, answer, client, "code_challenge_method twice", "invalid_request")
    return settled(problems, "refused")
