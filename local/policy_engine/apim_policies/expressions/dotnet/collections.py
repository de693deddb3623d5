"""Arrays and namespace System.Collections.Generic."""

from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Any

from apim_policies.expressions.dotnet.comparers import COMPARER, Comparer, sort_key
from apim_policies.expressions.dotnet.cryptography import ARRAY_METHODS
from apim_policies.expressions.dotnet.registry import T0, T1, Method, Model, Property, out
from apim_policies.expressions.newtonsoft.tokens import JToken
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.types import BOOL, INT, LONG, VOID, Type, array, generic
from apim_policies.expressions.values.containers import Dictionary, HashSet, List, Queue
from apim_policies.expressions.values.failing import argument_null, invalid_operation, out_of_range
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence


def _element(items: Any, index: int) -> Any:
    if not 0 <= index < len(items):
        raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return items[index]


def _set_element(items: Any, index: int, value: Any) -> None:
    if not 0 <= index < len(items):
        raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
    items[index] = value


def _list_item(items: list[Any], index: int) -> Any:
    if not 0 <= index < len(items):
        raise out_of_range("index")
    return items[index]


def _set_item(items: list[Any], index: int, value: Any) -> None:
    if not 0 <= index < len(items):
        raise out_of_range("index")
    items[index] = value


# -- dictionaries
def _keyed(items: Any, key: Any) -> Any:
    """What a key is compared by."""
    if key is None:
        raise argument_null("key")
    if isinstance(key, float):
        raise NotImplementedError("a dictionary with keys of double")
    return items.compared(key) if isinstance(items, Dictionary) else key


def missing_key(key: Any) -> CSharpException:
    return CSharpException(
        "System.Collections.Generic.KeyNotFoundException",
        f"The given key '{text_of(key)}' was not present in the dictionary.",
    )


def _lookup(items: dict[Any, Any], key: Any) -> Any:
    compared = _keyed(items, key)
    if compared not in items:
        raise missing_key(key)
    return items[compared]


def _try_lookup(empty: Any) -> Callable[[dict[Any, Any], Any], tuple[bool, Any]]:
    def look(items: dict[Any, Any], key: Any) -> tuple[bool, Any]:
        compared = _keyed(items, key)
        return (True, items[compared]) if compared in items else (False, empty)

    return look


def _put(items: Dictionary, key: Any, value: Any) -> None:
    _keyed(items, key)
    items.put(key, value)


def _add_pair(items: Dictionary, key: Any, value: Any) -> None:
    if _keyed(items, key) in items:
        raise CSharpException(
            "System.ArgumentException", f"An item with the same key has already been added. Key: {text_of(key)}"
        )
    items.put(key, value)


def _drop(items: Dictionary, key: Any) -> bool:
    _keyed(items, key)
    return items.drop(key)


def _taken(items: Dictionary, key: Any) -> tuple[bool, Any]:
    compared = _keyed(items, key)
    value = items.get(compared)
    return items.drop(key), value


def _keys(items: Any) -> Any:
    """The keys, as they are when they are enumerated."""
    type_ = items.type if isinstance(items, Dictionary) else None
    shown = Type("KeyCollection", type_.args) if type_ is not None else None
    return Sequence(lambda: (key for key, _ in iterate(items)), type_.args[0] if type_ else None, shown)


def _values(items: Any) -> Any:
    type_ = items.type if isinstance(items, Dictionary) else None
    shown = Type("ValueCollection", type_.args) if type_ is not None else None
    return Sequence(lambda: (value for _, value in iterate(items)), type_.args[1] if type_ else None, shown)


def _new_dictionary(type_: Type, source: Any = None, comparer: Comparer | None = None) -> Dictionary:
    made = Dictionary(type_, comparer is not None and comparer.fold)
    if source is not None:
        for key, value in iterate(source):
            _add_pair(made, key, value)
    return made


def _copied(type_: Type, source: Any, comparer: Comparer | None = None) -> Dictionary:
    if source is None:
        raise argument_null("dictionary")
    return _new_dictionary(type_, source, comparer)


