"""Conversions between static types: implicit, explicit, to object, to text."""

from collections.abc import Callable, Iterable, Sized
from datetime import timedelta
from typing import Any
from uuid import UUID

from secure_mcp_local.expressions import newtonsoft as json
from secure_mcp_local.expressions.context import Jwt, Request, Response
from secure_mcp_local.expressions.failing import invalid_cast, invalid_operation, null_reference
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.moments import Moment
from secure_mcp_local.expressions.numbers import Byte, Char, Long, box, unboxes, wrap
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DOUBLE,
    INT,
    INTEGRAL,
    JTOKEN,
    LONG,
    NULL,
    OBJECT,
    SHORT,
    STRING,
    UINT,
    ULONG,
    VOID,
    Type,
    derives,
    is_reference,
)

Run = Callable[[list[Any]], Any]

# https://learn.microsoft.com/dotnet/csharp/language-reference/builtin-types/numeric-conversions
_WIDENING: dict[Type, frozenset[Type]] = {
    BYTE: frozenset({SHORT, INT, UINT, LONG, ULONG, DOUBLE}),
    SHORT: frozenset({INT, LONG, DOUBLE}),
    CHAR: frozenset({INT, UINT, LONG, ULONG, DOUBLE}),
    INT: frozenset({LONG, DOUBLE}),
    UINT: frozenset({LONG, ULONG, DOUBLE}),
    LONG: frozenset({DOUBLE}),
    ULONG: frozenset({DOUBLE}),
}
_TO_TOKEN = frozenset({STRING, BOOL, INT, LONG, BYTE, SHORT, UINT, DOUBLE})
_TOKENS: dict[str, type] = {
    "JToken": json.JToken,
    "JObject": json.JObject,
    "JArray": json.JArray,
    "JValue": json.JValue,
    "JProperty": json.JProperty,
}
_CLASSES: dict[str, type | tuple[type, ...]] = {
    **_TOKENS,
    "JContainer": (json.JObject, json.JArray, json.JProperty),
    "string": str,
    "bool": bool,
    "double": float,
    "IResponse": Response,
    "IRequest": Request,
    "Jwt": Jwt,
    "Exception": CSharpException,
    "Guid": UUID,
    "DateTimeOffset": Moment,
    "TimeSpan": timedelta,
}


def bases(type: Type) -> tuple[str, ...]:
    """Names of the types whose members a type has, too."""
    return {
        "JObject": ("JContainer", "JToken"),
        "JArray": ("JContainer", "JToken"),
        "JValue": ("JToken",),
        "JProperty": ("JContainer", "JToken"),
        "JContainer": ("JToken",),
        "List": ("IList",),
    }.get(type.name, ())


def common(left: Any, right: Any) -> Type | None:
    """The type of `condition ? left : right`."""
    if left.type == right.type:
        return left.type if left.type != NULL else None
    forth = implicit(left.run, left.type, right.type, left.constant) is not None
    back = implicit(right.run, right.type, left.type, right.constant) is not None
    if forth == back:
        # Both ways only for constants that fit: the wider type, as C# prefers.
        return None if not forth else (left.type if right.type in _WIDENING.get(left.type, ()) else right.type)
    return right.type if forth else left.type


def implicit(run: Run, source: Type, target: Type, constant: Any = None) -> Run | None:
    """The conversion as a function, or None if C# has none."""
    if source == target:
        return run
    if VOID in (source, target):
        return None
    if source == NULL:
        return run if is_reference(target) else None
    if target in _WIDENING.get(source, ()):
        return (lambda env: float(run(env))) if target == DOUBLE else run
    if source == INT and target in INTEGRAL and isinstance(constant, int) and target != CHAR:
        low, high = INTEGRAL[target]
        return run if low <= constant <= high else None
    if target == OBJECT:
        return to_object(run, source)
    if target == JTOKEN and source in _TO_TOKEN:
        return lambda env: json.JValue(run(env), "String")
    if derives(source, target) and is_reference(source):
        return run
    if target.name == "Func":
        return None
    return None


def explicit(run: Run, source: Type, target: Type, constant: Any) -> Run | None:
    """A cast as a function, or None if C# has none or it is not modelled."""
    widened = implicit(run, source, target, constant)
    if widened is not None:
        return widened
    if source in INTEGRAL and target in INTEGRAL:
        return lambda env: wrap(run(env), target)
    if source == DOUBLE and target in INTEGRAL:
        return lambda env: _truncated(run(env), target)
    if source == OBJECT:
        return _unboxing(run, target)
    if source.name in _TOKENS or source.name == "JContainer":
        return _from_token(run, target)
    if derives(target, source):
        return _unboxing(run, target)
    return None


def _truncated(value: float, target: Type) -> int:
    low, high = INTEGRAL[target]
    if not low - 1 < value < high + 1:
        raise NotImplementedError(f"({target}) of {value}: C# leaves the result open, and it")
    return int(value)


