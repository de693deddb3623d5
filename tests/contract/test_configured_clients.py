"""C1, C2, M6, M8, M9: clients that the configuration registers, the well-known publishers, and registrations that nobody uses."""

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pulumi
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.policy_options import PolicyOptions
from actors.signer import ASSERTION_TYPE, Signer, base64url
from secure_mcp.gateway.clients import DOCUMENT_HOSTS
from secure_mcp.options import ConfigError
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
SECRET = "x9-" * 12
SIGNER = Signer()
REDIRECT = "https://agents.example.com/oauth/callback"
CLIENTS: list[dict[str, Any]] = [
    {"id": "copilot-studio", "name": "Copilot <Studio>", "redirectUris": [REDIRECT], "secret": SECRET},
    {"id": "desk-app", "name": "Desk app", "redirectUris": ["http://127.0.0.1/callback"]},
    {"id": "robot.1", "name": "Robot", "redirectUris": [REDIRECT, "cursor://robot/cb"], "keys": [SIGNER.public]},
]


@pytest.fixture(scope="module")
async def cloud() -> Any:
    config = {"signInRateLimit": "100000", "clients": json.dumps(CLIENTS)}
    backend = "http://localhost:9/mcp"
    async with LocalCloud.open(
        Path(__file__).parents[2], stack="dev", config=config, port=0, backend=backend
    ) as running:
        SIGNER.now = running.clock.now
        yield running


def application(cloud: LocalCloud, client_id: str, redirect_uri: str = REDIRECT) -> Application:
    return Application(cloud.gateway_url, client_id=client_id, redirect_uri=redirect_uri)


def proof(cloud: LocalCloud, client_id: str) -> dict[str, str | None]:
    assertion = SIGNER.assertion(client_id, cloud.gateway_url)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def assert_invalid_client(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), response.text


async def test_C2_a_public_client_of_the_configuration_signs_in(cloud: LocalCloud) -> None:
    client = application(cloud, "desk-app", "http://127.0.0.1:49152/callback")
    tokens = await client.tokens(Person())
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert_invalid_client(await client.exchange("x", client_secret="s"))
    form = {"token": tokens["refresh_token"], "client_id": client.client_id}
    assert (await client.send("POST", "/revoke", data=form)).status_code == 200
    assert (await client.call(tokens["access_token"])).status_code == 401


async def test_C2_a_client_with_a_secret_must_show_it(cloud: LocalCloud) -> None:
    client = application(cloud, "copilot-studio")
    code = await client.code(Person())
    assert_invalid_client(await client.exchange(code))
    assert_invalid_client(await client.exchange(code, client_secret=SECRET[:-1]))
    assert_invalid_client(await client.exchange(code, client_secret=""))
    tokens = (await client.exchange(code, client_secret=SECRET)).json()
    assert_invalid_client(await client.refresh(tokens["refresh_token"]))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await client.send("POST", "/token", data=form, auth=(client.client_id, SECRET))
    assert answer.status_code == 200
    revoked = {"token": answer.json()["refresh_token"], "client_id": client.client_id}
    assert_invalid_client(await client.send("POST", "/revoke", data=revoked))
    assert (await client.send("POST", "/revoke", data=revoked | {"client_secret": SECRET})).status_code == 200


async def test_C2_the_hash_of_a_secret_stands_for_it(cloud_with: Any) -> None:
    """What is kept in a vault of one's own is in no configuration and no state."""
    hashed = base64url(hashlib.sha256(SECRET.encode()).digest())
    client = {"id": "vaulted", "name": "Vaulted", "redirectUris": [REDIRECT], "secretHash": hashed}
    async with cloud_with(clients=json.dumps([client])) as cloud:
        vaulted = application(cloud, "vaulted")
        code = await vaulted.code(Person())
        assert_invalid_client(await vaulted.exchange(code))
        assert_invalid_client(await vaulted.exchange(code, client_secret=hashed))
        assert (await vaulted.exchange(code, client_secret=SECRET)).status_code == 200


async def test_C2_the_hash_of_a_secret_is_no_secret_and_the_secret_is_nowhere(cloud: LocalCloud) -> None:
    client = application(cloud, "copilot-studio")
    resources = [resource for resource in cloud.recording.resources if "apimanagement" in resource.type]
    assert not [resource.name for resource in resources if SECRET in json.dumps(resource.inputs, default=str)]
    (value,) = [r for r in resources if r.inputs.get("namedValueId") == "client-copilot-studio-secret"]
    assert value.inputs["secret"] is True
    hashed = base64url(hashlib.sha256(SECRET.encode()).digest())
    holders = [r.name for r in resources if hashed in json.dumps(r.inputs, default=str)]
    assert holders == [value.name]
    assert_invalid_client(await client.exchange(await client.code(Person()), client_secret=hashed))


