"""Arrays, and System.Array."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.collections import COPY_TO, getter, setter
from apim_policies.expressions.dotnet.comparers import sort_key
from apim_policies.expressions.dotnet.cryptography import ARRAY_METHODS
from apim_policies.expressions.dotnet.registry import T0, Method, Model, Property
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.objects.reflection import equal
from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    INT,
    LONG,
    OBJECT,
    STRING,
    VOID,
    Type,
    array,
)
from apim_policies.expressions.values.containers import Array
from apim_policies.expressions.values.failing import (
    argument_null,
    out_of_range,
)
from apim_policies.expressions.values.failures import CSharpException


def _outside() -> CSharpException:
    return CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")


def _copied(source: Any, start: int, target: Any, at: int, count: int) -> None:
    if source is None or target is None:
        raise argument_null("sourceArray" if source is None else "destinationArray")
    if start < 0 or at < 0 or count < 0:
        raise out_of_range("length")
    if start + count > len(source) or at + count > len(target):
        raise CSharpException(
            "System.ArgumentException",
            "Source array was not long enough. Check the source index, length, and the array's lower bounds.",
        )
    target[at : at + count] = source[start : start + count]


def _reversed(items: Any) -> None:
    if items is None:
        raise argument_null("array")
    items.reverse()


def _sort(element: Type) -> Callable[[Any], None]:
    def sort(items: Any) -> None:
        if items is None:
            raise argument_null("array")
        if len(items) > 1:
            items[:] = (
                sorted(items, key=sort_key(element)) if not isinstance(items, bytearray) else bytes(sorted(items))
            )

    return sort


_ELEMENTS = (STRING, INT, LONG, DOUBLE, BYTE, CHAR, DECIMAL, DATETIME, OBJECT, BOOL)


def _found(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    return next((n for n, item in enumerate(items) if equal(item, wanted)), -1)


def _found_plain(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    return next((n for n, item in enumerate(items) if item == wanted), -1)


def _last_found(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    at = _found(items[::-1], wanted)
    return len(items) - 1 - at if at >= 0 else -1


def _last_plain(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    at = _found_plain(items[::-1], wanted)
    return len(items) - 1 - at if at >= 0 else -1


def _cleared(element: Type) -> Callable[[Any, int, int], None]:
    empty = default(element)

    def clear(items: Any, start: int, count: int) -> None:
        if items is None:
            raise argument_null("array")
        if start < 0 or count < 0 or start + count > len(items):
            raise _outside()
        for at in range(start, start + count):
            items[at] = empty

    return clear


def _searching(element: Type) -> dict[str, Method]:
    given = Type("Func", (element, BOOL))

    def checked(items: Any, test: Any) -> Any:
        if items is None or test is None:
            raise argument_null("array" if items is None else "match")
        return items

    kind = array(element)
    empty = default(element)

    def places(items: Any, test: Any) -> list[int]:
        return [n for n, item in enumerate(checked(items, test)) if test(item)]

    def last(items: Any, test: Any) -> Any:
        return next((item for item in reversed(checked(items, test)) if test(item)), empty)

    def each(items: Any, action: Any) -> None:
        for item in checked(items, action):
            action(item)

    return {
        "FindLast": Method((kind, given), element, last),
        "FindLastIndex": Method((kind, given), INT, lambda items, test: max(places(items, test), default=-1)),
        "ForEach": Method((kind, Type("Action", (element,))), VOID, each),
        "Find": Method(
            (kind, given), element, lambda items, test: next((item for item in checked(items, test) if test(item)), empty)
        ),
        "FindIndex": Method((array(element), given), INT, lambda items, test: next((n for n, item in enumerate(checked(items, test)) if test(item)), -1)),
        "Exists": Method((array(element), given), BOOL, lambda items, test: any(test(item) for item in checked(items, test))),
        "TrueForAll": Method((array(element), given), BOOL, lambda items, test: all(test(item) for item in checked(items, test))),
        "FindAll": Method((array(element), given), array(element), lambda items, test: _like(items, [item for item in checked(items, test) if test(item)])),
    }  # fmt: skip


def _like(items: Any, chosen: list[Any]) -> Any:
    return bytearray(chosen) if isinstance(items, bytearray) else chosen


_SEARCHES = [_searching(element) for element in _ELEMENTS]
_STATIC = Model(
    statics={
        "Copy": [
            Method((array(element), INT, array(element), INT, INT), VOID, _copied) for element in _ELEMENTS
        ]
        + [
            Method((array(element), array(element), INT), VOID, lambda source, target, count: _copied(source, 0, target, 0, count))
            for element in _ELEMENTS
        ],
        "Reverse": [Method((array(element),), VOID, _reversed) for element in _ELEMENTS],
        "Sort": [Method((array(element),), VOID, _sort(element)) for element in _ELEMENTS if element != OBJECT],
        "IndexOf": [
            Method((array(element), element), INT, _found if element == OBJECT else _found_plain) for element in _ELEMENTS
        ],
        "LastIndexOf": [
            Method((array(element), element), INT, _last_found if element == OBJECT else _last_plain) for element in _ELEMENTS
        ],
        "Clear": [Method((array(element), INT, INT), VOID, _cleared(element)) for element in _ELEMENTS],
        **{
            name: [search[name] for search in _SEARCHES if name in search]
            for name in ("FindIndex", "FindLastIndex", "FindLast", "Exists", "TrueForAll", "FindAll", "Find", "ForEach")
        },
    },
    static_generics={
        "Empty": lambda element: Method((), array(element), lambda: bytearray() if element == BYTE else Array([], array(element)))
    },
)  # fmt: skip


def _of_first(items: Any, dimension: int) -> Any:
    if dimension != 0:
        raise CSharpException("System.IndexOutOfRangeException", "Array does not have that many dimensions.")
    return items


_ARRAY = Model(
    methods={
        "CopyTo": [COPY_TO],
        "GetLength": [Method((INT,), INT, lambda items, dimension: len(_of_first(items, dimension)))],
        "GetLowerBound": [Method((INT,), INT, lambda items, dimension: 0 * len(_of_first(items, dimension)))],
        "GetUpperBound": [Method((INT,), INT, lambda items, dimension: len(_of_first(items, dimension)) - 1)],
    },
    properties={
        "Length": Property(INT, len),
        "LongLength": Property(LONG, len),
        "Rank": Property(INT, lambda items: 1),
        "IsReadOnly": Property(BOOL, lambda items: False),
        "IsFixedSize": Property(BOOL, lambda items: True),
    },
    indexer=Method((INT,), T0, getter(_outside)),
    set_indexer=setter(_outside),
)


MODELS: dict[str, Model] = {"[]": _ARRAY, "byte[]": Model(methods=ARRAY_METHODS), "Array": _STATIC}
NAMES = {"Array": "System"}
