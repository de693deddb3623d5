"""The typed dictionaries that callers write, and the validated objects that are made of them, say the same."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import pulumi
import pytest
import yaml

from secure_mcp import ConfigError, GatewaySettings, PolicySettings, SecureMcpServerArgs, ServerConfig
from secure_mcp.config import policy_settings
from secure_mcp.validation import key_of

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"location": "westeurope", "apim_publisher_email": "mcp@example.com"}


def descriptions(cls: type) -> dict[str, str]:
    """The docstrings of a class's attributes, on one line each."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        attribute.target.id: " ".join(text.value.value.split())
        for attribute, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (", ".join(value) or "none") if isinstance(value, tuple | dict) else str(value)


@pytest.mark.parametrize(
    ("args", "valid", "more"), [(SecureMcpServerArgs, ServerConfig, {"code"}), (GatewaySettings, PolicySettings, set())]
)
def test_names_types_and_defaults_are_the_same(args: Any, valid: Any, more: set[str]) -> None:
    fields = {field.name: field for field in dataclasses.fields(valid)}
    assert set(get_type_hints(args)) == set(fields) | more
    texts = descriptions(args)
    plain = {bool: "bool", int: "int", str: "str", Mapping[str, str]: "collections.abc.Mapping[str, str]"}
    for name, field in fields.items():
        kind = str(get_type_hints(args)[name])
        assert plain.get(field.type, "collections.abc.Sequence[str]") in kind, name  # pyright: ignore
        made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        required = made is dataclasses.MISSING
        assert (name in args.__required_keys__) is required, name
        if not required:
            assert texts[name].endswith(f" Default: {shown(made)}."), name


def test_descriptions_are_those_of_the_configuration_and_of_the_settings() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    for name, text in descriptions(SecureMcpServerArgs).items():
        if name not in {"code", "location"}:
            assert text.startswith(declared[key_of(name)]["description"].rstrip(".")), name
    settings = descriptions(PolicySettings)
    for name, text in descriptions(GatewaySettings).items():
        assert text.startswith(settings[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apimSku": "BasicV2"}, "there is no such key"),
        ({"location": None}, "give a value"),
        ({"vnet_enabled": "yes"}, "give true or false"),
        ({"consent_days": True}, "give a whole number"),
        ({"consent_days": 1.5}, "give a whole number"),
        ({"apim_sku": 2}, "give a string"),
        ({"custom_domains": "mcp.example.com"}, "give a list of strings"),
        ({"custom_domains": [1]}, "give a list of strings"),
        ({"tool_scopes": ["a"]}, "give a map of strings"),
        ({"tool_scopes": {"a": 1}}, "give a map of strings"),
    ],
)
def test_what_has_the_wrong_type_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ServerConfig.of(GOOD | changes)


async def test_an_output_is_no_value() -> None:
    with pytest.raises(ConfigError, match="plain value"):
        ServerConfig.of(GOOD | {"apim_sku": pulumi.Output.from_input("BasicV2")})


def test_numbers_come_from_the_engine_as_floats() -> None:
    assert str(ServerConfig.of(GOOD | {"consent_days": 7.0}).consent_days) == "7"


def test_settings_of_the_gateway_alone_are_checked_too() -> None:
    with pytest.raises(ConfigError, match="protocolVersions"):
        policy_settings({"protocol_versions": ["latest"]})
    with pytest.raises(ConfigError, match="allowedOrigins"):
        policy_settings({"allowed_origins": ["*"]})
    assert policy_settings({}) == PolicySettings()


def test_the_gateways_settings_of_a_server_are_complete() -> None:
    settings = ServerConfig.of(GOOD).gateway_settings()
    assert set(settings) == set(get_type_hints(GatewaySettings))
    assert policy_settings(settings) == PolicySettings()
