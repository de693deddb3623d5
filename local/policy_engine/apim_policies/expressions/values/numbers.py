"""Numbers with a width, once they are objects: boxing keeps the type, unboxing checks it."""

import struct
from collections.abc import Callable
from typing import Any

from apim_policies.expressions.types import (
    BYTE,
    CHAR,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    SBYTE,
    SHORT,
    UINT,
    ULONG,
    USHORT,
    Type,
)


class Long(int):
    """A boxed `long`."""


class Byte(int):
    """A boxed `byte`."""


class SByte(int):
    """A boxed `sbyte`."""


class Char(int):
    """A boxed `char`."""


class UInt(int):
    """A boxed `uint`."""


class ULong(int):
    """A boxed `ulong`."""


class Short(int):
    """A boxed `short`."""


class UShort(int):
    """A boxed `ushort`."""


class Float(float):
    """A boxed `float`."""


BOXES: dict[Type, type] = {
    LONG: Long, BYTE: Byte, SBYTE: SByte, CHAR: Char, UINT: UInt, ULONG: ULong, SHORT: Short, USHORT: UShort, INT: int,
    FLOAT: Float,
}  # fmt: skip
_UNBOXED: dict[type, type] = {boxed: float if boxed is Float else int for boxed in BOXES.values() if boxed is not int}


def unboxed(value: Any) -> Any:
    """A number out of its object: its type is that of the expression from now on."""
    plain = _UNBOXED.get(value.__class__)
    return value if plain is None else plain(value)


TYPES: dict[type, Type] = {boxed: type for type, boxed in BOXES.items()}


def wrapping(type: Type) -> Callable[[int], int]:
    """What is left of a value after an overflow, as a function for a type."""
    low, high = INTEGRAL[type]
    size = high - low + 1

    def wrap(value: int) -> int:
        return value if low <= value <= high else (value - low) % size + low

    return wrap


def single(value: float) -> float:
    """The nearest `float`."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def single_digits(value: float) -> str:
    """The shortest text that gives the same `float`, as Python's repr does for `double`."""
    for digits in range(1, 10):
        text = repr(float(f"{value:.{digits}g}"))
        if single(float(text)) == value:
            return text
    return repr(value)


def box(value: object, type: Type) -> object:
    """A number as an object that knows its type; other values as they are."""
    boxer = BOXES.get(type)
    return value if boxer is None or boxer is int or not isinstance(value, int | float) else boxer(value)
