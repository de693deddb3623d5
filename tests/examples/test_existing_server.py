"""The examples run, and declare what they say."""

from pathlib import Path

import pytest

from secure_mcp_local.recording import record

EXAMPLES = Path(__file__).parents[2] / "examples"


AUDIENCE = "00000000-0000-4000-8000-00000000a0d1"


@pytest.mark.parametrize("given", [{}, {"serverAudience": AUDIENCE}], ids=["own", "given"])
def test_the_gateway_alone_stands_in_front_of_an_existing_server(given: dict[str, str]) -> None:
    recording = record(EXAMPLES / "existing-server", "dev", given)
    [mcp] = [api for api in recording.all("azure-native:apimanagement:Api") if api.get("apiId") == "mcp"]
    assert mcp.inputs["serviceUrl"] == "https://mcp.internal.example.com/mcp"
    assert recording.all("azure-native:web:WebApp") == []
    audience = next(
        value
        for value in recording.all("azure-native:apimanagement:NamedValue")
        if value.inputs["displayName"] == "mcp-audience"
    )
    own = next(r for r in recording.all("azuread:index/application:Application") if r.name.endswith("-server"))
    assert audience.inputs["value"] == given.get("serverAudience", own.get("clientId"))


def test_its_policies_wait_for_what_the_authorization_server_declares() -> None:
    recording = record(EXAMPLES / "existing-server", "dev")
    [policy] = [r for r in recording.all("azure-native:apimanagement:ApiPolicy") if r.name == "existing-mcp-policy"]
    for kind in ("NamedValue", "PolicyFragment"):
        for part in recording.all(f"azure-native:apimanagement:{kind}"):
            assert part.urn in policy.dependencies, part.name


def test_what_happens_at_the_gateway_and_the_session_store_is_kept() -> None:
    recording = record(EXAMPLES / "existing-server", "dev")
    watched = [r.inputs["resourceUri"] for r in recording.all("azure-native:monitor:DiagnosticSetting")]
    kinds = {id.split("/")[-2] for id in watched}
    assert kinds == {"service", "databaseAccounts"}
