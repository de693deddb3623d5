"""A gateway and the servers of several teams, each a stack of its own, as the real engine deploys them at different times."""

import asyncio
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from actors.python_client import Keyring, connect, text_of
from engine.running import running
from engine.workspace import ROOT, Run, Workspace, copied_examples
from samples import LATER_STEPS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

NAMES = ("platform", "team-notes", "team-calendar")
HOSTS = {"notes.internal.example.com": "notes", "calendar.internal.example.com": "calendar"}
POLICY = "notes-mcp-policy"
_PATIENCE = 30
"""Seconds until what was deployed must be served."""


@pytest.fixture(scope="module")
def deployed(cli: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The platform team's gateway, and nothing behind it yet."""
    folder = tmp_path_factory.mktemp("teams") / "all"
    workspace = copied_examples(folder, *NAMES, gateway_url=f"http://localhost:{port}")
    workspace.within("platform").up()
    return workspace


@pytest.fixture
def teams(deployed: Workspace, tmp_path: Path) -> Workspace:
    return deployed.copied_to(tmp_path / "teams")


def calls(run: Run) -> Counter[str]:
    """What a deployment created, by what is asked for it."""
    types = [urn.split("::")[2].rsplit("$", 1)[-1] for urn, op in run.operations.items() if op == "create"]
    kinds = {"azure-native:apimanagement:": "API Management", "azuread:": "Entra ID", "azure-native:": "Azure"}
    return Counter(next((kind for begin, kind in kinds.items() if type.startswith(begin)), "") for type in types)


def shown(host: str) -> dict[str, int]:
    """The table of docs/importing.md."""
    text = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| {host} \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    return dict(zip(("API Management", "Entra ID", "Azure"), map(int, row), strict=True))


@LATER_STEPS
def test_a_server_is_added_changed_and_removed_and_the_gateway_stays_as_it_is(teams: Workspace) -> None:
    platform, notes, calendar = (teams.within(name) for name in NAMES)
    gateway, state = teams.everything(), platform.state
    assert gateway

    costs = calls(notes.up())
    # One assignment beside what every server costs.
    assert {kind: costs[kind] for kind in ("API Management", "Entra ID", "Azure")} == shown("an address") | {
        "Entra ID": shown("an address")["Entra ID"] + 1
    }
    first = teams.everything()
    assert first.items() >= gateway.items()

    assert calls(calendar.up())["API Management"] == costs["API Management"], "the second costs what the first does"
    both = teams.everything()
    assert both.items() >= first.items()

    program = notes.project / "__main__.py"
    program.write_text(
        program.read_text().replace('"display_name": "Notes"', '"display_name": "Notes", "mcp_rate_limit": 7')
    )
    assert notes.up().changed() == {POLICY: "update"}
    changed = {id for id, body in teams.everything().items() if both.get(id) != body}
    assert len(changed) == 1
    assert teams.everything().items() >= gateway.items()

    # Nor does the gateway's own team see anything of it.
    assert set(platform.preview().counts) <= {"same", "read"}
    assert platform.state == state

    notes.destroy()
    calendar.destroy()
    assert teams.everything() == gateway
    assert set(platform.up().counts) <= {"same", "read"}


async def until(cloud: LocalCloud, path: str, status: int) -> None:
    """Waits until the metadata of a server is there, or is gone."""
    end = time.monotonic() + _PATIENCE
    probe = Application(cloud.gateway_url)
    while (await probe.send("GET", f"/.well-known/oauth-protected-resource/{path}")).status_code != status:
        assert time.monotonic() < end, f"the metadata of /{path} is not {status}"
        await asyncio.sleep(0.2)


@LATER_STEPS
async def test_P2_a_server_comes_and_goes_while_clients_are_in_use(teams: Workspace) -> None:
    notes, calendar = teams.within("team-notes"), teams.within("team-calendar")
    await asyncio.to_thread(notes.up)
    async with running(teams, NAMES, HOSTS) as cloud, connect(cloud, Person(), Keyring(), path="/notes") as (reader, _):
        assert text_of(await reader.call_tool("whose", {})) == "of notes"

        await asyncio.to_thread(calendar.up)
        await until(cloud, "teams/calendar", 200)
        assert text_of(await reader.call_tool("whose", {})) == "of notes"
        async with connect(cloud, Person("bob"), Keyring(), path="/teams/calendar") as (planner, _):
            assert text_of(await planner.call_tool("whose", {})) == "of calendar"
            assert text_of(await reader.call_tool("whose", {})) == "of notes"
        before = Application(cloud.gateway_url, path="/teams/calendar", scope="calendar")
        tokens, kept = [await before.tokens(Person(name)) for name in ("alice", "bob")]

        await asyncio.to_thread(calendar.destroy)
        await until(cloud, "teams/calendar", 404)
        assert (await before.call(tokens["access_token"])).status_code == 404
        assert text_of(await reader.call_tool("whose", {})) == "of notes"
        cloud.clock.advance(300)
        assert (await before.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"

        # Another server, of another team, at the same path: nobody is in yet.
        another = teams.within("team-planner")
        shutil.copytree(calendar.project, another.project)
        for file in (another.project / "Pulumi.yaml", another.project / "Pulumi.dev.yaml"):
            file.write_text(file.read_text().replace("team-calendar", "team-planner"))
        another.pulumi("stack", "init")
        await asyncio.to_thread(another.up)
        await until(cloud, "teams/calendar", 200)
        # The session of one has been asked for meanwhile and ended, the other's has not.
        for old in (tokens, kept):
            assert (await before.call(old["access_token"])).status_code == 401
            assert (await before.refresh(old["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await before.call((await before.tokens(Person("bob")))["access_token"])).status_code == 200
        assert text_of(await reader.call_tool("whose", {})) == "of notes"
