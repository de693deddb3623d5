"""HashSet<T>, and what it is for others."""

from collections.abc import Iterable
from typing import Any

from apim_policies.expressions.dotnet.collections import COUNT, NAMESPACE, SEQUENCE, TEST
from apim_policies.expressions.dotnet.comparers import COMPARER, Comparer
from apim_policies.expressions.dotnet.registry import T0, Method, Model
from apim_policies.expressions.newtonsoft.tokens import JToken
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.types import BOOL, INT, VOID, Type, generic
from apim_policies.expressions.values.containers import HashSet
from apim_policies.expressions.values.failing import argument_null


def _checked(item: Any) -> Any:
    if isinstance(item, JToken | float):
        raise NotImplementedError("a set of such items")
    return item


def _new_set(type_: Type, source: Any = None, comparer: Comparer | None = None) -> HashSet:
    made = HashSet(type_, comparer is not None and comparer.fold)
    for item in [] if source is None else iterate(source):
        made.add(_checked(item))
    return made


def _set_of(type_: Type, source: Any, comparer: Comparer | None = None) -> HashSet:
    if source is None:
        raise argument_null("collection")
    return _new_set(type_, source, comparer)


def _union(items: HashSet, other: Iterable[Any]) -> None:
    for item in iterate(other):
        items.add(_checked(item))


def _members(items: HashSet, other: Iterable[Any]) -> set[Any]:
    return {items.table.compared(_checked(item)) for item in iterate(other)}


def _without(items: HashSet, other: Iterable[Any]) -> None:
    for item in list(iterate(other)):
        items.drop(_checked(item))


def _kept(items: HashSet, compared: set[Any]) -> None:
    for item in items.items_in_order():
        if items.table.compared(item) not in compared:
            items.drop(item)


def _either(items: HashSet, other: Iterable[Any]) -> None:
    for compared, item in {items.table.compared(_checked(item)): item for item in iterate(other)}.items():
        if compared in items:
            items.drop(item)
        else:
            raise NotImplementedError("where HashSet.SymmetricExceptWith puts a new item")


def _remove_where(items: HashSet, test: Any) -> int:
    if test is None:
        raise argument_null("match")
    return sum(items.drop(item) for item in items.items_in_order() if test(item))


def _emptied(items: HashSet) -> None:
    items.clear()
    items.table.reset()
    items.changes += 1


_SET_TYPE = generic("HashSet", T0)
_SET = Model(
    methods={
        "Add": [Method((T0,), BOOL, lambda items, item: items.add(_checked(item)))],
        "Contains": [Method((T0,), BOOL, lambda items, item: items.holds(_checked(item)))],
        "Remove": [Method((T0,), BOOL, lambda items, item: items.drop(_checked(item)))],
        "UnionWith": [Method((SEQUENCE,), VOID, _union)],
        "ExceptWith": [Method((SEQUENCE,), VOID, _without)],
        "IntersectWith": [Method((SEQUENCE,), VOID, lambda items, other: _kept(items, _members(items, other)))],
        "SymmetricExceptWith": [Method((SEQUENCE,), VOID, _either)],
        "RemoveWhere": [Method((TEST,), INT, _remove_where)],
        "Clear": [Method((), VOID, _emptied)],
        "IsProperSubsetOf": [Method((SEQUENCE,), BOOL, lambda items, other: set(items) < _members(items, other))],
        "IsProperSupersetOf": [Method((SEQUENCE,), BOOL, lambda items, other: set(items) > _members(items, other))],
        "SetEquals": [Method((SEQUENCE,), BOOL, lambda items, other: set(items) == _members(items, other))],
        "IsSubsetOf": [Method((SEQUENCE,), BOOL, lambda items, other: set(items) <= _members(items, other))],
        "IsSupersetOf": [Method((SEQUENCE,), BOOL, lambda items, other: set(items) >= _members(items, other))],
        "Overlaps": [Method((SEQUENCE,), BOOL, lambda items, other: bool(set(items) & _members(items, other)))],
    },
    properties=COUNT,
    constructors=[
        Method((), _SET_TYPE, _new_set, typed=True),
        Method((COMPARER,), _SET_TYPE, lambda type_, comparer: _new_set(type_, None, comparer), typed=True),
        Method((SEQUENCE,), _SET_TYPE, _set_of, typed=True),
        Method((SEQUENCE, COMPARER), _SET_TYPE, _set_of, typed=True),
    ],
)  # fmt: skip

_OF_SETS = frozenset(
    {
        "Add", "ExceptWith", "IntersectWith", "IsProperSubsetOf", "IsProperSupersetOf", "IsSubsetOf", "IsSupersetOf", "Overlaps",
        "SetEquals", "SymmetricExceptWith", "UnionWith", "Contains", "Remove", "Clear",
    }
)  # fmt: skip
"""What ISet<T> and its base have of a set."""

MODELS: dict[str, Model] = {
    "HashSet": _SET,
    "ISet": Model(
        methods={name: methods for name, methods in _SET.methods.items() if name in _OF_SETS},
        properties=_SET.properties,
    ),
}
GENERIC = {"HashSet": 1, "ISet": 1}
NAMES = dict.fromkeys(GENERIC, NAMESPACE)
