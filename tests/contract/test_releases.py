"""P8: gateway and servers are released apart. Servers of every contract version that is still taken, as they were deployed then, on today's gateway."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import releases
from actors.projects import project
from apim_policies.documents.document import NAMED_VALUE
from releases.stored import STORED, Stored, served
from secure_mcp.reference import CONTRACT, OLDEST_CONTRACT
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, record, record_together
from secure_mcp_local.testing import Application, Person, answer_of

APIM = "azure-native:apimanagement:"
VERSIONS = range(OLDEST_CONTRACT, CONTRACT + 1)


@pytest.fixture(scope="module", params=VERSIONS)
async def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalCloud]:
    """Today's gateway, with the server's policies as a release of that version rendered them."""
    kept, _ = releases.read(request.param)

    def older(recording: Recording) -> Recording:
        for policy in recording.all(APIM + "ApiPolicy"):
            if policy.get("apiId") in kept:
                recording = recording.changed(policy.urn, value=kept[policy.get("apiId")])
        assert set(kept) == set(releases.documents(recording))
        return recording

    root = project(tmp_path_factory.mktemp("release"), "release", releases.PROGRAM)
    async with served(root, recording_hook=older) as cloud:
        yield cloud


def application(cloud: LocalCloud, scope: str = "notes") -> Application:
    return Application(cloud.gateway_url, path="/notes", scope=scope)


async def call(one: Application, tokens: dict[str, Any], tool: str = "read") -> Any:
    return await one.call(tokens["access_token"], "tools/call", {"name": tool, "arguments": {}})


async def test_P8_its_users_sign_in_and_stay(cloud: LocalCloud) -> None:
    one = application(cloud)
    tokens = await one.tokens(Person())
    assert (await call(one, tokens)).status_code == 200
    cloud.clock.advance(1000)
    refreshed = (await one.refresh(tokens["refresh_token"])).json()
    assert (await call(one, refreshed)).status_code == 200
    await one.send("POST", "/revoke", data={"token": refreshed["refresh_token"], "client_id": one.client_id})
    cloud.clock.advance(61)
    assert (await call(one, refreshed)).status_code == 401


async def test_P8_what_it_guards_stays_guarded(cloud: LocalCloud) -> None:
    one = application(cloud)
    tokens = await one.tokens(Person())
    for key in ("none", "garbage", tokens["access_token"][:-2] + "AA"):
        refused = await one.call(key)
        assert refused.status_code == 401
        assert "/.well-known/oauth-protected-resource/notes" in refused.headers["www-authenticate"]
    step_up = await call(one, tokens, "save")
    assert step_up.status_code == 403
    assert 'scope="notes notes:write"' in step_up.headers["www-authenticate"]
    assert (await call(one, tokens, "drop")).status_code == 200
    assert (await call(one, await one.tokens(Person("bob")), "drop")).status_code == 403
    assert (await one.call(tokens["access_token"], headers={"Origin": "https://evil.example"})).status_code == 403


async def test_P8_it_is_named_and_described_where_people_decide(cloud: LocalCloud) -> None:
    one = application(cloud)
    await one.register()
    page = await Person().request("GET", one.authorize_url())
    assert "Notes" in page.text
    assert "Read your notes" in page.text
    end = await Person().sign_in(one.authorize_url(scope="unheard"))
    assert answer_of(str(end))["error"] == "invalid_scope"
    metadata = (await one.send("GET", "/.well-known/oauth-protected-resource/notes")).json()
    assert metadata["resource"] == one.resource


@pytest.fixture(params=VERSIONS)
async def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[LocalCloud, Stored]]:
    """Today's gateway, with what a gateway of that version had stored."""
    async with served(project(tmp_path, "release", releases.PROGRAM)) as cloud:
        yield cloud, Stored.restored(releases.folder(request.param) / STORED, cloud)


async def test_P8_who_is_in_stays_in_when_the_gateway_becomes_a_newer_one(
    upgraded: tuple[LocalCloud, Stored],
) -> None:
    cloud, stored = upgraded
    for held, secret in ((stored.program, {}), (stored.web, {"client_secret": stored.web["client_secret"]})):
        one = stored.application(cloud, held)
        assert (await call(one, held)).status_code == 200
        # Alice has the role, and the second application the scope.
        assert (await call(one, held, "drop")).status_code == 200
        assert (await call(one, held, "save")).status_code == (200 if secret else 403)
        first = await one.refresh(held["refresh_token"], **secret)
        assert first.status_code == 200, first.text
        assert first.json()["scope"] == held["scope"]
        again = await one.refresh(first.json()["refresh_token"], **secret)
        assert (await call(one, again.json())).status_code == 200
        # What was rotated away ends the session, as ever.
        assert (await one.refresh(held["refresh_token"], **secret)).json()["error"] == "invalid_grant"
        assert (await call(one, again.json())).status_code == 401


