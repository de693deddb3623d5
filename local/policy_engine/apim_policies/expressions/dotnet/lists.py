"""List<T>, and what it is for others."""

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from apim_policies.expressions.dotnet.collections import (
    COPY_TO,
    COUNT,
    NAMESPACE,
    SEQUENCE,
    TEST,
    copy_to,
    getter,
    place,
    same,
    setter,
)
from apim_policies.expressions.dotnet.comparers import COMPARER, Comparer, sort_key
from apim_policies.expressions.dotnet.registry import T0, Method, Model
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.types import BOOL, INT, VOID, Type, array, generic
from apim_policies.expressions.values.containers import List
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException


def _new_list(type_: Type, source: Any = None) -> List:
    return List([] if source is None else iterate(source), type_)


def _list_of(type_: Type, source: Any) -> List:
    if source is None:
        raise argument_null("collection")
    return _new_list(type_, source)


def _add_all(items: list[Any], more: Any) -> None:
    if more is None:
        raise argument_null("collection")
    items.extend(list(iterate(more)))


def _insert(items: list[Any], index: int, item: Any) -> None:
    if not 0 <= index <= len(items):
        raise out_of_range("index")
    items.insert(index, item)


def _last_place(items: list[Any], item: Any) -> int:
    return next((n for n in reversed(range(len(items))) if same(items[n], item)), -1)


def _remove(items: list[Any], item: Any) -> bool:
    at = place(items, item)
    if at >= 0:
        del items[at]
    return at >= 0


def _remove_at(items: list[Any], index: int) -> None:
    if not 0 <= index < len(items):
        raise out_of_range("index")
    del items[index]


def _range(items: list[Any], index: int, count: int) -> None:
    if index < 0 or count < 0:
        raise out_of_range("index")
    if index + count > len(items):
        raise CSharpException("System.ArgumentException", "Offset and length were out of bounds.")


def _remove_range(items: list[Any], index: int, count: int) -> None:
    _range(items, index, count)
    del items[index : index + count]


def _get_range(items: Any, index: int, count: int) -> List:
    _range(items, index, count)
    return List(items[index : index + count], items.type)


def _sort(items: Any) -> None:
    if len(items) > 1:
        key = sort_key(items.type.args[0])
        items[:] = sorted(items, key=key)


def _sort_by(items: Any, comparer: Comparer | None) -> None:
    if comparer is None:
        _sort(items)
    else:
        items[:] = sorted(items, key=comparer.key)


def _remove_all(items: list[Any], test: Any) -> int:
    kept = [item for item in items if not test(item)]
    removed = len(items) - len(kept)
    items[:] = kept
    return removed


def _for_each(items: Any, action: Any) -> None:
    for item in iterate(items):
        action(item)


def _insert_all(items: list[Any], index: int, more: Any) -> None:
    if more is None:
        raise argument_null("collection")
    if not 0 <= index <= len(items):
        raise out_of_range("index")
    items[index:index] = list(iterate(more))


def _searched(*, backwards: bool) -> Callable[[Any, Any], Any]:
    def search(items: Any, test: Any) -> Any:
        if test is None:
            raise argument_null("match")
        for item in reversed(list(items)) if backwards else iterate(items):
            if test(item):
                return item
        return default(items.type.args[0])

    return search


def _sort_as(items: Any, comparison: Any) -> None:
    """What the comparison calls equal must be the same: .NET's sorting keeps no order of equals."""

    def compare(one: Any, two: Any) -> int:
        order: int = comparison(one, two)
        if order == 0 and one != two:
            raise NotImplementedError("sorting of items that are equal for the comparison, and not the same")
        return order

    items[:] = sorted(items, key=cmp_to_key(compare))


_LIST_TYPE = generic("List", T0)
_LIST = Model(
    methods={
        "Add": [Method((T0,), VOID, lambda items, item: items.append(item))],
        "AddRange": [Method((SEQUENCE,), VOID, _add_all)],
        "Insert": [Method((INT, T0), VOID, _insert)],
        "Remove": [Method((T0,), BOOL, _remove)],
        "RemoveAt": [Method((INT,), VOID, _remove_at)],
        "RemoveRange": [Method((INT, INT), VOID, _remove_range)],
        "RemoveAll": [Method((TEST,), INT, _remove_all)],
        "GetRange": [Method((INT, INT), _LIST_TYPE, _get_range)],
        "Clear": [Method((), VOID, lambda items: items.clear())],
        "Contains": [Method((T0,), BOOL, lambda items, item: place(items, item) >= 0)],
        "IndexOf": [Method((T0,), INT, place)],
        "LastIndexOf": [Method((T0,), INT, _last_place)],
        "Reverse": [Method((), VOID, lambda items: items.reverse())],
        "Sort": [Method((), VOID, _sort), Method((COMPARER,), VOID, _sort_by), Method((Type("Func", (T0, T0, INT)),), VOID, _sort_as)],
        "ToArray": [Method((), array(T0), lambda type_, items: bytearray(items) if type_.args[0].name == "byte" else list(items), typed=True)],
        "Find": [Method((TEST,), T0, _searched(backwards=False))],
        "FindLast": [Method((TEST,), T0, _searched(backwards=True))],
        "FindLastIndex": [Method((TEST,), INT, lambda items, test: max((n for n, item in enumerate(items) if test(item)), default=-1))],
        "InsertRange": [Method((INT, SEQUENCE), VOID, _insert_all)],
        "CopyTo": [Method((array(T0),), VOID, lambda items, target: copy_to(items, target, 0)), COPY_TO],
        "FindIndex": [Method((TEST,), INT, lambda items, test: next((n for n, item in enumerate(items) if test(item)), -1))],
        "FindAll": [Method((TEST,), _LIST_TYPE, lambda type_, items, test: List([item for item in items if test(item)], type_), typed=True)],
        "Exists": [Method((TEST,), BOOL, lambda items, test: any(test(item) for item in items))],
        "TrueForAll": [Method((TEST,), BOOL, lambda items, test: all(test(item) for item in items))],
        "ForEach": [Method((Type("Action", (T0,)),), VOID, _for_each)],
    },
    properties=COUNT,
    constructors=[
        Method((), _LIST_TYPE, _new_list, typed=True),
        Method((INT,), _LIST_TYPE, lambda type_, size: List([], type_), typed=True),
        Method((SEQUENCE,), _LIST_TYPE, _list_of, typed=True),
    ],
    indexer=Method((INT,), T0, getter(out_of_range)),
    set_indexer=setter(out_of_range),
)  # fmt: skip

MODELS: dict[str, Model] = {
    "List": _LIST,
    "IList": Model(
        methods={name: _LIST.methods[name] for name in ("Contains", "IndexOf")},
        properties=_LIST.properties,
        indexer=_LIST.indexer,
    ),
    "IReadOnlyList": Model(properties=_LIST.properties, indexer=_LIST.indexer),
}
GENERIC = {"List": 1, "IList": 1, "IReadOnlyList": 1}
NAMES = dict.fromkeys(GENERIC, NAMESPACE)
