"""Conversions of values at run time: `Convert.ToX`, `Parse`, and the casts of JSON tokens, which use both."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from apim_policies.expressions.newtonsoft.texts import base64_text
from apim_policies.expressions.newtonsoft.tokens import JProperty, JToken, JValue
from apim_policies.expressions.objects.reflection import full_name, name_of, text_of, type_of
from apim_policies.expressions.types import (
    BOOL,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GUID,
    INTEGRAL,
    OBJECT,
    OFFSET,
    STRING,
    TIMESPAN,
    Type,
    derives,
    holds_null,
    underlying,
)
from apim_policies.expressions.values.dates import parse_moment
from apim_policies.expressions.values.decimals import fit, of_double
from apim_policies.expressions.values.failing import argument_null, format_error, invalid_cast
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Char, Float, single
from apim_policies.expressions.values.uris import Uri

WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""char.IsWhiteSpace."""
_INTEGER = re.compile(r"[\t\n\v\f\r ]*[+-]?[0-9]+[\t\n\v\f\r ]*\0*", re.ASCII)
_REAL = re.compile(
    r"[\t\n\v\f\r ]*([+-]?)((?:[0-9][0-9,]*)?(?:\.[0-9]*)?)((?:[eE][+-]?[0-9]+)?)[\t\n\v\f\r ]*\0*", re.ASCII
)


def overflow(what: str = "an Int32") -> CSharpException:
    return CSharpException("System.OverflowException", f"Value was either too large or too small for {what}.")


def parse_integer(text: str | None, type: Type) -> int:
    """`int.Parse` and its relatives."""
    if text is None:
        raise argument_null("s")
    if not (text.isdigit() and text.isascii()):
        if not _INTEGER.fullmatch(text):
            raise format_error()
        text = text.strip("\t\n\v\f\r \0")
    if len(text) > 4000:
        raise NotImplementedError(f"a number of {len(text):,} characters")
    value = int(text)
    low, high = INTEGRAL[type]
    if not low <= value <= high:
        raise overflow(f"an {full_name(type).removeprefix('System.')}")
    return value


def parse_double(text: str | None) -> float:
    if text is None:
        raise argument_null("s")
    special = {"nan": "nan", "infinity": "inf", "-infinity": "-inf", "+infinity": "inf", "-nan": "nan", "+nan": "nan"}
    match = _REAL.fullmatch(text)
    if match is None or not re.search("[0-9]", match[2]):
        word = text.strip("\t\n\v\f\r ").lower()
        if word in special:
            return float(special[word])
        if not text.isascii():
            raise NotImplementedError(f"a number from {text!r}")
        raise format_error()
    return float(f"{match[1]}{match[2].replace(',', '')}{match[3]}")


def parse_decimal(text: str | None) -> Decimal:
    if text is None:
        raise argument_null("s")
    match = _REAL.fullmatch(text)
    if match is None or match[3] or not re.search("[0-9]", match[2]):
        if re.search("[-+]", text.strip()[1:]) or not text.isascii():
            raise NotImplementedError(f"a decimal from {text!r}")
        raise format_error()
    return fit(Decimal(f"{match[1]}{match[2].replace(',', '')}"))


def parse_bool(text: str | None) -> bool:
    if text is None:
        raise argument_null("value")
    found = {"true": True, "false": False}.get(text.strip(WHITE + "\0").lower())
    if found is None:
        raise format_error(f"String '{text}' was not recognized as a valid Boolean.")
    return found


_GUID = re.compile(
    r"(?P<open>[{(])?(?P<parts>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?P<close>[)}])?|(?P<plain>[0-9a-fA-F]{32})"
)


_HEXADECIMAL_GUID = re.compile(
    r"\{0x([0-9A-F]{1,8}),0x([0-9A-F]{1,4}),0x([0-9A-F]{1,4}),\{((?:0x[0-9A-F]{1,2},){7}0x[0-9A-F]{1,2})\}\}",
    re.IGNORECASE,
)


