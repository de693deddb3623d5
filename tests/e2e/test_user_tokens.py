"""A tool that reads its user's profile at Microsoft Graph in the user's name, with the official Python client, unmodified."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from e2e.test_python_client import Keyring, connect, text_of
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Person

CONFIG = {"userTokenScopes": '[{"scopes": ["User.Read"], "tools": ["my_profile"]}]', "signInRateLimit": "100000"}


@pytest.fixture(scope="module")
async def cloud() -> AsyncIterator[LocalCloud]:
    async with LocalCloud.open(Path(__file__).parents[2], stack="dev", config=CONFIG, port=0) as running:
        yield running


@pytest.fixture
def fault(cloud: LocalCloud, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.param
    cloud.network.faults.active.add(name)
    yield name
    cloud.network.faults.active.discard(name)


@pytest.mark.parametrize(("name", "shown"), [("alice", "Alice Adams"), ("bob", "Bob Brown")])
async def test_U1_a_tool_reads_its_users_profile(cloud: LocalCloud, name: str, shown: str) -> None:
    keyring = Keyring()
    async with connect(cloud, Person(name), keyring) as (client, _):
        assert "my_profile" in {tool.name for tool in (await client.list_tools()).tools}
        assert text_of(await client.call_tool("my_profile", {})) == f"Name: {shown}\nMail: {name}@contoso.example"
    assert len(keyring.issued) == 1


@pytest.mark.parametrize("fault", ["graph-503"], indirect=True)
async def test_U3_what_goes_wrong_at_the_service_shows_no_token(cloud: LocalCloud, fault: str) -> None:
    async with connect(cloud, Person("alice"), Keyring()) as (client, _):
        assert (
            text_of(await client.call_tool("my_profile", {})) == "Microsoft Graph answered 503 (serviceNotAvailable)."
        )


@pytest.mark.parametrize(
    ("fault", "scopes"),
    [
        ("tenant-consent", {"mcp:tools", "offline_access", "User.Read"}),
        ("tenant-conditional-access", {"mcp:tools", "offline_access"}),
    ],
    indirect=["fault"],
)
async def test_U2_the_client_follows_the_step_up(cloud: LocalCloud, fault: str, scopes: set[str]) -> None:
    cloud.entra.user("alice").consented.clear()
    cloud.gateway.cache.clear()
    keyring = Keyring()
    async with connect(cloud, Person("alice"), keyring) as (client, _):
        assert text_of(await client.call_tool("my_profile", {})).startswith("Name: Alice Adams")
        assert text_of(await client.call_tool("my_profile", {})).startswith("Name: Alice Adams")
    assert [set((tokens.scope or "").split()) for tokens in keyring.issued] == [{"mcp:tools", "offline_access"}, scopes]


@pytest.mark.parametrize("fault", ["tenant-conditional-access-unmet"], indirect=True)
async def test_U2_the_client_is_told_when_another_sign_in_does_not_help(cloud: LocalCloud, fault: str) -> None:
    cloud.gateway.cache.clear()
    keyring = Keyring()
    async with connect(cloud, Person("alice"), keyring) as (client, _):
        with pytest.raises(Exception, match="another sign-in would not help"):
            await client.call_tool("my_profile", {})
        assert "alice" in text_of(await client.call_tool("hello_mcp", {})).lower()
    assert len(keyring.issued) == 2
