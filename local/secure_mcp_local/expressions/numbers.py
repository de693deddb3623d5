"""Integers with a width, once they are objects: boxing keeps the type, unboxing checks it."""

from secure_mcp_local.expressions.types import BYTE, CHAR, INT, INTEGRAL, LONG, SHORT, UINT, ULONG, Type


class Long(int):
    """A boxed `long`."""


class Byte(int):
    """A boxed `byte`."""


class Char(int):
    """A boxed `char`."""


class UInt(int):
    """A boxed `uint`."""


class ULong(int):
    """A boxed `ulong`."""


class Short(int):
    """A boxed `short`."""


BOXES: dict[Type, type] = {LONG: Long, BYTE: Byte, CHAR: Char, UINT: UInt, ULONG: ULong, SHORT: Short, INT: int}


def wrap(value: int, type: Type) -> int:
    """The value that is left of an overflow."""
    low, high = INTEGRAL[type]
    if low <= value <= high:
        return value
    size = high - low + 1
    return (value - low) % size + low


def box(value: object, type: Type) -> object:
    """An integer as an object that knows its type; other values as they are."""
    boxer = BOXES.get(type)
    return value if boxer is None or boxer is int or not isinstance(value, int) else boxer(value)


def unboxes(value: object, type: Type) -> bool:
    """Whether an object is a boxed integer of exactly this type."""
    return value.__class__ is BOXES.get(type)