async def test_C2_a_client_with_a_key_must_sign(cloud: LocalCloud) -> None:
    client = application(cloud, "robot.1")
    code = await client.code(Person())
    assert_invalid_client(await client.exchange(code))
    other = Signer(now=cloud.clock.now).assertion("robot.1", cloud.gateway_url)
    assert_invalid_client(await client.exchange(code, client_assertion_type=ASSERTION_TYPE, client_assertion=other))
    once = proof(cloud, "robot.1")
    tokens = (await client.exchange(code, **once)).json()
    assert_invalid_client(await client.refresh(tokens["refresh_token"], **once))
    assert (await client.refresh(tokens["refresh_token"], **proof(cloud, "robot.1"))).status_code == 200
    # Not where strangers write: no flood of theirs keeps it out.
    used = [document["id"] for container in cloud.cosmos.containers for document in container.documents() if container.name == "sessions"]  # fmt: skip
    assert any(id.startswith("assertion-") for id in used)


@pytest.mark.parametrize("id", ["COPILOT-STUDIO", "copilot-studio ", "copilot-studi", "robot_1", "robot.1\n"])
async def test_C2_an_id_is_exact(cloud: LocalCloud, id: str) -> None:
    page = await Person().request("GET", application(cloud, id).authorize_url())
    assert page.status_code == 400
    assert_invalid_client(await application(cloud, id).exchange("x", client_secret=SECRET))


@pytest.mark.parametrize("uri", ["https://agents.example.com/oauth/callback2", "https://evil.example/cb", "http://127.0.0.1/callback"])  # fmt: skip
async def test_C2_M8_only_where_the_configuration_says(cloud: LocalCloud, uri: str) -> None:
    page = await Person().request("GET", application(cloud, "copilot-studio", uri).authorize_url())
    assert page.status_code == 400
    assert "location" not in page.headers


async def test_C2_M9_errors_go_at_once_to_a_client_of_the_configuration(cloud: LocalCloud) -> None:
    client = application(cloud, "copilot-studio")
    page = await Person().request("GET", client.authorize_url(response_type="token"))
    assert page.status_code == 302
    assert answer_of(page.headers["location"])["error"] == "unsupported_response_type"
    stranger = Application(cloud.gateway_url, redirect_uri=REDIRECT)
    await stranger.register()
    page = await Person().request("GET", stranger.authorize_url(response_type="token"))
    assert page.status_code == 400


async def test_C2_the_consent_page_shows_a_known_client(cloud: LocalCloud) -> None:
    page = await Person().request("GET", application(cloud, "copilot-studio").authorize_url())
    assert "Copilot &lt;Studio&gt;" in page.text
    assert "knows this application" in page.text
    assert "Did you start this yourself" not in page.text
    stranger = Application(cloud.gateway_url, redirect_uri=REDIRECT)
    await stranger.register()
    page = await Person().request("GET", stranger.authorize_url())
    assert "Did you start this yourself" in page.text


async def test_C2_B4_the_allowlist_need_not_repeat_them(cloud_with: CloudWith) -> None:
    async with cloud_with(clients=json.dumps(CLIENTS), allowedClients='["claude.ai"]') as cloud:
        client = application(cloud, "desk-app", "http://127.0.0.1:49152/callback")
        tokens = await client.tokens(Person())
        assert (await client.refresh(tokens["refresh_token"])).status_code == 200
        other = Application(cloud.gateway_url)
        assert (await other.register()).status_code == 400
        # A client that leaves the configuration is gone (M36).
        cloud.reconfigure(clients=json.dumps(CLIENTS[:1]))
        assert_invalid_client(await client.refresh(tokens["refresh_token"]))


