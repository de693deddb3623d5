"""Conversions between static types: implicit, explicit, to object, to text."""

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any, Never

from apim_policies.expressions.code import Code, Constant, Temporary
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JValue
from apim_policies.expressions.objects import xml_casts as casts
from apim_policies.expressions.objects.boxing import (
    NUMERIC,
    REAL,
    boxer,
    member_of,
    number_of,
    offset_of,
    tester,
)
from apim_policies.expressions.objects.converting import cast, castable, default, overflow
from apim_policies.expressions.objects.reflection import name_of, text_of
from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    FLOAT,
    GUID,
    INT,
    INTEGRAL,
    JARRAY,
    JOBJECT,
    JTOKEN,
    LONG,
    NULL,
    OBJECT,
    OFFSET,
    SBYTE,
    SHORT,
    STRING,
    THROW,
    TIMESPAN,
    UINT,
    ULONG,
    USHORT,
    VOID,
    Type,
    array,
    derives,
    holds_null,
    is_reference,
    underlying,
)
from apim_policies.expressions.values.containers import Array, within
from apim_policies.expressions.values.decimals import of_double
from apim_policies.expressions.values.failing import invalid_cast, invalid_operation, null_reference
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.numbers import BOXES, single, unboxed, wrapping
from apim_policies.expressions.xml.names import XName, XNamespace, implied, implied_space
from apim_policies.expressions.xml.nodes import XAttribute, XElement

_XML = frozenset({XElement.type, XAttribute.type})

# https://learn.microsoft.com/dotnet/csharp/language-reference/builtin-types/numeric-conversions
_WIDENING: dict[Type, frozenset[Type]] = {
    SBYTE: frozenset({SHORT, INT, LONG}) | REAL,
    BYTE: frozenset({SHORT, USHORT, INT, UINT, LONG, ULONG}) | REAL,
    SHORT: frozenset({INT, LONG}) | REAL,
    USHORT: frozenset({INT, UINT, LONG, ULONG}) | REAL,
    CHAR: frozenset({USHORT, INT, UINT, LONG, ULONG}) | REAL,
    INT: frozenset({LONG}) | REAL,
    UINT: frozenset({LONG, ULONG}) | REAL,
    LONG: REAL,
    ULONG: REAL,
    FLOAT: frozenset({DOUBLE}),
}
_TO_TOKEN = (NUMERIC | {STRING, BOOL, DATETIME, OFFSET, TIMESPAN, GUID, BYTES}) - {CHAR}
_TOKENS = frozenset({"JToken", "JObject", "JArray", "JValue", "JProperty", "JContainer"})
_PLAIN = NUMERIC | {BOOL, STRING, OBJECT, GUID}
_PLAIN_NAMES = frozenset({"[]", "List", "Dictionary", "HashSet", "Match", "Group", "StringBuilder", "Regex", "Random",
                          "IRequest", "IResponse", "IUrl", "IMessageBody", "Headers", "Query", "Variables", "Jwt"})  # fmt: skip


def plain(type: Type) -> bool:
    """Whether all conversions and operators of a type are modelled: what is not here is not in C#, either."""
    inner = underlying(type)
    return (
        inner in _PLAIN
        or inner.name in _PLAIN_NAMES
        or inner.name in ENUMERATIONS
        or inner.name.startswith("anonymous ")
    )


def common(left: Any, right: Any) -> Type | None:
    """The type of `condition ? left : right`."""
    if left.type == right.type:
        return left.type if left.type not in (NULL, THROW) else None
    if THROW in (left.type, right.type):
        other = right.type if left.type == THROW else left.type
        return other if other != NULL else None
    forth = implicit(left.run, left.type, right.type, left.constant) is not None
    back = implicit(right.run, right.type, left.type, right.constant) is not None
    if forth == back:
        # Both ways only for constants that fit: the wider type, as C# prefers.
        return None if not forth else (left.type if right.type in _WIDENING.get(left.type, ()) else right.type)
    return right.type if forth else left.type


def best_common(values: list[Any]) -> Type | None:
    """The type of `new[] { ... }` and of a lambda with several returns: one of theirs that all convert to."""
    candidates = {value.type for value in values} - {NULL}
    fitting = [
        type
        for type in candidates
        if all(implicit(value.run, value.type, type, value.constant) is not None for value in values)
    ]
    if len(fitting) > 1:
        # Constants of other types convert both ways: the one that the others' types convert to.
        fitting = [t for t in fitting if all(o == t or t in _WIDENING.get(o, ()) for o in candidates)]
    return fitting[0] if len(fitting) == 1 else None


