"""Casts of elements and attributes to the values that they hold, by the rules of XmlConvert."""

import re
from collections.abc import Callable
from typing import Any

from apim_policies.expressions.objects.converting import parse_decimal, parse_double, parse_integer
from apim_policies.expressions.types import BOOL, DECIMAL, DOUBLE, INT, LONG, STRING, Type, holds_null, underlying
from apim_policies.expressions.values.failing import argument_null, format_error
from apim_policies.expressions.xml.nodes import XAttribute, XElement

_DECIMAL = re.compile(r"[ \t\r\n]*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[ \t\r\n]*")
_DOUBLE = re.compile(r"[ \t\r\n]*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[ \t\r\n]*")


def _bool(text: str) -> bool:
    found = {"1": True, "true": True, "0": False, "false": False}.get(text.strip(" \t\r\n").lower())
    if found is None:
        raise format_error(f"The string '{text}' is not a valid Boolean value.")
    return found


def _matching(pattern: re.Pattern[str], parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        if not pattern.fullmatch(text):
            if re.search("inf|nan", text, re.IGNORECASE):
                raise NotImplementedError(f"{text!r} as a number of XML")
            raise format_error()
        return parse(text)

    return convert


_CONVERTED: dict[Type, Callable[[str], Any]] = {
    STRING: lambda text: text,
    INT: lambda text: parse_integer(text, INT),
    LONG: lambda text: parse_integer(text, LONG),
    BOOL: _bool,
    DECIMAL: _matching(_DECIMAL, parse_decimal),
    DOUBLE: _matching(_DOUBLE, parse_double),
}
castable = frozenset(_CONVERTED)


def cast(node: XElement | XAttribute | None, target: Type) -> Any:
    """`(target)node`: null stays null where the target has it."""
    if node is None:
        if holds_null(target):
            return None
        raise argument_null("element")
    return _CONVERTED[underlying(target)](node.value if isinstance(node, XAttribute) else node.value_text())
