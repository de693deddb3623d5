"""Where a server is decides what is asked of it: https, this computer, nobody at home."""

import time

import httpx
import pytest

from actors.flawed_gateway import FlawedGateway, Forward, answers, on
from secure_mcp_local.cli.examination import endpoint
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import DoctorError, Finding, Options, Outcome, Person, Server, Subject, chosen, examine

PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def https_finding(url: str, plain: httpx.Response | None) -> Finding:
    """What is said of an address whose host answers so on port 80; None: not at all."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https" or url.startswith("http://"):
            return httpx.Response(401)
        if plain is None:
            raise httpx.ConnectError("refused")
        return plain

    async with Server(url, httpx.MockTransport(answer)) as server:
        report = await examine(Subject(server, None, Options()), chosen(["https"], anonymous=True))
    [finding] = report.findings
    return finding


@pytest.mark.parametrize(
    ("url", "plain", "outcome"),
    [
        ("https://mcp.example.com/mcp", None, Outcome.PASS),
        ("https://mcp.example.com/mcp", httpx.Response(404), Outcome.PASS),
        ("https://mcp.example.com/mcp", httpx.Response(301, headers={"Location": "https://mcp.example.com/mcp"}), Outcome.PASS),
        ("https://mcp.example.com/mcp", httpx.Response(301, headers={"Location": "http://mcp.example.com/x"}), Outcome.FAIL),
        ("https://mcp.example.com/mcp", httpx.Response(401), Outcome.FAIL),
        ("https://mcp.example.com/mcp", httpx.Response(200), Outcome.FAIL),
        ("http://mcp.example.com/mcp", None, Outcome.FAIL),
        ("http://localhost:8080/mcp", None, Outcome.PASS),
        ("http://127.0.0.1:8080/mcp", None, Outcome.PASS),
        ("http://[::1]:8080/mcp", None, Outcome.PASS),
    ],
)  # fmt: skip
async def test_tls_is_asked_of_every_server_but_those_on_this_computer(
    url: str, plain: httpx.Response | None, outcome: Outcome
) -> None:
    finding = await https_finding(url, plain)
    assert finding.outcome is outcome, finding.seen


async def test_nobody_at_home_is_one_error() -> None:
    async with Server("http://127.0.0.1:9/mcp") as server:
        with pytest.raises(DoctorError, match="does not answer"):
            await examine(Subject(server, None, Options()), chosen([], anonymous=True))


def test_sign_in_without_a_browser_is_for_this_computer_only() -> None:
    with pytest.raises(DoctorError, match="local cloud only"):
        Person(Server("https://mcp.example.com/mcp"), "alice")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://mcp.example.com", "https://mcp.example.com/mcp"),
        ("https://mcp.example.com/", "https://mcp.example.com/mcp"),
        ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
        ("http://localhost:8080/tools/mcp", "http://localhost:8080/tools/mcp"),
    ],
)
def test_the_address_of_a_gateway_means_its_mcp_endpoint(given: str, meant: str) -> None:
    assert endpoint(given) == meant


@pytest.mark.parametrize(
    "given",
    ["", "mcp.example.com", "ftp://x/", "https://", "http://[", "https://x/mcp?a=b", "https://u@x/", "https://x:y/"],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(DoctorError, match="https://host/mcp"):
        endpoint(given)


def test_unknown_checks_are_refused_by_name() -> None:
    with pytest.raises(DoctorError, match=r"no check is called nonsense; there are: .*challenge"):
        chosen(["nonsense"], anonymous=False)
    with pytest.raises(DoctorError, match="--anonymous"):
        chosen(["revoke"], anonymous=True)


async def test_a_sign_in_elsewhere_is_not_examined() -> None:
    """A gateway whose metadata points at Entra ID itself: nothing is sent there."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        metadata = {
            "resource": "https://mcp.example.com/mcp",
            "authorization_servers": ["https://login.example.com/t/v2.0"],
        }
        return (
            httpx.Response(200, json=metadata) if request.url.path.startswith("/.well-known") else httpx.Response(401)
        )

    async with Server("https://mcp.example.com/mcp", httpx.MockTransport(answer)) as server:
        report = await examine(Subject(server, None, Options()), chosen([], anonymous=True))
    outcomes = {finding.name: finding for finding in report.findings}
    assert outcomes["server-metadata"].outcome is Outcome.SKIP
    assert "https://login.example.com/t/v2.0, which is not this server" in outcomes["server-metadata"].seen
    assert outcomes["unknown-client"].outcome is Outcome.SKIP
    assert set(asked) == {"mcp.example.com"}


