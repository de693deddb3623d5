"""Results of expressions for Python code."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apim_policies.errors import NotModelled
from apim_policies.expressions.newtonsoft.texts import date_json
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JValue
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.values.containers import Anonymous, Array, Dictionary, Enumeration, HashSet
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Char
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.text import joined


def to_text(value: object) -> str:
    """C# `ToString()` with the invariant culture: `True` for true, nothing for null.

    Raises:
        NotModelled: the text of such an object is not known.
    """
    if isinstance(value, str):
        return joined(value)
    try:
        return joined(text_of(value))
    except NotImplementedError as error:
        raise NotModelled(f"{error} is not modelled by the local cloud") from error


def to_python(value: object) -> object:
    """Plain Python: int, float, str, bytes, datetime, UUID, list and dict (JSON too)."""
    match value:
        case None | bool() | float() | UUID():
            return value
        case str():
            return joined(value)
        case Char():
            return chr(value)
        case int():
            return int(value)
        case bytearray():
            return bytes(value)
        case DateTime() | DateTimeOffset():
            moment: datetime = value.datetime()
            return moment
        case TimeSpan():
            return timedelta(microseconds=value.ticks / 10)
        case Decimal():
            return value
        case Enumeration():
            return value.name
        case Anonymous():
            return dict(zip(value.names, map(to_python, value.values), strict=True))
        case JObject():
            return {joined(name): to_python(member) for name, member in value.members.items()}
        case JArray():
            return [to_python(item) for item in value.items]
        case JValue():
            inner = value.value
            return date_json(inner) if isinstance(inner, DateTime | DateTimeOffset) else to_python(inner)
        case Array():
            return [to_python(boxed(item, value.type.args[0])) for item in value]
        case list() | Sequence() | HashSet():
            return [to_python(item) for item in iterate(value)]
        case Dictionary():
            return {to_python(key): to_python(item) for key, item in value.pairs()}
        case dict():
            return {to_python(key): to_python(item) for key, item in value.items()}
        case _:
            raise NotModelled(f"a {value.__class__.__name__} as a Python value is not modelled by the local cloud")
