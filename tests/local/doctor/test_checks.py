"""Every check passes at the local cloud, and fails at a gateway that has just the flaw it looks for."""

import json
import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from actors.flawed_gateway import (
    Flaw,
    FlawedGateway,
    Forward,
    answers,
    members,
    no_flaw,
    on,
    text,
)
from actors.gateway_flaws import ASM, FLAWS, PRM, location, query
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import SECTIONS, Options, Outcome, Person, Report, Server, Subject, chosen, examine

NAMES = [check.name for section in SECTIONS for check in section.checks]


async def examined(url: str, flaw: Flaw = no_flaw, *only: str, tool: str = "") -> Report:
    async with Server(url, FlawedGateway(flaw)) as server:
        subject = Subject(server, Person(server, "alice"), Options(tool=tool, patience=0))
        return await examine(subject, chosen(only, anonymous=False))


CASES = [pytest.param(name, flaw, id=f"{name}-{n}") for name, flaws in FLAWS.items() for n, flaw in enumerate(flaws)]


async def test_every_line_holds_at_the_local_cloud_and_nothing_is_left(cloud: LocalCloud) -> None:
    before = sessions(cloud)
    report = await examined(cloud.gateway_url + "/mcp", tool="hello_mcp")
    wrong = [(finding.name, finding.seen) for finding in report.findings if finding.outcome is not Outcome.PASS]
    assert wrong == []
    assert report.holds
    assert [finding.name for finding in report.findings] == NAMES
    # Sessions whose code was never exchanged wait for it, and end by themselves in a minute.
    assert sessions(cloud) == before
    assert len(report.left_behind) == 2
    assert all(left.startswith("registration ") for left in report.left_behind)


def sessions(cloud: LocalCloud) -> set[str]:
    documents = [document for container in cloud.cosmos.containers for document in container.documents()]
    return {str(document["id"]) for document in documents if document.get("state") == "active"}


def test_every_check_has_a_flaw_at_which_it_fails() -> None:
    # `https` needs other addresses: test_addresses.py.
    assert set(FLAWS) | {"https"} == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize(("name", "flaw"), CASES)
async def test_a_check_fails_at_its_flaw_and_says_what_to_do(
    cloud: LocalCloud, name: str, flaw: Callable[[], Flaw]
) -> None:
    report = await examined(cloud.gateway_url + "/mcp", flaw(), name, tool="hello_mcp")
    [finding] = report.findings
    assert finding.outcome is Outcome.FAIL, finding.seen
    assert finding.seen
    assert finding.why
    assert finding.fix
    assert not report.holds


async def test_no_report_holds_a_secret(cloud: LocalCloud) -> None:
    def careless(response: httpx.Response) -> None:
        """A gateway that repeats keys wherever it can."""
        response.headers["www-authenticate"] = f'Bearer error="{key[0] if key else ""}"'

    key: list[str] = []

    async def flaw(request: httpx.Request, forward: Forward) -> httpx.Response:
        response: httpx.Response = await forward(request)
        if request.url.path == "/token" and response.status_code == 200:
            key.append(response.json()["access_token"])
        if request.url.path == "/mcp" and response.status_code == 401:
            careless(response)
        return response

    async with Server(cloud.gateway_url + "/mcp", FlawedGateway(flaw)) as server:
        subject = Subject(server, Person(server, "alice"), Options(patience=0))
        report = await examine(subject, chosen((), anonymous=False))
    text = json.dumps(report.as_json())
    assert "[secret]" in text
    assert len(subject.secrets) > 10
    assert not [secret for secret in subject.secrets if secret in text]
    assert not re.search(r"[A-Za-z0-9_-]{60,}", text)


NONSENSE: dict[str, Callable[[], Flaw]] = {
    "500": lambda: answers(on("*"), 500, text="oops"),
    "empty": lambda: answers(on("*"), 200),
    "html": lambda: answers(on("*"), 200, html="<form method=post><button name=a value=allow>"),
    "list": lambda: answers(on("*"), 200, json=[1, [2], None]),
    "null": lambda: answers(on("*"), 401, json=None),
    "deep": lambda: answers(on("*"), 200, content=b"[" * 100_000, headers={"Content-Type": "application/json"}),
    "no addresses": lambda: members(
        on(ASM), token_endpoint="http://[", authorization_endpoint=7, registration_endpoint="%%%", revocation_endpoint=[]
    ),
    "bad servers": lambda: members(on(PRM), authorization_servers=["http://[", None, 5]),
    "loop": lambda: answers(on("*"), 302, headers={"Location": "/mcp"}),
    "bad header": lambda: answers(on("*"), 401, headers={"WWW-Authenticate": 'Bearer "=,,,\x1b[31m', "Set-Cookie": "=;;;"}),
}  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_does_not_end_an_examination(cloud: LocalCloud, nonsense: Callable[[], Flaw]) -> None:
    report = await examined(cloud.gateway_url + "/mcp", nonsense())
    assert [finding.name for finding in report.findings] == NAMES
    assert not report.holds
    assert all(finding.seen.isprintable() for finding in report.findings)


async def test_a_server_that_stops_answering_is_a_failure_of_each_check(cloud: LocalCloud) -> None:
    calls = 0

    async def dead(request: httpx.Request, forward: Forward) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise httpx.ReadTimeout("too late", request=request)
        return await forward(request)

    report = await examined(cloud.gateway_url + "/mcp", dead)
    outcomes = {finding.name: finding for finding in report.findings}
    assert outcomes["challenge"].outcome is Outcome.FAIL
    assert "no answer (ReadTimeout)" in outcomes["challenge"].seen
    passed = {finding.name for finding in report.findings if finding.outcome is Outcome.PASS}
    # What was seen before it fell silent, and what silence is a good answer to.
    assert passed - {check.name for check in SECTIONS[-1].checks} <= {"https", "host"}


ELSEWHERE: dict[str, Callable[[], Flaw]] = {
    "after consent": lambda: answers(on("/consent"), 303, headers={"Location": "https://doctor.invalid/?state=s"}),
    "the form": lambda: text(on("/authorize"), 'action="/consent"', 'action="http://localhost:9/consent"'),
    "the way back": lambda: location(on("/consent"), query(redirect_uri="http://localhost:9/oauth-callback")),
    "endpoints": lambda: members(
        on(ASM), token_endpoint="http://localhost:9/token", registration_endpoint="https://doctor.invalid/register"
    ),
    "management": lambda: members(
        on("/register"), registration_access_token="t", registration_client_uri="http://localhost:9/register/1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_a_server_cannot_send_the_doctor_to_others(cloud: LocalCloud, flaw: Callable[[], Flaw]) -> None:
    visited: set[str] = set()
    wrapped = flaw()

    async def watched(request: httpx.Request, forward: Forward) -> httpx.Response:
        visited.add(request.url.netloc.decode())
        return await wrapped(request, forward)

    report = await examined(cloud.gateway_url + "/mcp", watched)
    assert visited <= {urlsplit(cloud.gateway_url).netloc, urlsplit(cloud.entra_url).netloc}
    assert len(report.findings) == len(NAMES)


async def test_an_examination_stays_below_the_default_rate_limits(cloud: LocalCloud) -> None:
    async with Server(cloud.gateway_url + "/mcp") as server:
        await examine(Subject(server, Person(server, "alice"), Options(patience=0)), chosen([], anonymous=False))
        asked = Counter(answer.path for answer in server.seen)
    assert max(asked.values()) < 60, asked
