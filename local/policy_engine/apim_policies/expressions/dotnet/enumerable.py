"""Enumerable's own methods, and IGrouping: what of LINQ is in tables."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import T1, Method, Model, Property
from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DOUBLE,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    STRING,
    Type,
    array,
    generic,
)
from apim_policies.expressions.values.containers import Array, within
from apim_policies.expressions.values.failing import out_of_range
from apim_policies.expressions.values.sequences import Sequence


def _range(start: int, count: int) -> Sequence:
    if count < 0 or start + count - 1 > INTEGRAL[INT][1]:
        raise out_of_range("count")
    return Sequence(lambda: range(start, start + within(count)), INT)


def _repeat(element: Type) -> Callable[[Any, int], Sequence]:
    def repeat(item: Any, count: int) -> Sequence:
        if count < 0:
            raise out_of_range("count")
        return Sequence(lambda: (item for _ in range(within(count))), element)

    return repeat


_REPEATED = (STRING, INT, CHAR, BOOL, DOUBLE, LONG, BYTE, OBJECT)
_ENUMERABLE = Model(
    statics={
        "Range": [Method((INT, INT), generic("IEnumerable", INT), _range)],
        "Repeat": [Method((type, INT), generic("IEnumerable", type), _repeat(type)) for type in _REPEATED],
    },
    static_generics={
        "Empty": lambda element: Method(
            (), generic("IEnumerable", element), lambda: bytearray() if element == BYTE else Array([], array(element))
        )
    },
)

MODELS: dict[str, Model] = {
    "Enumerable": _ENUMERABLE,
    "IGrouping": Model(properties={"Key": Property(T1, lambda group: group.key)}),
}
NAMES = {"Enumerable": "System.Linq"}
