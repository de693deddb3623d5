"""Values of expressions as JSON, with their .NET types: what `apim-policies expression` prints.

A value is `{"type", "value", "text"}`: the type as C# writes it, the value as JSON (numbers that JSON cannot hold, dates,
times and Guids as strings, bytes as base64, JSON tokens as compact JSON beside their `jtype`), and its `ToString()`.
Sequences are `{"type", "items"}`, dictionaries `{"type", "entries"}` with pairs of encoded keys and values.
"""

import base64
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from apim_policies.expressions.newtonsoft.tokens import JToken, JValue
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import text_of, type_of
from apim_policies.expressions.types import element_of
from apim_policies.expressions.values.containers import Anonymous, Array, Dictionary, Enumeration, HashSet, Pair
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Char, ULong
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.text import joined

_MOST = 201
"""How many items of a sequence are shown: it may have no end."""


def encoded(value: Any, newline: str = "\n") -> dict[str, Any]:
    """A value of an expression; `newline` is what `Environment.NewLine` is.

    Raises:
        NotImplementedError: what .NET says of such an object is not modelled.
    """
    if value is None:
        return {"type": "null", "value": None}
    if isinstance(value, JToken):
        return {
            "type": value.__class__.__name__,
            "value": joined(value.write()),
            "jtype": value.kind,
            "text": joined(value.text() if isinstance(value, JValue) else value.write("  ", newline)),
        }
    if isinstance(value, bytearray):
        return {"type": "byte[]", "value": base64.b64encode(value).decode()}
    if isinstance(value, Dictionary):
        key, item = value.type.args
        pairs = [
            [encoded(boxed(name, key), newline), encoded(boxed(part, item), newline)] for name, part in value.pairs()
        ]
        return {"type": str(value.type), "entries": pairs}
    if isinstance(value, Array | HashSet | Sequence):
        return _sequence(value, newline)
    type_ = type_of(value)
    if type_ is None or not isinstance(value, _PLAIN):
        shown = type_ if type_ is not None else value.__class__.__name__
        if type_ is not None and type_.name in _TEXTUAL:
            return {"type": str(type_), "value": None, "text": joined(text_of(value))}
        raise NotImplementedError(f"a result of the type {shown}")
    return {"type": str(type_), "value": _plain(value), "text": joined(text_of(value))}


_PLAIN = (str, int, float, Decimal, DateTime, DateTimeOffset, TimeSpan, UUID, Enumeration, Pair, Anonymous)
_TEXTUAL = frozenset(
    {
        "Uri",
        "StringBuilder",
        "Match",
        "Group",
        "Capture",
        "IPAddress",
        "XElement",
        "XDocument",
        "XAttribute",
        "XName",
        "XNamespace",
    }
)


def _sequence(value: Any, newline: str) -> dict[str, Any]:
    if isinstance(value, Sequence):
        element, shown = value.element, str(value.shown or "IEnumerable")
    else:
        element, shown = element_of(value.type), str(value.type)
    if element is None:
        raise NotImplementedError("a sequence of items whose type is not known")
    return {"type": shown, "items": [encoded(boxed(item, element), newline) for item in islice(iterate(value), _MOST)]}


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return value
        case str():
            return joined(value)
        case Char():
            return chr(value)
        case ULong():
            return str(int(value))
        case int():
            return int(value)
        case float() | Decimal() | UUID():
            return text_of(value)
        case DateTime() | DateTimeOffset():
            return value.format("o")
        case TimeSpan():
            return value.format("c")
        case Enumeration():
            return value.name
        case _:
            return None
