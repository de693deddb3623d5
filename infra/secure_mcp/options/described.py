"""The descriptions of options: the docstrings in the sources of their classes."""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from functools import cache
from typing import Any

from .declared import Options, fields_of


@cache
def descriptions(cls: type[Options]) -> dict[str, str]:
    """One line for each option of a class, inherited ones included.

    Raises:
        ValueError: an option has none.
    """
    found: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        if issubclass(part, Options) and part is not Options:
            found |= documented(part)
    for name in fields_of(cls):
        if name not in found:
            raise ValueError(f"{cls.__name__}.{name} has no description; put a docstring below it")
    return {name: found[name] for name in fields_of(cls)}


@cache
def documented(cls: type) -> dict[str, str]:
    """The attributes that a class itself declares with a docstring below them, each in one line."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        named.target.id: " ".join(text.value.value.split())
        for named, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(named, ast.AnnAssign)
        and isinstance(named.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def default_text(value: Any) -> str:
    """A default as people read it; empty if there is none to speak of."""
    if value is MISSING or value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {item}" for key, item in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return str(value)