def numeric(run: Code, source: Type, target: Type) -> Code:
    """A widening conversion."""
    if target == DECIMAL:
        return Code("{decimal}({0})", run, decimal=Decimal)
    if target == FLOAT:
        return Code("{single}({float}({0}))", run, single=single, float=float)
    if target == DOUBLE and source != FLOAT:
        return Code("{float}({0})", run, float=float)
    return run


def implicit(run: Code, source: Type, target: Type, constant: Any = None) -> Code | None:
    """The conversion as a function, or None if C# has none."""
    if source == target:
        return run
    if VOID in (source, target):
        return None
    if source == THROW:
        return run
    if source == NULL:
        return run if holds_null(target) else None
    if target in _WIDENING.get(source, ()):
        return numeric(run, source, target)
    if source == INT and target in INTEGRAL and isinstance(constant, int) and target != CHAR:
        low, high = INTEGRAL[target]
        return run if low <= constant <= high else None
    if source == LONG and target == ULONG and isinstance(constant, int) and constant >= 0:
        return run
    if target == OBJECT:
        return to_object(run, source)
    if target.name in ENUMERATIONS and constant == 0 and source in INTEGRAL:
        name = next((name for name, number in ENUMERATIONS[target.name].items() if number == 0), None)
        return None if name is None else Constant(name)
    if target.name == "Nullable":
        return _to_nullable(implicit, run, source, target, constant)
    if source.name == "Nullable":
        return _nullable_token(run, source) if target == JTOKEN and source.args[0] in _TO_TOKEN else None
    if target == JTOKEN and source in _TO_TOKEN:
        return _to_token(run, source)
    if target == JTOKEN and source == CHAR:
        return Code("{token}({0})", run, token=JValue)
    if target == OFFSET and source == DATETIME:
        return Code("{offset}({0})", run, offset=offset_of)
    if source == STRING and target in _OF_TEXT:
        return Code("{made}({0})", run, made=_OF_TEXT[target])
    if derives(source, target) and is_reference(source):
        return run
    return None


_OF_TEXT: dict[Type, Callable[[str | None], Any]] = {XName.type: implied, XNamespace.type: implied_space}


def _to_token(run: Code, source: Type) -> Code:
    return Code("{token}({0}, 'String')", to_object(run, source) if source == FLOAT else run, token=JValue)


def _nullable_token(run: Code, source: Type) -> Code:
    return Code("{token}({0})", run, token=JValue)


def _to_nullable(how: Any, run: Code, source: Type, target: Type, constant: Any) -> Code | None:
    if source.name != "Nullable":
        return how(run, source, target.args[0], constant)
    given = Temporary()
    turned = how(given, source.args[0], target.args[0], None)
    return None if turned is None else Code("None if ({given} := {0}) is None else {1}", run, turned, given=given)


def explicit(run: Code, source: Type, target: Type, constant: Any) -> Code | None:
    """A cast as a function, or None if C# has none or it is not modelled."""
    widened = implicit(run, source, target, constant)
    if widened is not None:
        return widened
    if source == OBJECT:
        return _unboxing(run, target)
    if source.name in _TOKENS:
        return _from_token(run, target)
    if source in _XML and underlying(target) in casts.castable:
        return Code("{cast}({0}, {target})", run, cast=casts.cast, target=target)
    if source.name == "Nullable" and target.name != "Nullable":
        inner = explicit(_valued(run), source.args[0], target, None)
        return inner if target != OBJECT and not is_reference(target) else None
    if target.name == "Nullable":
        return _to_nullable(explicit, run, source, target, constant)
    if source in NUMERIC and target in NUMERIC:
        return _narrowed(run, source, target)
    if source.name in ENUMERATIONS and target in INTEGRAL:
        number = Code("{number}({source}, {0})", run, number=number_of, source=source)
        return wrapped(number, target)
    if target.name in ENUMERATIONS and source in INTEGRAL:
        return Code("{member}({target}, {0})", run, member=member_of, target=target)
    if derives(target, source) or (is_reference(source) and is_reference(target) and _interfaces(source, target)):
        return _unboxing(run, target)
    return None


