"""The YAML program, as the engine hands it to the component provider: the very inputs that stand in it.

What the YAML language itself does (configuration and `${...}`) is done here, for this program alone.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from actors.component_provider import PROVIDER, component_provider

EXAMPLE = Path(__file__).parents[2] / "examples" / "yaml"
PROGRAM = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())


def configuration() -> dict[str, str]:
    stack = yaml.safe_load((EXAMPLE / "Pulumi.dev.yaml").read_text())["config"]
    # It is a user's to say.
    assert "yaml-server:publisherEmail" not in stack
    given = {"publisherEmail": "me@contoso.com"} | {
        key.removeprefix(f"{PROGRAM['name']}:"): value for key, value in stack.items()
    }
    values = {key: given.get(key, declared.get("default")) for key, declared in PROGRAM["config"].items()}
    assert None not in values.values(), values
    return values


def interpolated(value: Any, values: dict[str, str]) -> Any:
    match value:
        case str():
            return re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], value)
        case list():
            return [interpolated(item, values) for item in value]
        case _:
            return value


def test_the_server_of_the_yaml_program_is_constructed() -> None:
    [declared] = PROGRAM["resources"].values()
    inputs = {key: interpolated(value, configuration()) for key, value in declared["properties"].items()}
    with component_provider(EXAMPLE) as provider:
        outputs = provider.construct(declared["type"].split(":")[1], declared["name"], inputs)
        recording = provider.recording
    gateway = recording.one("azure-native:apimanagement:ApiManagementService")
    assert gateway.inputs["sku"]["name"] == "StandardV2"
    assert outputs["mcpUrl"] == gateway.get("gatewayUrl") + "/mcp"
    assert recording.one("azure-native:cosmosdb:DatabaseAccount").inputs["publicNetworkAccess"] == "Disabled"
    secrets = recording.all("azure-native:keyvault:Secret")
    assert secrets
    assert all(secret.secrets == {"properties.value"} for secret in secrets)
    for text in PROGRAM["outputs"].values():
        [name] = re.findall(r"\$\{server\.(\w+)\}", text)
        assert outputs[name], name


def test_its_properties_and_outputs_are_in_the_schema() -> None:
    with component_provider() as provider:
        schema = provider.schema()["resources"]["secure-mcp:index:SecureMcpServer"]
    assert set(PROGRAM["resources"]["server"]["properties"]) <= set(schema["inputProperties"])
    for text in PROGRAM["outputs"].values():
        assert text.removeprefix("${server.").removesuffix("}") in schema["properties"]


def test_it_names_the_providers_folder() -> None:
    [(name, folder)] = PROGRAM["packages"].items()
    assert (EXAMPLE / folder).resolve() == PROVIDER.resolve()
    plugin = yaml.safe_load((PROVIDER / "PulumiPlugin.yaml").read_text())
    assert plugin["name"] == name
