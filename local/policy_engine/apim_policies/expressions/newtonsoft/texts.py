"""How JSON values are written."""

import base64
import math
import re
from contextvars import ContextVar
from decimal import Decimal

from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Float, single_digits

NEWLINE: ContextVar[str] = ContextVar("NEWLINE", default="\r\n")
"""`Environment.NewLine` of the expression that runs: it is seen wherever a container becomes text."""


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}  # fmt: skip


_TO_ESCAPE = re.compile('["\\\\\x00-\x1f\x85\u2028\u2029]')


def date_json(moment: DateTime | DateTimeOffset) -> str:
    return moment.format("yyyy'-'MM'-'dd'T'HH':'mm':'ss.FFFFFFFK")


def number_text(value: object) -> str:
    """`ToString()` with the invariant culture of what a JSON value can hold."""
    match value:
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case Float():
            if math.isnan(value) or math.isinf(value):
                return _number(value)
            return _exponent(single_digits(value), value, 1e9)
        case float():
            return _number(value)
        case int():
            return str(int(value))
        case Decimal():
            return f"{value:f}"
        case DateTime() | DateTimeOffset() | TimeSpan():
            return value.text()
        case bytearray():
            return "System.Byte[]"
        case _:
            return str(value)


def base64_text(data: bytearray) -> str:
    """What bytes are in JSON, and `(string)` of a token of bytes."""
    return base64.b64encode(data).decode()


def quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda m: _ESCAPES.get(m.group()) or f"\\u{ord(m.group()):04x}", text) + '"'


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return _exponent(repr(value), value)


def _exponent(text: str, value: float, limit: float = 1e17) -> str:
    """The shortest digits as .NET Core writes them: with an exponent from 1E+17 and below 0.0001."""
    if 1 <= abs(value) < limit and "e" in text:
        text = f"{Decimal(text):f}"
    elif abs(value) >= limit and "e" not in text:
        sign, digits, exponent = Decimal(text).normalize().as_tuple()
        mantissa = "".join(map(str, digits))
        point = f".{mantissa[1:]}" if mantissa[1:] else ""
        text = f"{'-' if sign else ''}{mantissa[0]}{point}e+{int(exponent) + len(digits) - 1}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.removesuffix('.0')}E{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-'):0>2}"
    return text.removesuffix(".0")


def float_text(value: float) -> str:
    text = _number(value)
    if math.isnan(value) or math.isinf(value):
        return f'"{text}"'
    return text if "." in text or "E" in text else text + ".0"
