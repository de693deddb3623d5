"""System.Convert."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import PROVIDER, Method, Model
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.converting import (
    convert,
)
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    SBYTE,
    SHORT,
    STRING,
    UINT,
    ULONG,
    USHORT,
    Type,
)
from apim_policies.expressions.values.failing import (
    argument_null,
    format_error,
    out_of_range,
)
from apim_policies.expressions.values.failures import CSharpException

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _from_base64(text: str | None) -> bytearray:
    if text is None:
        raise argument_null("s")
    if not _BASE64.fullmatch(text):
        text = re.sub(r"[ \t\r\n]", "", text)
    if len(text) % 4 or not _BASE64.fullmatch(text):
        raise format_error("The input is not a valid Base-64 string.")
    try:
        return bytearray(binascii.a2b_base64(text))
    except binascii.Error:
        raise format_error("The input is not a valid Base-64 string.") from None


def _to_base64(data: bytearray | None, start: int = 0, count: int | None = None) -> str:
    if data is None:
        raise argument_null("inArray")
    length = len(data) - start if count is None else count
    if start < 0 or length < 0 or start + length > len(data):
        raise out_of_range("offset")
    return base64.b64encode(data[start : start + length]).decode()


def _of_base(type: Type) -> Callable[[str | None, int], int]:
    low, high = INTEGRAL[type]

    def parse(text: str | None, base: int) -> int:
        if base not in {2, 8, 10, 16}:
            raise CSharpException("System.ArgumentException", "Invalid Base.")
        if text is None:
            return 0
        if base == 10:
            if not re.fullmatch("-?[0-9]+", text):
                raise NotImplementedError(f"Convert of {text!r} in base 10")
            value = int(text)
            if not low <= value <= high:
                raise _overflow()
            return value
        if text == "":
            raise out_of_range("startIndex")
        if text.startswith("-"):
            raise CSharpException(
                "System.ArgumentException", "String cannot contain a minus sign if the base is not 10."
            )
        digits = text[2:] if base == 16 and text[:2].lower() == "0x" else text
        alphabet = {2: "[01]+", 8: "[0-7]+", 16: "[0-9A-Fa-f]+"}[base]
        if not re.match(alphabet, digits):
            raise format_error("Could not find any recognizable digits.")
        if not re.fullmatch(alphabet, digits):
            raise format_error("Additional non-parsable characters are at the end of the string.")
        value = int(digits, base)
        if value > high - low:
            raise _overflow()
        return value - (high - low + 1) if value > high else value

    return parse


def _overflow() -> CSharpException:
    return CSharpException("System.OverflowException", "Value was either too large or too small.")


def _in_base(type: Type) -> Callable[[int, int], str]:
    low, high = INTEGRAL[type]

    def write(value: int, base: int) -> str:
        if base not in {2, 8, 10, 16}:
            raise CSharpException("System.ArgumentException", "Invalid Base.")
        if base == 10:
            return str(value)
        return f"{value % (high - low + 1):{ {2: 'b', 8: 'o', 16: 'x'}[base] }}"

    return write


_TARGETS = {
    "ToInt32": INT, "ToInt64": LONG, "ToInt16": SHORT, "ToByte": BYTE, "ToSByte": SBYTE, "ToUInt16": USHORT,
    "ToUInt32": UINT, "ToUInt64": ULONG, "ToDouble": DOUBLE, "ToSingle": FLOAT, "ToDecimal": DECIMAL, "ToBoolean": BOOL,
    "ToChar": CHAR, "ToDateTime": DATETIME,
}  # fmt: skip


_SOURCES = (*INTEGRAL, DOUBLE, FLOAT, DECIMAL, BOOL, STRING, DATETIME, OBJECT)


def _converting(target: Type) -> list[Method]:
    def method(source: Type) -> Method:
        return Method((source,), target, lambda value: _converted(boxed(value, source), target, source))

    def with_provider(source: Type) -> Method:
        return Method(
            (source, PROVIDER), target, lambda value, culture: _converted(boxed(value, source), target, source)
        )

    methods = [method(source) for source in _SOURCES] + [with_provider(source) for source in (STRING, OBJECT)]
    if target in {INT, LONG, SHORT, BYTE}:
        methods.append(Method((STRING, INT), target, _of_base(target)))
    return methods


def _converted(value: Any, target: Type, source: Type) -> Any:
    if value is None and target == CHAR and source == STRING:
        raise argument_null("value")
    return convert(value, target)


_CONVERT = Model(
    statics={
        **{name: _converting(target) for name, target in _TARGETS.items()},
        "ToString": [
            *(
                Method((source,), STRING, lambda value, source=source: text_of(boxed(value, source)))
                for source in _SOURCES
                if source != STRING
            ),
            Method((STRING,), STRING, lambda value: value),
            *(
                Method((source, PROVIDER), STRING, lambda value, culture, source=source: text_of(boxed(value, source)))
                for source in _SOURCES
                if source != STRING
            ),
            Method((STRING, PROVIDER), STRING, lambda value, culture: value),
            *(Method((source, INT), STRING, _in_base(source)) for source in (INT, LONG, SHORT, BYTE)),
        ],
        "ToBase64String": [Method((BYTES,), STRING, _to_base64), Method((BYTES, INT, INT), STRING, _to_base64)],
        "FromBase64String": [Method((STRING,), BYTES, _from_base64)],
    }
)


MODELS: dict[str, Model] = {"Convert": _CONVERT}
NAMES = {"Convert": "System"}
