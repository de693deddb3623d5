"""Secrets are secret wherever the state of a stack would keep them: in inputs, in outputs, of components, of the stack."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from secure_mcp_local.recording import Recording
from secure_mcp_local.recording.models import master_key, mcp_extension_key

State = list[tuple[str, Any]]

# The wire format's mark, from Pulumi's own documentation of it and not from the code that is tested here.
MARK = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
SHORTEST = 12
"""Characters: what is shorter is a word such as `none`, by which no secret could be told from other text."""

# What Azure takes for a secret: by the name of a property, and by the name of an app's setting.
PROPERTY = re.compile(
    r"(connectionString|instrumentationKey|(account|primary|secondary|shared|master|access|function|system|encryption)Key|"
    r"password|passphrase|clientSecret|sasToken|sasUrl|privateKey|pfx)s?$",
    re.IGNORECASE,
)
SETTING = re.compile(r"(CONNECTION_?STRING|KEY|PASSWORD|SECRET|TOKEN|SAS)$", re.IGNORECASE)


@dataclass(frozen=True)
class Leaf:
    where: str
    name: str
    """Of the property that it stands in."""
    value: Any
    secret: bool


def leaves(value: Any, where: str, name: str = "", secret: bool = False) -> Iterator[Leaf]:
    """Every scalar in a raw value, and every key of an object as one of its own."""
    if isinstance(value, Mapping):
        if value.get(MARK[0]) == MARK[1]:
            yield from leaves(value["value"], where, name, True)
            return
        setting = value.get("name") if set(value) == {"name", "value"} else None
        for key, entry in value.items():
            yield Leaf(where, "", key, secret)
            own = f"{key} of {setting}" if setting and key == "value" else key
            yield from leaves(entry, f"{where}.{own}", own, secret)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{where}[{index}]", name, secret)
    else:
        yield Leaf(where, name, value, secret)


def all_leaves(state: State) -> list[Leaf]:
    return [leaf for where, value in state for leaf in leaves(value, f"{where} ")]


def in_plain_text(state: State, known: set[str]) -> list[str]:
    """Where a secret stands without its mark: by itself, or within something longer."""
    found = all_leaves(state)
    secrets = known | {leaf.value for leaf in found if leaf.secret and isinstance(leaf.value, str)}
    secrets = {secret for secret in secrets if len(secret) >= SHORTEST}
    texts = [leaf for leaf in found if not leaf.secret and isinstance(leaf.value, str)]
    return [leaf.where for leaf in texts if any(secret in leaf.value for secret in secrets)]


def unmarked(state: State) -> list[str]:
    """Where something stands without the mark that Azure takes for a secret by its name."""
    found: list[str] = []
    for leaf in all_leaves(state):
        setting = leaf.name.removeprefix("value of ") if leaf.name.startswith("value of ") else ""
        if not leaf.secret and leaf.value and (PROPERTY.search(leaf.name) or SETTING.search(setting)):
            found.append(leaf.where)
    for where, value in state:
        kind = where.split(" ", 1)[0]
        named = kind.endswith("apimanagement:NamedValue") and value.get("secret") is True and "value" in value
        if named and not marked(value["value"]):
            found.append(where)
        if kind.endswith("keyvault:Secret") and where.endswith("input"):
            kept = value["properties"]
            if not marked(kept) and not marked(kept["value"]):
                found.append(where)
    return found


def marked(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(MARK[0]) == MARK[1]


def keys(recording: Recording) -> set[str]:
    """Secrets that do not come from the program: made by the random provider, or by Azure."""
    made = [r for r in recording if re.search(r"random(Password|Bytes)", r.type)]
    sites = recording.all("azure-native:web:WebApp")
    return {
        *(master_key(site.get("name")) for site in sites),
        *(mcp_extension_key(site.get("name")) for site in sites),
        *(value for r in made for name, value in r.outputs.items() if name not in r.inputs and isinstance(value, str)),
    }


def test_no_secret_is_kept_in_plain_text(anything: Recording, state: State) -> None:
    assert len(keys(anything)) >= 3, "what the sealing key is made of, and the keys of the function app"
    assert sum(leaf.secret for leaf in all_leaves(state)) >= 8
    assert in_plain_text(state, keys(anything)) == []


def test_what_azure_takes_for_a_secret_is_one(anything: Recording, state: State) -> None:
    assert unmarked(state) == []
    named = [r for r in anything.all("azure-native:apimanagement:NamedValue") if r.inputs["secret"]]
    assert len(named) >= 2
    for value in named:
        assert ("value" in value.secrets) != ("keyVault" in value.inputs), value.name


def test_the_master_key_is_kept_nowhere_not_even_as_a_secret(anything: Recording, state: State) -> None:
    masters = [master_key(site.get("name")) for site in anything.all("azure-native:web:WebApp")]
    assert masters
    texts = [leaf for leaf in all_leaves(state) if isinstance(leaf.value, str)]
    assert not [leaf.where for leaf in texts if any(key in leaf.value for key in masters)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all marks in a raw value."""
    if marked(value):
        yield path
    elif isinstance(value, Mapping | list):
        for key, entry in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from places(entry, (*path, key))


def without_mark(state: State, index: int, path: tuple[Any, ...]) -> State:
    """The same state with one mark taken away."""
    where, value = state[index]
    changed: Any = {"": deepcopy(value)}
    place: Any = changed
    for step in ("", *path)[:-1]:
        place = place[step]
    last = ("", *path)[-1]
    place[last] = place[last]["value"]
    return [*state[:index], (where, changed[""]), *state[index + 1 :]]


@pytest.mark.parametrize("anything", [{"stack": "dev", "backendAuth": "functionKey"}, {"stack": "prod"}], indirect=True)
def test_each_mark_that_is_missing_is_noticed(anything: Recording, state: State) -> None:
    known = keys(anything)
    tried = 0
    for index, (where, value) in enumerate(state):
        for path in places(value):
            broken = without_mark(state, index, path)
            short = [leaf for leaf in leaves(value, where) if leaf.secret and len(str(leaf.value)) < SHORTEST]
            assert in_plain_text(broken, known) or unmarked(broken) or short, (where, path)
            tried += 1
    assert tried >= 8


@pytest.mark.parametrize("anything", [{"stack": "dev"}], indirect=True)
def test_a_secret_within_a_longer_text_is_noticed(state: State, anything: Recording) -> None:
    key = next(iter(keys(anything)))
    assert in_plain_text([*state, ("stack, output", {"command": f"curl -H 'Authorization: {key}'"})], keys(anything))
    assert in_plain_text([*state, ("stack, output", {key: 1})], keys(anything))