def _interfaces(source: Type, target: Type) -> bool:
    """A cast from one interface to another type is always compiled."""
    return source.name in {"IEnumerable", "IList", "ICollection", "IDictionary", "IReadOnlyDictionary"} and bool(
        target.args
    )


def _valued(run: Code) -> Code:
    return Code("{value} if ({value} := {0}) is not None else {missing}()", run, missing=_no_value)


def _no_value() -> Never:
    raise invalid_operation("Nullable object must have a value.")


def _narrowed(run: Code, source: Type, target: Type) -> Code:
    if target in INTEGRAL:
        if source in INTEGRAL:
            return wrapped(run, target)
        return Code("{truncated}({0}, {target})", run, truncated=_truncated, target=target)
    if target == FLOAT:
        return Code("{single}({float}({0}))", run, single=single, float=float)
    if target == DOUBLE:
        return Code("{float}({0})", run, float=float)
    if source == FLOAT:
        raise NotImplementedError("a cast of float to decimal")
    return Code("{decimal}({0})", run, decimal=of_double)


def wrapped(run: Code, type: Type) -> Code:
    """What is left of a whole number after an overflow."""
    low, high = INTEGRAL[type]
    return Code(f"{{n}} if {low} <= ({{n}} := {{0}}) <= {high} else {{wrap}}({{n}})", run, wrap=wrapping(type))


def _truncated(value: float | Decimal, target: Type) -> int:
    low, high = INTEGRAL[target]
    if isinstance(value, Decimal):
        number = int(value.to_integral_value(ROUND_DOWN))
        if not low <= number <= high:
            raise overflow()
        return number
    if math.isnan(value) or not low - 1 < value < high + 1:
        raise NotImplementedError(f"({target}) of {value}: C# leaves the result open, and it")
    return int(value)


def _from_token(run: Code, target: Type) -> Code | None:
    if target == STRING:
        # What it mostly is needs no call.
        return Code(
            "{o}.value if ({o} := {0}).__class__ is {token} and {o}.value.__class__ is {text} else {cast}({o}, {target})",
            run, token=JValue, text=str, cast=cast, target=target,
        )  # fmt: skip
    if castable(target):
        return Code("{cast}({0}, {target})", run, cast=cast, target=target)
    return _unboxing(run, target) if target.name in _TOKENS or target.name in {"IEnumerable", "IList"} else None


def _unboxing(run: Code, target: Type) -> Code | None:
    matches = tester(target)
    if matches is None:
        return None
    null, enumeration = holds_null(target), underlying(target).name in ENUMERATIONS
    number = underlying(target) in BOXES

    def convert(value: Any) -> Any:
        if value is None:
            if null:
                return None
            raise null_reference()
        if not matches(value):
            raise invalid_cast(name_of(value), str(target))
        return value.name if enumeration else unboxed(value) if number else value

    exact = _EXACT.get(target)
    if exact is None:
        return Code("{convert}({0})", run, convert=convert)
    # What it mostly is needs no call.
    return Code("{o} if ({o} := {0}).__class__ is {exact} else {convert}({o})", run, exact=exact, convert=convert)


# Classes whose objects are of the type and are what its expressions hold.
_EXACT: dict[Type, type] = {STRING: str, BOOL: bool, INT: int, JOBJECT: JObject, JARRAY: JArray}


def to_object(run: Code, source: Type) -> Code:
    """Boxing."""
    boxing = boxer(source)
    return run if boxing is None else Code("{box}({0})", run, box=boxing)


def to_text(run: Code, source: Type) -> Code:
    """What string concatenation makes of a value."""
    if source == STRING:
        return run if isinstance(run, Constant) and run.value is not None else Code("{0} or ''", run)
    if source == NULL:
        return Constant("")
    return Code("{text}({0})", to_object(run, source), text=text_of)


def new_array(size: Code, element: Type) -> Code:
    """`new T[n]`: full of the type's default."""
    empty = default(element)
    type_ = array(element)

    def make(count: int) -> Any:
        if count < 0:
            raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
        within(count)
        return bytearray(count) if element == BYTE else Array([empty] * count, type_)

    return Code("{make}({0})", size, make=make)