def parse_guid(text: str | None) -> UUID:
    if text is None:
        raise argument_null("input")
    stripped = text.strip(WHITE)
    match = _GUID.fullmatch(stripped)
    if match is not None and (match["open"] or "") + (match["close"] or "") in {"", "{}", "()"}:
        return UUID(match["plain"] or match["parts"])
    parts = _HEXADECIMAL_GUID.fullmatch(stripped)
    if parts is not None:
        rest = "".join(f"{int(byte, 16):02x}" for byte in parts[4].split(","))
        return UUID(f"{parts[1]:0>8}{parts[2]:0>4}{parts[3]:0>4}{rest}")
    if "x" in stripped.lower() or "+" in stripped:
        raise NotImplementedError(f"a Guid from {stripped!r}")
    raise format_error("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).")


def to_integer(value: object, type: Type) -> int:
    """`Convert.ToInt32(object)` and its relatives; as char, `Convert.ToChar`."""
    low, high = INTEGRAL[type]
    match value:
        case None:
            return 0
        case str() if type == CHAR:
            if len(value) != 1:
                raise format_error("String must be exactly one character long.")
            return ord(value)
        case str():
            return parse_integer(value, type)
        case bool() | float() | Decimal() if type == CHAR:
            raise invalid_cast(name_of(value), "System.Char")
        case float():
            if not math.isfinite(value):
                raise overflow()
            number = round(value)
        case bool() | int():
            number = int(value)
        case Decimal():
            number = round(value)
        case _:
            raise invalid_cast(name_of(value), full_name(type) if _convertible(value) else "System.IConvertible")
    if not low <= number <= high:
        raise overflow(f"an {full_name(type).removeprefix('System.')}")
    return number


def _convertible(value: object) -> bool:
    return isinstance(value, DateTime | JValue)


def to_double(value: object) -> float:
    match value:
        case None:
            return 0.0
        case str():
            return parse_double(value)
        case Char():
            raise invalid_cast("System.Char", "System.Double")
        case bool() | int() | float() | Decimal():
            return float(value)
        case _:
            raise invalid_cast(name_of(value), "System.Double" if _convertible(value) else "System.IConvertible")


def to_decimal(value: object) -> Decimal:
    match value:
        case None:
            return Decimal(0)
        case str():
            return parse_decimal(value)
        case Char():
            raise invalid_cast("System.Char", "System.Decimal")
        case Float():
            raise NotImplementedError("a decimal of a float")
        case float():
            return of_double(value)
        case Decimal():
            return value
        case bool() | int():
            return Decimal(value)
        case _:
            raise invalid_cast(name_of(value), "System.Decimal" if _convertible(value) else "System.IConvertible")


def to_bool(value: object) -> bool:
    match value:
        case None:
            return False
        case str():
            return parse_bool(value)
        case Char():
            raise invalid_cast("System.Char", "System.Boolean")
        case bool() | int() | float() | Decimal():
            return bool(value)
        case _:
            raise invalid_cast(name_of(value), "System.Boolean" if _convertible(value) else "System.IConvertible")


def to_datetime(value: object) -> DateTime:
    match value:
        case None:
            return DateTime(0, "Unspecified")
        case str():
            return parse_moment(value)
        case DateTime():
            return value
        case _:
            convertible = isinstance(value, bool | int | float | Decimal | JValue)
            raise invalid_cast(name_of(value), "System.DateTime" if convertible else "System.IConvertible")


_CONVERTERS: dict[Type, Callable[[object], Any]] = {
    **{type: (lambda value, type=type: to_integer(value, type)) for type in INTEGRAL},
    DOUBLE: to_double,
    FLOAT: lambda value: single(to_double(value)),
    DECIMAL: to_decimal,
    BOOL: to_bool,
    STRING: lambda value: None if value is None else text_of(value),
    DATETIME: to_datetime,
}


def convert(value: object, type: Type) -> Any:
    """`Convert.ToX` by type."""
    if isinstance(value, JValue) and type != STRING:
        return cast(value, type)
    return _CONVERTERS[type](value)