def _from_token(run: Run, target: Type) -> Run | None:
    if target == STRING:
        return lambda env: json.as_string(run(env))
    if target in (INT, LONG):
        low, high = INTEGRAL[target]
        name = "Int32" if target == INT else "Int64"
        return lambda env: json.as_integer(run(env), name, low, high)
    if target == BOOL:
        return lambda env: json.as_bool(run(env))
    if target == DOUBLE:
        return lambda env: json.as_double(run(env))
    return _unboxing(run, target) if target.name in _TOKENS or target.name == "JContainer" else None


def _unboxing(run: Run, target: Type) -> Run | None:
    matches = tester(target)
    if matches is None:
        return None
    nullable = is_reference(target)

    def convert(env: list[Any]) -> Any:
        value = run(env)
        if value is None:
            if nullable:
                return None
            raise null_reference()
        if not matches(value):
            raise invalid_cast(name_of(value), str(target))
        return value

    return convert


def tester(type: Type) -> Callable[[Any], bool] | None:
    """Whether an object is of a type, as a function; None if it cannot be told."""
    if type in INTEGRAL:
        return lambda value: unboxes(value, type)
    if type == OBJECT:
        return lambda value: value is not None
    if type.name == "[]":
        if type.args[0] == BYTE:
            return lambda value: isinstance(value, bytearray)
        return None  # arrays and lists are alike here
    found = _CLASSES.get(type.name)
    return None if found is None or type.args else (lambda value: isinstance(value, found))


def name_of(value: object) -> str:
    """A .NET type name for messages."""
    names: dict[type, str] = {
        int: "System.Int32", Long: "System.Int64", Byte: "System.Byte", Char: "System.Char", str: "System.String",
        bool: "System.Boolean", float: "System.Double", bytearray: "System.Byte[]",
    }  # fmt: skip
    return names.get(value.__class__, value.__class__.__name__)


def to_object(run: Run, source: Type) -> Run:
    """Boxing: numbers keep their type."""
    if source in INTEGRAL and source != INT:
        return lambda env: box(run(env), source)
    return run


def to_text(run: Run, source: Type) -> Run:
    """What string concatenation makes of a value."""
    if source == STRING:
        return lambda env: run(env) or ""
    if source == NULL:
        return lambda env: ""
    boxed = to_object(run, source)
    return lambda env: text_of(boxed(env))


def text_of(value: object) -> str:
    """`ToString()` with the invariant culture; null is empty.

    Raises:
        NotImplementedError: the text is one that is not modelled.
    """
    match value:
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case str():
            return value
        case Char():
            return chr(value)
        case int():
            return str(int(value))
        case float():
            return json.JValue(value).text()
        case json.JToken():
            return json.to_text(value)
        case UUID():
            return str(value)
        case Moment():
            return value.text()
        case bytearray():
            return "System.Byte[]"
        case CSharpException():
            return str(value)
        case _:
            raise NotImplementedError(f"the text of a {value.__class__.__name__}")


def iterate(value: Any) -> Iterable[Any]:
    """What `foreach` goes through."""
    if value is None:
        raise null_reference()
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, json.JObject):
        return _guarded(value.members, lambda: list(value.members.items()))
    if isinstance(value, json.JToken):
        return _children(value)
    if isinstance(value, list):
        return _guarded(value, lambda: list(value))
    if isinstance(value, str):
        return [ord(unit) for unit in value]
    return value


def iterator(type: Type) -> Callable[[Any], Iterable[Any]]:
    """How `foreach` goes through an expression of this static type: an object's members are name and value as a
    JObject, but properties as a JToken."""
    return _children if type.name in {"JToken", "JContainer"} else iterate


def _children(value: Any) -> Iterable[Any]:
    if value is None:
        raise null_reference()
    if isinstance(value, json.JObject):
        return _guarded(value.members, value.children)
    return _guarded(value.items, lambda: list(value.items)) if isinstance(value, json.JArray) else value.children()


def _guarded(container: Sized, items: Callable[[], list[Any]]) -> Iterable[Any]:
    """Items of a container that must not grow or shrink meanwhile."""
    return Sequence(lambda: _watched(container, items))


def _watched(container: Sized, items: Callable[[], list[Any]]) -> Iterable[Any]:
    size = len(container)
    for item in items():
        yield item
        if len(container) != size:
            raise invalid_operation("Collection was modified; enumeration operation may not execute.")


def new_array(size: Run, element: Type) -> Run:
    """`new T[n]`: full of the type's default."""
    if element == BYTE:

        def make_bytes(env: list[Any]) -> Any:
            count = size(env)
            if count < 0:
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return bytearray(count)

        return make_bytes
    default: Any = 0 if element in INTEGRAL else False if element == BOOL else 0.0 if element == DOUBLE else None

    def make(env: list[Any]) -> Any:
        count = size(env)
        if count < 0:
            raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
        return [default] * count

    return make


__all__ = [
    "bases", "common", "explicit", "implicit", "iterate", "iterator", "name_of", "new_array",
    "tester", "text_of", "to_object", "to_text",
]  # fmt: skip
