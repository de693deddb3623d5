"""Publishing code: every answer that the deployment endpoint of Flex Consumption is known to give, in no time."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from actors.waiting import Clock
from secure_mcp.publishing import PublishingError
from secure_mcp.publishing import publication as rules
from secure_mcp.publishing.app import App, scm_host
from secure_mcp.publishing.deployer import Deployer
from secure_mcp.publishing.publication import publish

ID = "deployment-1"
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func-a"
STORAGE = "InaccessibleStorageException: BlobUploadFailedException: 403 AuthorizationPermissionMismatch"


@dataclass
class Answer:
    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


LOST = Answer(0)
"""The connection is closed without an answer."""


def deployment(status: int, **more: Any) -> Answer:
    return Answer(202 if status in {0, 1, 2} else 200, {"id": ID, "status": status, "status_text": "", **more})


ACCEPTED = Answer(202, ID)
DONE = deployment(4)
UNKNOWN = Answer(404, {"Message": "not found"})


class Azure:
    """Answers as scripted; the last answer of a script stays."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.publish: list[Answer] = [ACCEPTED]
        self.status: list[Answer] = [DONE]
        self.latest: list[Answer] = [UNKNOWN]
        self.log: list[Answer] = [Answer(404)]
        self.functions: list[Answer] = [Answer(200, {"value": [{"name": "func-a/save"}, {"name": "func-a/get"}]})]
        self.looks: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Or each answer waits for 40 ms.
            disable_nagle_algorithm = True

            def _handle(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if url.path == "/api/publish":
                    query = {key: values[0] for key, values in parse_qs(url.query).items()}
                    outer.sent.append({**query, "body": body, **{k.lower(): v for k, v in self.headers.items()}})
                    script = outer.publish
                elif url.path.endswith("/functions"):
                    script = outer.functions
                elif url.path.endswith("/log"):
                    script = outer.log
                elif url.path == "/api/deployments/latest":
                    script = outer.latest
                else:
                    script = outer.status
                answer = script.pop(0) if len(script) > 1 else script[0]
                if answer is LOST:
                    self.close_connection = True
                    self.connection.close()
                    return
                found = answer.body
                if isinstance(found, dict) and found.get("message") == "ours":
                    found = {**found, "message": outer.sent[-1]["message"]}
                content = (found if isinstance(found, str) and answer.status != 202 else json.dumps(found)).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _handle

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@dataclass
class Person:
    arm: str

    def token(self) -> str:
        return "the-token"


@pytest.fixture
def azure() -> Iterator[Azure]:
    it = Azure()
    thread = threading.Thread(target=it.server.serve_forever, args=(0.01,))
    thread.start()
    yield it
    it.server.shutdown()
    thread.join()
    it.server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Publish = Callable[[], list[str]]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def run(azure: Azure, clock: Clock, said: list[str], tmp_path: Path) -> Publish:
    package = tmp_path / "package.zip"
    package.write_bytes(b"a zip")

    def go() -> list[str]:
        return publish(package, "digest", App(APP, azure.url), Person(azure.url), said.append, clock)

    return go


def test_A3_A4_A5_a_package_is_sent_as_it_is_with_the_deployers_token(
    azure: Azure, run: Publish, said: list[str]
) -> None:
    assert run() == ["get", "save"]
    [sent] = azure.sent
    assert sent["body"] == b"a zip"
    assert sent["content-type"] == "application/zip"
    assert sent["authorization"] == "Bearer the-token"
    assert (sent["RemoteBuild"], sent["Deployer"]) == ("false", "secure-mcp")
    assert sent["message"].startswith("secure-mcp digest ")
    assert said[-1] == "func-a runs 2 functions: get, save"
    assert "the-token" not in "".join(said)


def test_a_deployment_is_followed_to_its_end_every_second(azure: Azure, run: Publish, clock: Clock) -> None:
    azure.status = [deployment(0), deployment(1), deployment(2), deployment(2), DONE]
    run()
    assert clock.waits == [1.0] * 4


def test_azure_says_when_to_look_again(azure: Azure, run: Publish, clock: Clock) -> None:
    busy = deployment(2)
    azure.status = [Answer(202, busy.body, {"Retry-After": "7"}), DONE]
    run()
    assert clock.waits == [7.0]


def test_done_at_once_is_verified_where_it_can_be(azure: Azure, run: Publish) -> None:
    azure.publish = [Answer(200, "")]
    run()
    azure.latest = [deployment(2), deployment(3, status_text="It broke")]
    with pytest.raises(PublishingError, match="ended as failed: It broke"):
        run()


@pytest.mark.parametrize(
    ("answer", "window"),
    [
        (Answer(403, "Forbidden"), rules.ACCESS),
        (Answer(404, ""), rules.ACCESS),
        (Answer(400, {"error": {"message": STORAGE}}), rules.STORAGE),
        (Answer(409, "in progress"), rules.BUSY),
        (Answer(429, ""), rules.BUSY),
        (Answer(502, "<html>bad</html>"), rules.BUSY),
        (Answer(503, "<html>Site Unavailable</html>"), rules.BUSY),
        (LOST, rules.BUSY),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_A3_A4_A5_what_passes_is_tried_again_and_not_for_ever(
    azure: Azure, run: Publish, clock: Clock, answer: Answer, window: float
) -> None:
    azure.publish = [answer, answer, ACCEPTED]
    assert run() == ["get", "save"]
    assert len(azure.sent) == 3
    azure.publish, clock.time = [answer], 0.0
    with pytest.raises(PublishingError):
        run()
    assert window <= clock.time < window + 30


@pytest.mark.parametrize("status", [400, 401, 413, 415, 500])
def test_what_does_not_pass_is_said_at_once(azure: Azure, run: Publish, clock: Clock, status: int) -> None:
    azure.publish = [Answer(status, {"Message": "The reason"})]
    with pytest.raises(PublishingError, match=f"refuses the package: {status} The reason"):
        run()
    assert len(azure.sent) == 1
    assert clock.waits == []


@pytest.mark.parametrize("status", [-1, 3, 6])
def test_a_failed_deployment_is_explained_by_its_text_and_log(azure: Azure, run: Publish, status: int) -> None:
    azure.status = [
        deployment(1),
        deployment(status, status_text="Deployment Failed", build_summary={"errors": ["E1"]}),
    ]
    azure.log = [Answer(200, [{"message": "App setting ENABLE_ORYX_BUILD is not supported."}])]
    with pytest.raises(PublishingError, match=r"Deployment Failed; E1; App setting ENABLE.*\nRemove that app setting"):
        run()
    assert len(azure.sent) == 1


def test_a_role_that_is_late_may_show_after_acceptance(azure: Azure, run: Publish) -> None:
    azure.status = [deployment(3, status_text="Deployment Failed"), DONE]
    azure.log = [Answer(200, [{"message": STORAGE}])]
    run()
    assert len(azure.sent) == 2


def test_the_role_that_never_comes_is_named(azure: Azure, run: Publish, clock: Clock) -> None:
    azure.publish = [Answer(400, {"error": {"message": STORAGE}})]
    with pytest.raises(PublishingError, match="needs Storage Blob Data Contributor on the container"):
        run()


def test_a_conflict_that_is_seen_later_is_waited_for(azure: Azure, run: Publish) -> None:
    azure.status = [deployment(5), DONE]
    run()
    assert len(azure.sent) == 2


def test_a_deployment_may_be_unknown_at_first(azure: Azure, run: Publish) -> None:
    azure.status = [UNKNOWN] * 4 + [DONE]
    run()
    assert len(azure.sent) == 1


def test_a_deployment_that_stays_unknown_is_published_once_more(azure: Azure, run: Publish) -> None:
    azure.status = [UNKNOWN]
    with pytest.raises(PublishingError, match="knows nothing of them"):
        run()
    assert len(azure.sent) == 2


def test_a_recycled_worker_is_no_success(azure: Azure, run: Publish, said: list[str]) -> None:
    azure.status = [deployment(2), UNKNOWN, deployment(1), deployment(3, status_text="It broke")]
    with pytest.raises(PublishingError, match="It broke"):
        run()
    assert len(azure.sent) == 2
    assert any("may have ended in any way" in line for line in said)


def test_a_worker_that_is_recycled_each_time_leaves_it_to_the_functions(azure: Azure, run: Publish) -> None:
    azure.status = [deployment(2), UNKNOWN, deployment(2), UNKNOWN]
    assert run() == ["get", "save"]


def test_what_a_recycled_worker_did_is_read_from_the_newest_deployment(azure: Azure, run: Publish) -> None:
    azure.status = [deployment(2), UNKNOWN]
    azure.latest = [deployment(4, message="ours")]
    run()
    assert len(azure.sent) == 1


@pytest.mark.parametrize("answer", [LOST, Answer(409, "in progress"), Answer(504, "")], ids=["lost", "409", "504"])
def test_ones_own_deployment_is_recognised(azure: Azure, run: Publish, answer: Answer) -> None:
    azure.publish = [answer]
    azure.latest = [deployment(2, message="ours"), deployment(2, message="ours"), deployment(4, message="ours")]
    run()
    assert len(azure.sent) == 1


def test_a_deployment_of_somebody_else_is_not_taken_for_ones_own(azure: Azure, run: Publish) -> None:
    azure.publish = [Answer(409, "in progress"), ACCEPTED]
    azure.latest = [deployment(4, message="theirs")]
    run()
    assert len(azure.sent) == 2


@pytest.mark.parametrize("answer", [Answer(503, "down"), LOST], ids=["503", "lost"])
def test_trouble_while_looking_passes(azure: Azure, run: Publish, answer: Answer) -> None:
    azure.status = [deployment(1), answer, answer, DONE]
    run()
    assert len(azure.sent) == 1


def test_a_deployment_that_never_ends_is_given_up(azure: Azure, run: Publish, clock: Clock, said: list[str]) -> None:
    azure.status = [deployment(1)]
    with pytest.raises(PublishingError, match="has not ended within 30 minutes"):
        run()
    assert 1800 < clock.time < 1810
    assert 50 < sum(line.startswith("Still waiting") for line in said) < 70


def test_an_unknown_status_is_refused(azure: Azure, run: Publish) -> None:
    azure.status = [deployment(9)]
    with pytest.raises(PublishingError, match="unknown status"):
        run()


def test_functions_are_waited_for(azure: Azure, run: Publish) -> None:
    none, some = Answer(200, {"value": []}), azure.functions[0]
    azure.functions = [none, Answer(503, ""), none, some]
    assert run() == ["get", "save"]


def test_an_app_without_functions_is_an_error_that_says_why(azure: Azure, run: Publish, clock: Clock) -> None:
    azure.functions = [Answer(200, {"value": []})]
    with pytest.raises(PublishingError, match="the app has no functions: its Python worker could not load"):
        run()
    assert rules.FUNCTIONS < clock.time < rules.FUNCTIONS + 30


def test_functions_that_may_not_be_listed_are_an_error_at_once(azure: Azure, run: Publish, clock: Clock) -> None:
    azure.functions = [Answer(403, {"error": {"message": "AuthorizationFailed"}})]
    with pytest.raises(PublishingError, match="does not list its functions: 403 AuthorizationFailed"):
        run()
    assert clock.waits == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://func-a.scm.invalid"], ids=["refused", "unknown name"]
)
def test_a_private_app_out_of_reach_is_explained(tmp_path: Path, clock: Clock, address: str, azure: Azure) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"a zip")
    said: list[str] = []
    with pytest.raises(PublishingError) as raised:
        publish(package, "digest", App(APP, address), Person(azure.url), said.append, clock)
    assert f"this machine cannot reach {address}" in str(raised.value)
    assert "privatelink.azurewebsites.net" in str(raised.value)
    assert rules.UNREACHABLE <= clock.time < rules.UNREACHABLE + 30


def test_the_endpoint_is_the_host_of_type_repository() -> None:
    states = [
        {"name": "func-a-hash.northeurope-01.azurewebsites.net", "hostType": "Standard"},
        {"name": "func-a-hash.scm.northeurope-01.azurewebsites.net", "hostType": "Repository"},
    ]
    assert scm_host({"hostNameSslStates": states}) == "func-a-hash.scm.northeurope-01.azurewebsites.net"
    with pytest.raises(PublishingError, match="no deployment endpoint of func-a"):
        scm_host({"name": "func-a", "hostNameSslStates": states[:1]})


@pytest.fixture
def deployer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The credential that is chosen for configuration and environment."""
    for name in (
        "ARM_ENVIRONMENT",
        "AZURE_ENVIRONMENT",
        "ARM_CLIENT_ID",
        "ARM_TENANT_ID",
        "ARM_CLIENT_SECRET",
        "ARM_USE_OIDC",
    ):
        monkeypatch.delenv(name, raising=False)

    def choose(config: Mapping[str, str] | None = None, **environment: str) -> Any:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        found = Deployer.of((config or {}).get, "00000000-0000-4000-8000-000000000001")
        return found, found._credential()  # pyright: ignore[reportPrivateUsage]

    return choose


PRINCIPAL = {"ARM_CLIENT_ID": "c", "ARM_TENANT_ID": "00000000-0000-4000-8000-000000000002"}


def test_the_deployer_is_who_the_provider_deploys_as(deployer: Callable[..., Any], tmp_path: Path) -> None:
    def kind(config: Mapping[str, str] | None = None, **environment: str) -> str:
        return type(deployer(config, **environment)[1]).__name__

    assert kind() == "AzureCliCredential"
    assert kind({"useDefaultAzureCredential": "true"}) == "DefaultAzureCredential"
    assert kind({"useMsi": "true"}) == "ManagedIdentityCredential"
    assert kind({"clientSecret": "s"}, **PRINCIPAL) == "ClientSecretCredential"
    assert kind(ARM_USE_OIDC="true") == "ClientAssertionCredential"
    assert kind(ARM_CLIENT_SECRET="s") == "ClientSecretCredential"


def test_azure_cli_is_asked_for_the_account_of_the_apps_subscription(deployer: Callable[..., Any]) -> None:
    assert deployer()[1].subscription == "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("", "https://management.azure.com"),
        ("public", "https://management.azure.com"),
        ("AzureCloud", "https://management.azure.com"),
        ("usgovernment", "https://management.usgovcloudapi.net"),
        ("AzureUSGovernment", "https://management.usgovcloudapi.net"),
        ("AzureChinaCloud", "https://management.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_resource_manager(deployer: Callable[..., Any], name: str, arm: str) -> None:
    assert deployer({"environment": name})[0].arm == arm


def test_an_unknown_cloud_is_refused(deployer: Callable[..., Any]) -> None:
    with pytest.raises(PublishingError, match="use one of public, usgovernment, china"):
        deployer({"environment": "moon"})


def test_nobody_signed_in_is_explained(monkeypatch: pytest.MonkeyPatch, deployer: Callable[..., Any]) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PublishingError, match=r"Azure CLI not found.*\nSign in with `az login`"):
        deployer()[0].token()
