"""Newtonsoft's SelectToken: names, indexes, wildcards, descent, slices and simple filters.

https://www.newtonsoft.com/json/help/html/SelectToken.htm
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JToken, JValue
from apim_policies.expressions.values.failures import CSharpException

Step = Callable[[Iterable[JToken], bool], Iterator[JToken]]
_NAME = re.compile(r"[^.\[\]()@'\"\s?*$,:=<>!&|]+")
_INDEX = re.compile(r"\[\s*([0-9]+(?:\s*,\s*[0-9]+)*)\s*\]")
_SLICE = re.compile(r"\[\s*(-?[0-9]+)?\s*:\s*(-?[0-9]+)?\s*\]")
_QUOTED = re.compile(r"\[\s*'([^'\\]*)'\s*\]|\[\s*\"([^\"\\]*)\"\s*\]")
_FILTER = re.compile(
    r"\[\s*\?\s*\(\s*@\.([A-Za-z_][A-Za-z0-9_]*)\s*(?:(==|!=|<=|>=|<|>)\s*(?:'([^'\\]*)'|(-?[0-9]+)|(true|false)))?\s*\)\s*\]"
)


def _error(message: str) -> CSharpException:
    return CSharpException("Newtonsoft.Json.JsonException", message)


def steps(path: str) -> list[Step]:
    """
    Raises:
        NotImplementedError: the path uses something that is not modelled.
    """
    found: list[Step] = []
    at = 1 if re.match(r"\$(?=[.\[]|\Z)", path) else 0
    first = at == 0
    while at < len(path):
        if path.startswith("..", at):
            name = _NAME.match(path, at + 2)
            if name is None:
                raise NotImplementedError(f"the JSON path {path!r}")
            found.append(_descent(name.group()))
            at = name.end()
        elif path.startswith(".", at) or (first and path[at] != "["):
            at += path.startswith(".", at)
            if path.startswith("*", at):
                found.append(_wildcard)
                at += 1
            else:
                name = _NAME.match(path, at)
                if name is None:
                    raise NotImplementedError(f"the JSON path {path!r}")
                found.append(_field(name.group()))
                at = name.end()
        else:
            step, at = _bracket(path, at)
            found.append(step)
        first = False
    return found


def _bracket(path: str, at: int) -> tuple[Step, int]:
    if match := re.compile(r"\[\s*\*\s*\]").match(path, at):
        return _wildcard, match.end()
    if match := _QUOTED.match(path, at):
        return _field(match[1] if match[1] is not None else match[2]), match.end()
    if match := _INDEX.match(path, at):
        return _indexes([int(number) for number in match[1].split(",")]), match.end()
    if match := _SLICE.match(path, at):
        return _slice(match[1], match[2]), match.end()
    if match := _FILTER.match(path, at):
        return _filter(match), match.end()
    raise NotImplementedError(f"the JSON path {path!r}")


def _field(name: str) -> Step:
    def step(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
        for token in tokens:
            if isinstance(token, JObject):
                found = token.get(name)
                if found is not None:
                    yield found
                elif strict:
                    raise _error(f"Property '{name}' does not exist on JObject.")
            elif strict:
                raise _error(f"Property '{name}' not valid on {token.__class__.__name__}.")

    return step


def _wildcard(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
    for token in tokens:
        if isinstance(token, JObject):
            yield from list(token.members.values())
        elif isinstance(token, JArray):
            yield from list(token.items)
        elif strict:
            raise NotImplementedError("a wildcard on a JSON value with errorWhenNoMatch")


def _indexes(numbers: list[int]) -> Step:
    def step(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
        for token in tokens:
            for number in numbers:
                if isinstance(token, JArray):
                    if number < len(token.items):
                        yield token.items[number]
                    elif strict:
                        raise _error(f"Index {number} outside the bounds of JArray.")
                elif strict:
                    raise _error(f"Index {number} not valid on {token.__class__.__name__}.")

    return step


def _slice(start: str | None, end: str | None) -> Step:
    def step(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
        if strict:
            raise NotImplementedError("a slice with errorWhenNoMatch")
        for token in tokens:
            if isinstance(token, JArray):
                yield from token.items[int(start) if start else None : int(end) if end else None]

    return step


def _descent(name: str) -> Step:
    def step(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
        for token in tokens:
            yield from _named(token, name)

    return step


def _named(token: JToken, name: str) -> Iterator[JToken]:
    if isinstance(token, JObject):
        for key, value in token.members.items():
            if key == name:
                yield value
            yield from _named(value, name)
    elif isinstance(token, JArray):
        for item in token.items:
            yield from _named(item, name)


def _filter(match: re.Match[str]) -> Step:
    name, operator, text, number, truth = match.groups()
    constant: Any = text if text is not None else int(number) if number is not None else truth == "true"

    def holds(token: JToken) -> bool:
        found = token.get(name) if isinstance(token, JObject) else None
        if operator is None or found is None:
            return found is not None
        if not isinstance(found, JValue):
            return False
        value = found.value
        comparable = isinstance(value, str) if text is not None else isinstance(value, bool) if truth is not None else (
            isinstance(value, int) and not isinstance(value, bool)
        )  # fmt: skip
        if not comparable or (text is not None and operator not in {"==", "!="}):
            raise NotImplementedError("this comparison in a JSON path")
        compare: dict[str, bool] = {
            "==": value == constant, "!=": value != constant,
            "<": value < constant, ">": value > constant, "<=": value <= constant, ">=": value >= constant,
        }  # fmt: skip
        return compare[operator]

    def step(tokens: Iterable[JToken], strict: bool) -> Iterator[JToken]:
        for token in tokens:
            children = token.items if isinstance(token, JArray) else (
                list(token.members.values()) if isinstance(token, JObject) else []
            )  # fmt: skip
            yield from [child for child in children if holds(child)]

    return step


def selected(token: JToken, path: str, *, strict: bool = False) -> list[JToken]:
    """`SelectTokens(path, errorWhenNoMatch)`."""
    tokens: Iterable[JToken] = [token]
    for step in steps(path):
        tokens = step(tokens, strict)
    return list(tokens)


def select(token: JToken, path: str, *, strict: bool = False) -> JToken | None:
    """`SelectToken(path, errorWhenNoMatch)`.

    Raises:
        CSharpException: JsonException, the path leads to more than one token.
    """
    found = selected(token, path, strict=strict)
    if len(found) > 1:
        raise _error("Path returned multiple tokens.")
    return found[0] if found else None