async def test_P8_sessions_of_an_older_gateway_end_when_they_must(upgraded: tuple[LocalCloud, Stored]) -> None:
    cloud, stored = upgraded
    one, held = stored.application(cloud, stored.program), stored.program
    form = {"token": held["refresh_token"], "client_id": one.client_id}
    assert (await one.send("POST", "/revoke", data=form)).status_code == 200
    assert (await call(one, held)).status_code == 401
    web = stored.application(cloud, stored.web)
    assert (await web.refresh(stored.web["refresh_token"])).json()["error"] == "invalid_client"
    cloud.clock.advance(1801)
    assert (await call(web, stored.web)).status_code == 401
    cloud.entra.revoke(cloud.entra.user("alice"))
    secret = stored.web["client_secret"]
    refused = await web.refresh(stored.web["refresh_token"], client_secret=secret)
    assert refused.json()["error"] == "invalid_grant"


async def test_P8_registrations_and_approvals_of_an_older_gateway_count(upgraded: tuple[LocalCloud, Stored]) -> None:
    cloud, stored = upgraded
    web, secret = stored.application(cloud, stored.web), stored.web["client_secret"]
    own = {"Sec-Fetch-Site": "none"}
    answer = await stored.person(cloud).request("GET", web.authorize_url(), headers=own)
    assert answer.status_code == 302, "the approval is remembered"
    tokens = await web.exchange(await web.code(stored.person(cloud)), client_secret=secret)
    assert (await call(web, tokens.json(), "save")).status_code == 200
    program = stored.application(cloud, stored.program)
    assert (await call(program, await program.tokens(Person("bob")))).status_code == 200


def test_P8_every_version_that_is_taken_is_kept() -> None:
    there = {int(file.name) for file in Path(releases.__file__).parent.iterdir() if file.name.isdigit()}
    assert there == set(VERSIONS), "cd tests && python -m releases writes the newest; those that are no longer taken go"


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(project(tmp_path_factory.mktemp("today"), "release", releases.PROGRAM), "dev")


@pytest.mark.parametrize("version", VERSIONS)
def test_P8_todays_gateway_offers_what_its_servers_need(version: int, today: Recording) -> None:
    _unmet(releases.read(version)[0], releases.offered(today), "OLDEST_CONTRACT")


def test_P8_todays_server_needs_no_more_than_its_version_offers(today: Recording) -> None:
    """Else it would fail on a gateway of the same version that is deployed already, with nothing that says why."""
    _unmet(releases.documents(today), releases.read(CONTRACT)[1], "CONTRACT")


def _unmet(needing: dict[str, str], offered: dict[str, list[str]], version: str) -> None:
    assert needing
    for api, document in needing.items():
        fragments, variables = releases.needed(document)
        assert fragments <= set(offered), f"{api}: raise {version} in reference.py for {fragments - set(offered)}"
        given = {name for fragment in fragments for name in offered[fragment]}
        assert variables <= given, f"{api}: raise {version} in reference.py for {variables - given}"
        names = {match[1] for match in NAMED_VALUE.finditer(document) if not match[1].startswith("mcp-notes-")}
        assert names <= set(offered[""]), f"{api}: raise {version} in reference.py for {names - set(offered[''])}"


SERVER = """
import pulumi
from secure_mcp import Server

gateway = pulumi.StackReference(f"organization/gateway/{pulumi.get_stack()}").require_output("gateway")
Server("notes", {"gateway": gateway, "path": "notes", "address": {"url": "https://notes.example.com/mcp"}})
"""
GATEWAY = """
import pulumi
from secure_mcp import Gateway

gateway = Gateway("shared", {"location": "swedencentral", "apim_publisher_email": "p@example.com"})
pulumi.export("gateway", gateway.reference | CHANGES)
"""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"contract": CONTRACT - 1}, f"needs a gateway of contract {CONTRACT}; update the gateway's stack first"),
        ({"oldest_contract": CONTRACT + 1}, f"this server is of contract {CONTRACT}, which the gateway does not work"),
        ({"url": None}, "configuration url = None: give a value"),
    ],
)
def test_P8_a_server_in_another_stack_says_what_it_needs(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    roots = [
        project(tmp_path, "gateway", GATEWAY.replace("CHANGES", repr(changes))),
        project(tmp_path, "server", SERVER),
    ]
    with pytest.raises(LocalCloudError, match=said):
        record_together(roots, "dev")


def test_P8_what_a_newer_gateway_says_beside_is_for_newer_servers(tmp_path: Path) -> None:
    newer = {"contract": CONTRACT + 8, "something_new": {"a": [1]}}
    roots = [
        project(tmp_path, "gateway", GATEWAY.replace("CHANGES", repr(newer))),
        project(tmp_path, "server", SERVER),
    ]
    [_, server] = sorted(record_together(roots, "dev"), key=lambda recording: recording.project)
    assert server.all(APIM + "Api")
