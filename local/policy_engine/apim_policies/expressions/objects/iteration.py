"""What `foreach` and LINQ go through, and that it must not change meanwhile."""

from collections.abc import Callable, Iterable
from typing import Any

from apim_policies.expressions.context import Headers, Jwt, Url
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JToken
from apim_policies.expressions.types import STRING, Type, array
from apim_policies.expressions.values.containers import Array, Dictionary, HashSet
from apim_policies.expressions.values.failing import invalid_operation, null_reference
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.text import utf16


def iterate(value: Any) -> Iterable[Any]:
    """What `foreach` goes through."""
    if value.__class__ is Sequence:
        return value
    if value is None:
        raise null_reference()
    match value:
        case Dictionary():
            return _guarded(value, value.pairs)
        case HashSet():
            return _guarded(value, value.items_in_order)
        case dict():
            return list(value.items())
        case JObject():
            return _guarded(value.properties, lambda: list(value.members.items()))
        case JToken():
            return _children(value)
        case Array() if value.type.name == "[]":
            return Sequence(lambda: iter(value))
        case list():
            return _guarded(value, lambda: list(value))
        case str():
            return [ord(unit) for unit in value]
        case Headers():
            return [(utf16(name), Array(map(utf16, values), array(STRING))) for name, values in value.groups()]
        case Jwt():
            return [(utf16(name), Array(map(utf16, values), array(STRING))) for name, values in value.claims.items()]
        case Url():
            return [(utf16(name), Array(map(utf16, values), array(STRING))) for name, values in value.query().items()]
        case _:
            return value


def iterator(type: Type) -> Callable[[Any], Iterable[Any]]:
    """How `foreach` goes through an expression of this static type: an object's members are name and value as a
    JObject, but properties as a JToken."""
    if type.name == "[]":
        return _elements
    return _children if type.name in {"JToken", "JContainer"} else iterate


def _elements(value: Any) -> Iterable[Any]:
    if value is None:
        raise null_reference()
    return value


def _children(value: Any) -> Iterable[Any]:
    if value is None:
        raise null_reference()
    if isinstance(value, JObject):
        return _guarded(value.properties, value.children)
    return _guarded(value.items, lambda: list(value.items)) if isinstance(value, JArray) else value.children()


def _guarded(container: Any, items: Callable[[], list[Any]]) -> Iterable[Any]:
    """Items of a container that must not change meanwhile."""
    return Sequence(lambda: _watched(container, items))


def _watched(container: Any, items: Callable[[], list[Any]]) -> Iterable[Any]:
    before = _changes(container)
    for item in items():
        yield item
        after = _changes(container)
        if after[0] != before[0]:
            raise invalid_operation("Collection was modified; enumeration operation may not execute.")
        if after != before:
            raise NotImplementedError(
                "what removing from a dictionary or replacing in it does while foreach goes through it"
            )


def _changes(container: Any) -> tuple[int, int]:
    """Changes that end an enumeration, and those that may."""
    return getattr(container, "changes", 0), getattr(container, "touched", 0)
