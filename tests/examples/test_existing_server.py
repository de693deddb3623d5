"""The examples run, and declare what they say."""

from pathlib import Path

from secure_mcp_local.recording import record

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_gateway_alone_stands_in_front_of_an_existing_server() -> None:
    recording = record(EXAMPLES / "existing-server", "dev")
    [mcp] = [api for api in recording.all("azure-native:apimanagement:Api") if api.get("apiId") == "mcp"]
    assert mcp.inputs["serviceUrl"] == "https://mcp.internal.example.com/mcp"
    assert recording.all("azure-native:web:WebApp") == []
    audience = next(
        value
        for value in recording.all("azure-native:apimanagement:NamedValue")
        if value.inputs["displayName"] == "BackendAudience"
    )
    assert audience.inputs["value"] == "00000000-0000-4000-8000-00000000a0d1"