@pytest.mark.parametrize(
    ("clients", "problem"),
    [
        ([{"id": "a"}], "name"),
        ([{"id": "a b", "name": "A"}], "id"),
        ([{"id": "a", "name": ""}], "name"),
        ([{"id": "a", "name": "{{EncryptionKey}}"}], "name"),
        ([{"id": "a", "name": "A", "secret": "short"}], "secret"),
        ([{"id": "a", "name": "A", "secret": "s" * 32, "keys": [SIGNER.public]}], "keys"),
        ([{"id": "a", "name": "A", "keys": [SIGNER.private]}], "d"),
        ([{"id": "a", "name": "A", "keys": [SIGNER.public | {"n": "abc"}]}], "n"),
        ([{"id": "a", "name": "A", "keys": [SIGNER.public | {"e": "AQ"}]}], "e"),
        ([{"id": "a", "name": "A", "keys_uri": "http://keys.example.com/x"}], "keysUri"),
        ([{"id": "a", "name": "A", "redirect_uris": ["http://evil.example/cb"]}], "redirectUris"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://u@evil.example/cb"]}], "redirectUris"),
        ([{"id": "a", "name": "A", "redirect_uris": ["javascript:alert(1)"]}], "clients"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://x.example/cb?code=1"]}], "clients"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://x.example/cb?a=1;code=2"]}], "clients"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://x.example/cb?Code[]=1"]}], "clients"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://x.example/cb?+%69ss"]}], "clients"),
        ([{"id": "a", "name": "A", "redirect_uris": ["https://x.example/cb?code%00=1"]}], "redirectUris"),
        ([{"id": "a", "name": "A"}, {"id": "A", "name": "B"}], "clients"),
    ],
)
def test_C2_what_cannot_work_is_said_when_the_program_runs(clients: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        PolicyOptions.of({"clients": clients})
    assert problem in str(error.value)
    assert "s" * 32 not in str(error.value)


def test_C2_a_secret_may_be_an_output() -> None:
    (client,) = PolicyOptions.of(
        {"clients": [{"id": "a", "name": "A", "secret": pulumi.Output.secret("s" * 32)}]}
    ).clients
    assert client.method == "secret"


def test_C1_the_documents_of_well_known_applications_are_read_by_default() -> None:
    assert PolicyOptions().client_metadata_hosts == DOCUMENT_HOSTS
    assert {"claude.ai", "chatgpt.com", "vscode.dev"} <= set(DOCUMENT_HOSTS)
    assert "github.com" not in DOCUMENT_HOSTS, "anybody can publish there"


async def test_C1_they_are_on_in_a_gateway_that_says_nothing(cloud: LocalCloud) -> None:
    metadata = await Application(cloud.gateway_url).send("GET", "/.well-known/oauth-authorization-server")
    assert metadata.json()["client_id_metadata_document_supported"] is True


async def test_M6_a_registration_that_never_got_a_token_is_forgotten_and_another_lives(cloud: LocalCloud) -> None:
    unused, used = Application(cloud.gateway_url), Application(cloud.gateway_url)
    await unused.register()
    await used.tokens(Person())
    await Person().request("GET", unused.authorize_url())
    cloud.clock.advance(14 * 86400 - 60)
    assert (await Person().request("GET", unused.authorize_url())).status_code == 200
    cloud.clock.advance(120)
    cloud.gateway.cache.clear()
    assert (await Person().request("GET", unused.authorize_url())).status_code == 400
    assert (await Person().request("GET", used.authorize_url())).status_code == 200


async def test_M6_a_registration_lives_a_year_after_it_was_last_used(cloud: LocalCloud) -> None:
    client = Application(cloud.gateway_url)
    await client.tokens(Person())
    for _ in range(3):
        cloud.clock.advance(300 * 86400)
        await client.tokens(Person())
    cloud.clock.advance(366 * 86400)
    assert (await Person().request("GET", client.authorize_url())).status_code == 400


async def test_M6_its_use_is_written_down_once_a_day_at_most(cloud: LocalCloud) -> None:
    client = Application(cloud.gateway_url)
    tokens = await client.tokens(Person())

    def version() -> str:
        return next(
            document["_etag"]
            for container in cloud.cosmos.containers
            for document in container.documents()
            if document["id"] == f"client-{client.client_id}"
        )

    first = version()
    for _ in range(20):
        cloud.clock.advance(3600)
        cloud.gateway.cache.clear()
        tokens = (await client.refresh(tokens["refresh_token"])).json()
        assert version() == first
    cloud.clock.advance(5 * 3600)
    await client.refresh(tokens["refresh_token"])
    assert version() != first


async def test_M6_who_is_signed_in_feels_no_flood_of_registrations_for_two_hours(cloud: LocalCloud) -> None:
    client = Application(cloud.gateway_url)
    await client.register(token_endpoint_auth_method="none")
    tokens = await client.tokens(Person())

    def flooded(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            throttled = "/colls/registrations" in scope["path"]
            await (Response(status_code=429) if throttled else app)(scope, receive, send)

        return answer

    for host, app in cloud.cosmos.hosts.items():
        cloud.network.serve(host, flooded(app), kind="cosmos")
    try:
        for _ in range(10):
            cloud.clock.advance(1700)
            answer = await client.refresh(tokens["refresh_token"])
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
    finally:
        for host, app in cloud.cosmos.hosts.items():
            cloud.network.serve(host, app, kind="cosmos")