_PAIRS = generic("KeyValuePair", T0, T1)
_READ = {
    "ContainsKey": [Method((T0,), BOOL, lambda items, key: _keyed(items, key) in items)],
    "TryGetValue": [Method((T0, out(T1)), BOOL, _try_lookup(None))],
}
_READ_PROPERTIES = {
    "Count": Property(INT, len),
    "Keys": Property(generic("ICollection", T0), _keys),
    "Values": Property(generic("ICollection", T1), _values),
}
_WRITE = {
    "Add": [Method((T0, T1), VOID, _add_pair)],
    "Remove": [Method((T0,), BOOL, _drop)],
    "Clear": [Method((), VOID, Dictionary.empty)],
}
_DICTIONARY_TYPE = generic("Dictionary", T0, T1)
_DICTIONARY = Model(
    methods={
        **_READ,
        **_WRITE,
        "ContainsValue": [Method((T1,), BOOL, lambda items, value: any(value == item for item in items.values()))],
        "Remove": [*_WRITE["Remove"], Method((T0, out(T1)), BOOL, _taken)],
        "TryAdd": [Method((T0, T1), BOOL, lambda items, key, value: _keyed(items, key) not in items and (items.put(key, value) or True))],
    },
    properties=_READ_PROPERTIES,
    constructors=[
        Method((), _DICTIONARY_TYPE, _new_dictionary, typed=True),
        Method((INT,), _DICTIONARY_TYPE, lambda type_, size: Dictionary(type_), typed=True),
        Method((COMPARER,), _DICTIONARY_TYPE, lambda type_, comparer: _new_dictionary(type_, None, comparer), typed=True),
        Method((generic("IDictionary", T0, T1),), _DICTIONARY_TYPE, _copied, typed=True),
        Method((generic("IDictionary", T0, T1), COMPARER), _DICTIONARY_TYPE, _copied, typed=True),
        Method((generic("IEnumerable", _PAIRS),), _DICTIONARY_TYPE, _copied, typed=True),
        Method((generic("IEnumerable", _PAIRS), COMPARER), _DICTIONARY_TYPE, _copied, typed=True),
        Method((INT, COMPARER), _DICTIONARY_TYPE, lambda type_, size, comparer: _new_dictionary(type_, None, comparer), typed=True),
    ],
    indexer=Method((T0,), T1, _lookup),
    set_indexer=_put,
)  # fmt: skip
_READ_ONLY = Model(methods=_READ, properties=_READ_PROPERTIES, indexer=Method((T0,), T1, _lookup))


# -- lists
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


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, JToken) or isinstance(two, JToken):
        raise NotImplementedError("the equality of JSON tokens in a list")
    return one.__class__ is two.__class__ and (one == two)


def _place(items: list[Any], item: Any) -> int:
    return next((n for n, each in enumerate(items) if _same(each, item)), -1)


def _last_place(items: list[Any], item: Any) -> int:
    return next((n for n in reversed(range(len(items))) if _same(items[n], item)), -1)


def _remove(items: list[Any], item: Any) -> bool:
    at = _place(items, item)
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


def _copy_to(source: Any, target: Any, at: int) -> None:
    if target is None:
        raise argument_null("array")
    items = list(iterate(source))
    if at < 0:
        raise out_of_range("arrayIndex")
    if at + len(items) > len(target):
        raise CSharpException("System.ArgumentException", "Destination array was not long enough.")
    target[at : at + len(items)] = items


def _of_first(items: Any, dimension: int) -> Any:
    if dimension != 0:
        raise CSharpException("System.IndexOutOfRangeException", "Array does not have that many dimensions.")
    return items


