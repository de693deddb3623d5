"""Settings of which only some values do: one line each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, Stack, at, known


@dataclass(frozen=True)
class Setting:
    path: str
    good: Callable[[Any], bool]
    wanted: str
    """What it must be, for people."""


def exactly(path: str, *values: object) -> Setting:
    """One of some values; to leave it out is none of them."""
    return Setting(
        path,
        lambda value: any(value == one and type(value) is type(one) for one in values),
        " or ".join(map(repr, values)),
    )


def unless(path: str, *values: object) -> Setting:
    """Not one of some values; it may be left out."""
    return Setting(
        path,
        lambda value: value is None or not any(value == one and type(value) is type(one) for one in values),
        f"other than {' and '.join(map(repr, values))}",
    )


def given(path: str) -> Setting:
    return Setting(path, lambda value: value not in (None, "", [], {}), "given")


def among(path: str, *values: object) -> Setting:
    """One of some values, or left out."""
    return Setting(path, lambda value: value is None or value in values, f"one of {', '.join(map(str, values))}")


def between(path: str, low: int, high: int, *, needed: bool = False) -> Setting:
    return Setting(
        path,
        lambda value: (
            (value is None and not needed)
            or (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high)
        ),
        f"{low} to {high}",
    )


def wrong(table: Mapping[str, Sequence[Setting]]) -> Callable[[Resource, Stack], Iterator[str]]:
    """A predicate over the settings of each type."""

    def broken(resource: Resource, stack: Stack) -> Iterator[str]:
        del stack
        for setting in table[resource.type.removeprefix(NATIVE)]:
            value = at(resource.inputs, setting.path)
            if known(resource, setting.path) and not setting.good(value):
                shown = "not given" if value is None else repr(value)
                yield f"{setting.path} is {shown}, and must be {setting.wanted}"

    return broken