def change_type(value: object, type: Type) -> Any:
    """`Convert.ChangeType`, as `Value<T>()` of tokens uses it."""
    if value is None:
        if holds_null(type):
            return None
        raise CSharpException("System.InvalidCastException", "Null object cannot be converted to a value type.")
    if type_of(value) == type and not isinstance(value, int):
        return value
    if type not in _CONVERTERS or isinstance(value, UUID | TimeSpan | DateTimeOffset | bytearray | Uri):
        if isinstance(value, bytearray | UUID | DateTimeOffset | TimeSpan | Uri):
            raise CSharpException("System.InvalidCastException", "Object must implement IConvertible.")
        raise invalid_cast(name_of(value), str(type))
    return convert(value, type)


_NUMBERS = {"Integer", "Float", "String", "Boolean"}
_TEXTS = {"Date", "Integer", "Float", "String", "Boolean", "Bytes", "Guid", "TimeSpan", "Uri"}
_ADMITTED: dict[Type, set[str]] = {
    **dict.fromkeys((*INTEGRAL, DOUBLE, FLOAT, DECIMAL, BOOL), _NUMBERS),
    CHAR: {"Integer", "Float", "String"},
    STRING: _TEXTS,
    DATETIME: {"Date", "String"},
    OFFSET: {"Date", "String"},
    GUID: {"String", "Guid", "Bytes"},
    TIMESPAN: {"String", "TimeSpan"},
    BYTES: {"Bytes", "String", "Integer"},
}


def castable(type: Type) -> bool:
    """Whether tokens have an explicit conversion to a type, here."""
    return underlying(type) in _ADMITTED


def cast(token: JToken | None, type: Type) -> Any:
    """The explicit conversions of JToken: `(int)token`, `(string)token`, `(bool?)token`."""
    wanted = underlying(type)
    null = holds_null(type)
    if token is None:
        if null:
            return None
        raise argument_null("value")
    token = token.value if isinstance(token, JProperty) else token
    if not isinstance(token, JValue) or not (
        token.kind in _ADMITTED[wanted] or (null and token.kind in {"Null", "Undefined"})
    ):
        name = full_name(wanted).removeprefix("System.") if wanted != BYTES else "byte array"
        raise CSharpException("System.ArgumentException", f"Can not convert {token.kind} to {name}.")
    value = token.value
    if null and value is None:
        return None
    if type_of(value) == wanted and not isinstance(value, int):
        return value
    match wanted, value:
        case Type("string"), bytearray():
            return base64_text(value)
        case Type("string"), Uri():
            return value.text()
        case (Type("Guid"), str()):
            return parse_guid(value)
        case (Type("DateTimeOffset"), DateTime()) if value.kind != "Unspecified" or value.ticks:
            return DateTimeOffset(value.ticks)
        case (Type("DateTime"), DateTimeOffset()):
            return DateTime(value.ticks, "Unspecified")
        case _:
            if wanted not in _CONVERTERS:
                raise NotImplementedError(f"the conversion of a JSON {token.kind} to {type}")
            return _CONVERTERS[wanted](value)


def unwrapped(token: JToken | None, type: Type) -> Any:
    """`Value<T>()` of a token."""
    wanted = underlying(type)
    if token is None:
        return default(type)
    token_type = type_of(token)
    if token_type is not None and wanted.name.startswith("J") and derives(token_type, wanted):
        return token
    if wanted == OBJECT and isinstance(token, JValue):
        return token
    if not isinstance(token, JValue) or wanted.name.startswith("J"):
        raise CSharpException("System.InvalidCastException", f"Cannot cast {name_of(token)} to {wanted}.")
    if token.value is None and type.name == "Nullable":
        return None
    return change_type(token.value, wanted)


def default(type: Type) -> Any:
    """`default(T)`.

    Raises:
        NotImplementedError: it is not modelled.
    """
    if holds_null(type):
        return None
    if type in INTEGRAL:
        return 0
    defaults: dict[Type, Any] = {
        BOOL: False,
        DOUBLE: 0.0,
        FLOAT: 0.0,
        DECIMAL: Decimal(0),
        DATETIME: DateTime(0, "Unspecified"),
        OFFSET: DateTimeOffset(0),
        TIMESPAN: TimeSpan(0),
        GUID: UUID(int=0),
    }
    if type not in defaults:
        raise NotImplementedError(f"default({type})")
    return defaults[type]