_COPY_TO = Method((array(T0), INT), VOID, _copy_to)
_TEST = Type("Func", (T0, BOOL))
_LIST_TYPE = generic("List", T0)
_LIST = Model(
    methods={
        "Add": [Method((T0,), VOID, lambda items, item: items.append(item))],
        "AddRange": [Method((generic("IEnumerable", T0),), VOID, _add_all)],
        "Insert": [Method((INT, T0), VOID, _insert)],
        "Remove": [Method((T0,), BOOL, _remove)],
        "RemoveAt": [Method((INT,), VOID, _remove_at)],
        "RemoveRange": [Method((INT, INT), VOID, _remove_range)],
        "RemoveAll": [Method((_TEST,), INT, _remove_all)],
        "GetRange": [Method((INT, INT), _LIST_TYPE, _get_range)],
        "Clear": [Method((), VOID, lambda items: items.clear())],
        "Contains": [Method((T0,), BOOL, lambda items, item: _place(items, item) >= 0)],
        "IndexOf": [Method((T0,), INT, _place)],
        "LastIndexOf": [Method((T0,), INT, _last_place)],
        "Reverse": [Method((), VOID, lambda items: items.reverse())],
        "Sort": [Method((), VOID, _sort), Method((COMPARER,), VOID, _sort_by), Method((Type("Func", (T0, T0, INT)),), VOID, _sort_as)],
        "ToArray": [Method((), array(T0), lambda type_, items: bytearray(items) if type_.args[0].name == "byte" else list(items), typed=True)],
        "Find": [Method((_TEST,), T0, _searched(backwards=False))],
        "FindLast": [Method((_TEST,), T0, _searched(backwards=True))],
        "FindLastIndex": [Method((_TEST,), INT, lambda items, test: max((n for n, item in enumerate(items) if test(item)), default=-1))],
        "InsertRange": [Method((INT, generic("IEnumerable", T0)), VOID, _insert_all)],
        "CopyTo": [Method((array(T0),), VOID, lambda items, target: _copy_to(items, target, 0)), _COPY_TO],
        "FindIndex": [Method((_TEST,), INT, lambda items, test: next((n for n, item in enumerate(items) if test(item)), -1))],
        "FindAll": [Method((_TEST,), _LIST_TYPE, lambda type_, items, test: List([item for item in items if test(item)], type_), typed=True)],
        "Exists": [Method((_TEST,), BOOL, lambda items, test: any(test(item) for item in items))],
        "TrueForAll": [Method((_TEST,), BOOL, lambda items, test: all(test(item) for item in items))],
        "ForEach": [Method((Type("Action", (T0,)),), VOID, _for_each)],
    },
    properties={"Count": Property(INT, len)},
    constructors=[
        Method((), _LIST_TYPE, _new_list, typed=True),
        Method((INT,), _LIST_TYPE, lambda type_, size: List([], type_), typed=True),
        Method((generic("IEnumerable", T0),), _LIST_TYPE, _list_of, typed=True),
    ],
    indexer=Method((INT,), T0, _list_item),
    set_indexer=_set_item,
)  # fmt: skip


# -- sets, queues and stacks
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
_SEQUENCE = generic("IEnumerable", T0)
_SET = Model(
    methods={
        "Add": [Method((T0,), BOOL, lambda items, item: items.add(_checked(item)))],
        "Contains": [Method((T0,), BOOL, lambda items, item: items.holds(_checked(item)))],
        "Remove": [Method((T0,), BOOL, lambda items, item: items.drop(_checked(item)))],
        "UnionWith": [Method((_SEQUENCE,), VOID, _union)],
        "ExceptWith": [Method((_SEQUENCE,), VOID, _without)],
        "IntersectWith": [Method((_SEQUENCE,), VOID, lambda items, other: _kept(items, _members(items, other)))],
        "SymmetricExceptWith": [Method((_SEQUENCE,), VOID, _either)],
        "RemoveWhere": [Method((_TEST,), INT, _remove_where)],
        "Clear": [Method((), VOID, _emptied)],
        "IsProperSubsetOf": [Method((_SEQUENCE,), BOOL, lambda items, other: set(items) < _members(items, other))],
        "IsProperSupersetOf": [Method((_SEQUENCE,), BOOL, lambda items, other: set(items) > _members(items, other))],
        "SetEquals": [Method((_SEQUENCE,), BOOL, lambda items, other: set(items) == _members(items, other))],
        "IsSubsetOf": [Method((_SEQUENCE,), BOOL, lambda items, other: set(items) <= _members(items, other))],
        "IsSupersetOf": [Method((_SEQUENCE,), BOOL, lambda items, other: set(items) >= _members(items, other))],
        "Overlaps": [Method((_SEQUENCE,), BOOL, lambda items, other: bool(set(items) & _members(items, other)))],
    },
    properties={"Count": Property(INT, len)},
    constructors=[
        Method((), _SET_TYPE, _new_set, typed=True),
        Method((COMPARER,), _SET_TYPE, lambda type_, comparer: _new_set(type_, None, comparer), typed=True),
        Method((_SEQUENCE,), _SET_TYPE, _set_of, typed=True),
        Method((_SEQUENCE, COMPARER), _SET_TYPE, _set_of, typed=True),
    ],
)  # fmt: skip


def _first(kind: str, *, take: bool) -> Callable[[Queue], Any]:
    def read(items: Queue) -> Any:
        if not items:
            raise invalid_operation(f"{kind} empty.")
        return items.pop(0) if take else items[0]

    return read


