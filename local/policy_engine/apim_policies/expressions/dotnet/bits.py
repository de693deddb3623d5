"""System.BitConverter."""

import math
import struct
from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import (
    BOOL,
    BYTES,
    CHAR,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    SHORT,
    STRING,
    UINT,
    ULONG,
    USHORT,
)
from apim_policies.expressions.values.failing import (
    argument_null,
    out_of_range,
)
from apim_policies.expressions.values.failures import CSharpException


def _hexadecimal(data: bytearray | None, start: int = 0, count: int | None = None) -> str:
    if data is None:
        raise argument_null("value")
    length = len(data) - start if count is None else count
    if start < 0 or (start >= len(data) and start > 0):
        raise out_of_range("startIndex")
    if length < 0:
        raise out_of_range("length")
    if start + length > len(data):
        raise CSharpException("System.ArgumentException", "Offset and length were out of bounds for the array.")
    return data[start : start + length].hex("-").upper()


_LAYOUTS = {"ToInt16": ("<h", SHORT), "ToInt32": ("<i", INT), "ToInt64": ("<q", LONG), "ToUInt16": ("<H", USHORT),
            "ToUInt32": ("<I", UINT), "ToUInt64": ("<Q", ULONG), "ToDouble": ("<d", DOUBLE), "ToSingle": ("<f", FLOAT)}  # fmt: skip


def _unpacking(layout: str) -> Callable[[bytearray | None, int], Any]:
    size = struct.calcsize(layout)

    def unpack(data: bytearray | None, start: int) -> Any:
        if data is None:
            raise argument_null("value")
        if not 0 <= start < len(data):
            raise out_of_range("startIndex")
        if start > len(data) - size:
            raise CSharpException("System.ArgumentException", "Destination array is not long enough.")
        return struct.unpack_from(layout, data, start)[0]

    return unpack


def _packed(layout: str, value: float) -> bytearray:
    if math.isnan(value):
        raise NotImplementedError("the bytes of NaN, whose sign depends on how it came about")
    return bytearray(struct.pack(layout, value))


def _double_of(value: int) -> float:
    number: float = struct.unpack("<d", struct.pack("<q", value))[0]
    if math.isnan(number):
        raise NotImplementedError("NaN of bits, whose other bits show when it is turned back")
    return number


_BITS = Model(
    statics={
        "ToString": [Method((BYTES,), STRING, _hexadecimal), Method((BYTES, INT), STRING, _hexadecimal), Method((BYTES, INT, INT), STRING, _hexadecimal)],
        "GetBytes": [
            *(Method((type,), BYTES, lambda value, layout=layout: _packed(layout, value)) for layout, type in _LAYOUTS.values()),
            Method((BOOL,), BYTES, lambda value: bytearray([value])),
            Method((CHAR,), BYTES, lambda value: bytearray(struct.pack("<H", value))),
        ],
        **{name: [Method((BYTES, INT), type, _unpacking(layout))] for name, (layout, type) in _LAYOUTS.items()},
        "ToBoolean": [Method((BYTES, INT), BOOL, lambda data, start: _unpacking("B")(data, start) != 0)],
        "ToChar": [Method((BYTES, INT), CHAR, _unpacking("<H"))],
        "DoubleToInt64Bits": [Method((DOUBLE,), LONG, lambda value: struct.unpack("<q", _packed("<d", value))[0])],
        "Int64BitsToDouble": [Method((LONG,), DOUBLE, _double_of)],
    },
    static_properties={"IsLittleEndian": Property(BOOL, lambda: True)},
)  # fmt: skip


MODELS: dict[str, Model] = {"BitConverter": _BITS}
NAMES = {"BitConverter": "System"}
