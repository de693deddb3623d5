"""Options: declared once, in a class; what else shows them is derived, and what somebody gives is checked."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from secure_mcp import ConfigError, KeyVaultReader, SecureMcpServerArgs
from secure_mcp.azure.placement import Placement
from secure_mcp.gateway.authorization_server import AuthorizationServerArgs
from secure_mcp.monitoring.monitoring import MonitoringArgs
from secure_mcp.options import Options, Rule, each, load, option
from secure_mcp.options.declared import bounds_of, fields_of
from secure_mcp.options.described import descriptions
from secure_mcp.options.written import configuration, texts

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"code": "x", "location": "westeurope", "apim_publisher_email": "mcp@example.com"}
PLACE: dict[str, Any] = {"resource_group_name": "rg", "location": "westeurope", "suffix": "abc123"}
OAUTH: dict[str, Any] = {
    "resource_group_name": "rg", "service_name": "apim", "gateway_url": "https://gateway.example.com", "tenant_id": "t",
    "client_id": "c", "identity_client_id": "i", "session_store_endpoint": "https://store.example.com",
    "registration_store_endpoint": "https://registrations.example.com",
}  # fmt: skip


class Part(Options):
    """A part of other options."""

    name: str
    """Its name."""
    size: int = option(default=1, at_least=1)
    """Its size."""


class Whole(Options):
    """Options of every kind."""

    word: str = option(default="a", secret=True)
    """A word."""
    parts: Sequence[Part] = ()
    """Parts."""
    by_name: Mapping[str, Part] = option(default={})
    """Parts by name."""
    part: Part | None = None
    """One part."""
    known_later: pulumi.Input[str] = option(each(Rule("x", "give x")), default="x", configured=False)
    """What an output may say."""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apimSku": "BasicV2"}, "configuration apimSku = 'BasicV2': there is no such option; did you mean apim_sku?"),
        ({"apim_skus": "BasicV2"}, "did you mean apim_sku?"),
        ({"nothing_like_it": 1}, "there are location, "),
        ({"location": None}, "configuration location = None: give a value: it has no default"),
        ({"vnet_enabled": "yes"}, "give true or false"),
        ({"consent_days": True}, "give a whole number"),
        ({"consent_days": 1.5}, "give a whole number"),
        ({"apim_sku": 2}, "give a string"),
        ({"custom_domains": "mcp.example.com"}, "give a list of strings"),
        ({"custom_domains": [1]}, "give a list of strings"),
        ({"tool_scopes": ["a"]}, "give a map of strings"),
        ({"tool_scopes": {"a": 1}}, "give a map of strings"),
        ({"apim_sku": pulumi.Output.from_input("BasicV2")}, "configuration apimSku = '(output)': give a plain value"),
    ],
)
async def test_what_cannot_be_an_option_is_refused_in_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SecureMcpServerArgs.of(GOOD | changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (MonitoringArgs, {"locations": "x"}, "did you mean location?"),
        (MonitoringArgs, {"suffix": None}, "configuration suffix = None: give a value"),
        (MonitoringArgs, {"alert_latency_seconds": 0}, "use 1 to 230"),
        (MonitoringArgs, {"alert_emails": ["nobody"]}, "give e-mail addresses"),
        (AuthorizationServerArgs, {"session_minutes": 61}, "configuration sessionMinutes = 61: use 1 to 60"),
        (AuthorizationServerArgs, {"service_name": 7}, "configuration serviceName = 7: give a string"),
        (
            AuthorizationServerArgs,
            {"key_vault": {"vault_name": "v"}},
            "configuration keyVault.resourceGroupName = None: give",
        ),
    ],
)
def test_small_components_check_as_the_big_one_does(cls: Any, values: dict[str, Any], message: str) -> None:
    good = PLACE if cls is MonitoringArgs else OAUTH
    assert cls.of(good)
    with pytest.raises(ConfigError) as caught:
        cls.of(good | values)
    assert message in str(caught.value)


def test_numbers_come_from_the_engine_as_floats() -> None:
    assert str(SecureMcpServerArgs.of(GOOD | {"consent_days": 7.0}).consent_days) == "7"


def test_an_object_passes_and_one_of_another_class_does_not() -> None:
    made = SecureMcpServerArgs.of(GOOD)
    assert SecureMcpServerArgs.of(made) is made
    with pytest.raises(ConfigError, match="give Placement"):
        Placement.of(Part(name="a"))  # type: ignore[arg-type]


async def test_outputs_will_do_where_the_type_says_so() -> None:
    later = pulumi.Output.from_input("not x")
    assert Whole(known_later=later).known_later is later
    with pytest.raises(ConfigError, match="give x"):
        Whole(known_later="y")
    assert isinstance(KeyVaultReader(vault_name=later, resource_group_name="a"), Options)


def test_options_within_options_are_checked_and_named_by_where_they_are() -> None:
    whole = Whole.of({"parts": [{"name": "a"}], "by_name": {"b": {"name": "c", "size": 2}}, "part": Part(name="d")})
    assert (whole.parts[0].size, whole.by_name["b"].size, whole.part and whole.part.name) == (1, 2, "d")
    for values, message in (
        ({"parts": [{"name": "a"}, {"name": "b", "size": 0}]}, "configuration parts[1].size = 0: use 1 or more"),
        (
            {"by_name": {"b": {"nam": "c"}}},
            "configuration by_name".replace("by_name", "byName") + ".b.nam = 'c': there is no",
        ),
        ({"part": {"size": 1}}, "configuration part.name = None: give a value"),
        ({"part": 7}, "configuration part.Part = 7: give options by name"),
    ):
        with pytest.raises(ConfigError) as caught:
            Whole.of(values)
        assert message in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Whole.of({"word": 4711})
    assert "4711" not in str(caught.value)


def test_a_stacks_configuration_is_read_by_the_types_of_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"parts": '[{"name": "a", "size": 3}]', "byName": '{"b": {"name": "c"}}', "word": "b"}
    monkeypatch.setattr(pulumi, "Config", lambda name=None: _Config(values))
    whole = load(Whole)
    assert (whole.parts[0].size, whole.by_name["b"].name, whole.word) == (3, "c", "b")


class _Config:
    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def get_object(self, key: str) -> Any:
        value = self._values.get(key)
        return None if value is None else yaml.safe_load(value)

    get_bool = get_int = get_object


def test_the_files_that_show_options_are_as_their_classes_say() -> None:
    for path, text in texts(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, "run: make options"


def test_each_option_is_described_and_has_a_default_that_pulumi_can_leave_out() -> None:
    assert all(text.endswith(".") or ";" in text for text in descriptions(SecureMcpServerArgs).values())
    declared = yaml.safe_load(configuration(SecureMcpServerArgs).replace("\n  ", "\n").strip())
    for name, field in fields_of(SecureMcpServerArgs).items():
        if bounds_of(field).configured and name != "location":
            [key] = [key for key in declared if key.lower() == name.replace("_", "")]
            # A key that is declared without a default, or with null, must be given in every stack.
            assert declared[key].get("default") is not None or key == "apimPublisherEmail", key


PRETENDED = '''
    pretended_days: int = option(default=3, at_least=1, at_most=9)
    """Days that nobody needs."""
'''


def test_a_new_option_touches_one_file(tmp_path: Path) -> None:
    """The option is written into a copy of its class; everything that shows options shows it."""
    import shutil

    shutil.copytree(ROOT / "infra" / "secure_mcp", tmp_path / "secure_mcp")
    shutil.copytree(ROOT / "policies", tmp_path / "secure_mcp" / "policies")
    path = tmp_path / "secure_mcp" / "gateway" / "options.py"
    source = path.read_text(encoding="utf-8")
    before = "    consent_days: int ="
    path.write_text(source.replace(before, PRETENDED.strip("\n") + "\n" + before), encoding="utf-8")
    program = """
from pathlib import Path
from secure_mcp import ConfigError, SecureMcpServerArgs
from secure_mcp.options.schema import describe, options_of, typed_dict
from secure_mcp.options.written import configuration, texts
from secure_mcp import SecureMcpServer
from secure_mcp.apis import templates
good = {"code": "x", "location": "w", "apim_publisher_email": "a@b"}
assert SecureMcpServerArgs.of(good | {"pretended_days": 9}).pretended_days == 9
try:
    SecureMcpServerArgs.of(good | {"pretended_days": 10})
except ConfigError as error:
    assert "pretendedDays = 10: use 1 to 9" in str(error)
else:
    raise SystemExit("not checked")
assert "  pretendedDays:\\n    type: integer\\n    default: 3\\n" in configuration(SecureMcpServerArgs)
assert any("| `pretendedDays` | integer | `3` | Days that nobody needs. |" in text for text in texts(Path(ROOT)).values())
assert "pretended_days" in typed_dict(options_of(SecureMcpServer)).__optional_keys__
made = SecureMcpServerArgs.of(good)
assert templates.environment().from_string("[[ settings.pretended_days ]]").render(settings=made) == "3"
""".replace("ROOT", repr(str(ROOT)))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