async def test_a_rate_limit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    left = [429, 429]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(left.pop(), headers={"Retry-After": "7"}) if left else httpx.Response(200)

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("secure_mcp_local.doctor.server.sleep", sleep)
    async with Server("https://mcp.example.com/mcp", httpx.MockTransport(answer)) as server:
        assert (await server.send("GET", "/mcp")).status == 200
    assert waited == [8, 8]


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless() -> object:
        while True:
            yield b"x" * 65536

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    start = time.monotonic()
    async with Server("https://mcp.example.com/mcp", httpx.MockTransport(answer)) as server:
        assert len((await server.send("GET", "/mcp")).body) == 1024 * 1024
    assert time.monotonic() - start < 10


async def test_a_registered_client_needs_no_registration(cloud: LocalCloud) -> None:
    url = cloud.gateway_url + "/mcp"
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"redirect_uris": ["http://127.0.0.1/callback"]}
        client_id = (await client.post(cloud.gateway_url + "/register", json=body)).json()["client_id"]
    closed = answers(on("/register"), 403, json={"error": "access_denied"})
    for given, outcome in ((client_id, Outcome.PASS), ("", Outcome.SKIP)):
        async with Server(url, FlawedGateway(closed)) as server:
            subject = Subject(server, Person(server, "alice"), Options(client_id=given))
            report = await examine(subject, chosen(["plain-refused", "sign-in", "tools"], anonymous=False))
        assert {finding.outcome for finding in report.findings} == {outcome}, report
        assert report.left_behind == ()


async def test_a_registration_that_can_be_taken_back_is(cloud: LocalCloud) -> None:
    """RFC 7592: such a server says where, and gives a token for it."""
    deleted: list[tuple[str, str]] = []

    async def manageable(request: httpx.Request, forward: object) -> httpx.Response:
        if request.method == "DELETE" and request.url.path.startswith("/register/"):
            deleted.append((request.url.path, request.headers["authorization"]))
            return httpx.Response(204)
        response: httpx.Response = await forward(request)  # type: ignore[operator]
        if request.url.path != "/register" or response.status_code != 201:
            return response
        made = response.json()
        managed = {"registration_access_token": "manage", "registration_client_uri": f"/register/{made['client_id']}"}
        return httpx.Response(201, json=made | managed, headers={"Cache-Control": "no-store"})

    async with Server(cloud.gateway_url + "/mcp", FlawedGateway(manageable)) as server:
        report = await examine(Subject(server, None, Options()), chosen(["register"], anonymous=True))
    assert report.left_behind == ()
    [(_, authorization)] = deleted
    assert authorization == "Bearer manage"


async def test_a_list_of_allowed_clients_is_no_failure(cloud: LocalCloud) -> None:
    """Programs on this computer may register, web applications may not."""

    async def allowlist(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.url.path == "/register" and b"doctor.invalid" in request.content:
            return httpx.Response(400, json={"error": "invalid_redirect_uri"}, headers=PRIVATE)
        return await forward(request)

    async with Server(cloud.gateway_url + "/mcp", FlawedGateway(allowlist)) as server:
        subject = Subject(server, Person(server, "alice"), Options(tool="hello_mcp"))
        report = await examine(subject, chosen([], anonymous=False))
    outcomes = {finding.name: finding.outcome for finding in report.findings if finding.outcome is not Outcome.PASS}
    assert outcomes == dict.fromkeys(["register-echo", "consent", "consent-warning"], Outcome.SKIP)