def _roomy(build: Callable[[Type], Queue]) -> Callable[[Type, int], Queue]:
    def made(type_: Type, capacity: int) -> Queue:
        if capacity < 0:
            raise out_of_range("capacity")
        return build(type_)

    return made


def _tried(*, take: bool) -> Callable[[Queue], tuple[bool, Any]]:
    def read(items: Queue) -> tuple[bool, Any]:
        if not items:
            return False, None
        return True, items.pop(0) if take else items[0]

    return read


def _line(name: str, add: str, take: str, put: Callable[[Queue, Any], None], *, backwards: bool) -> Model:
    type_ = generic(name, T0)

    def build(made: Type, source: Any = ()) -> Queue:
        if source is None:
            raise argument_null("collection")
        items = list(iterate(source))
        return Queue(items[::-1] if backwards else items, made)

    return Model(
        methods={
            add: [Method((T0,), VOID, put)],
            take: [Method((), T0, _first(name, take=True))],
            "Peek": [Method((), T0, _first(name, take=False))],
            f"Try{take}": [Method((out(T0),), BOOL, _tried(take=True))],
            "TryPeek": [Method((out(T0),), BOOL, _tried(take=False))],
            "CopyTo": [_COPY_TO],
            "Contains": [Method((T0,), BOOL, lambda items, item: _place(items, item) >= 0)],
            "Clear": [Method((), VOID, lambda items: items.clear())],
            "ToArray": [Method((), array(T0), list)],
        },
        properties={"Count": Property(INT, len)},
        constructors=[
            Method((), type_, build, typed=True),
            Method((INT,), type_, _roomy(build), typed=True),
            Method((_SEQUENCE,), type_, build, typed=True),
        ],
    )


_ARRAY = Model(
    methods={
        "CopyTo": [_COPY_TO],
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
    indexer=Method((INT,), T0, _element),
    set_indexer=_set_element,
)
_COUNTED = Model(properties={"Count": Property(INT, len)})

_OF_SETS = frozenset(
    {
        "Add", "ExceptWith", "IntersectWith", "IsProperSubsetOf", "IsProperSupersetOf", "IsSubsetOf", "IsSupersetOf", "Overlaps",
        "SetEquals", "SymmetricExceptWith", "UnionWith", "Contains", "Remove", "Clear",
    }
)  # fmt: skip
"""What ISet<T> and its base have of a set."""

MODELS: dict[str, Model] = {
    "[]": _ARRAY,
    "byte[]": Model(methods=ARRAY_METHODS),
    "List": _LIST,
    "IList": Model(
        methods={name: _LIST.methods[name] for name in ("Contains", "IndexOf")},
        properties=_LIST.properties,
        indexer=_LIST.indexer,
    ),
    "ICollection": Model(properties={"Count": Property(INT, lambda items: sum(1 for _ in iterate(items)))}),
    "IReadOnlyList": Model(properties=_LIST.properties, indexer=_LIST.indexer),
    "IReadOnlyCollection": _COUNTED,
    "Dictionary": _DICTIONARY,
    "IDictionary": Model(
        methods={**_READ, **_WRITE}, properties=_READ_PROPERTIES, indexer=Method((T0,), T1, _lookup), set_indexer=_put
    ),
    "IReadOnlyDictionary": _READ_ONLY,
    "HashSet": _SET,
    "ISet": Model(
        methods={name: methods for name, methods in _SET.methods.items() if name in _OF_SETS},
        properties=_SET.properties,
    ),
    "Queue": _line("Queue", "Enqueue", "Dequeue", lambda items, item: items.append(item), backwards=False),
    "Stack": _line("Stack", "Push", "Pop", lambda items, item: items.insert(0, item), backwards=True),
    "KeyValuePair": Model(
        properties={"Key": Property(T0, lambda pair: pair[0]), "Value": Property(T1, lambda pair: pair[1])},
        constructors=[Method((T0, T1), _PAIRS, lambda key, value: (key, value))],
    ),
}
NAMES = {
    name: "System.Collections.Generic"
    for name in (
        "List", "IList", "ICollection", "IReadOnlyList", "IReadOnlyCollection", "IDictionary", "IReadOnlyDictionary",
        "Dictionary", "HashSet", "ISet", "Queue", "Stack", "KeyValuePair", "IEnumerable",
    )
}  # fmt: skip
GENERIC = dict.fromkeys(NAMES, 1) | dict.fromkeys(
    ("Dictionary", "IDictionary", "IReadOnlyDictionary", "KeyValuePair"), 2
)
"""How many type arguments each takes."""
