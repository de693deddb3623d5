"""Dictionary<TKey, TValue>, what it is for others, and its pairs."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.collections import COUNT, NAMESPACE
from apim_policies.expressions.dotnet.comparers import COMPARER, Comparer
from apim_policies.expressions.dotnet.registry import T0, T1, Method, Model, Property, out
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.types import BOOL, INT, VOID, Type, generic
from apim_policies.expressions.values.containers import Dictionary
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence


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
    **COUNT,
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

MODELS: dict[str, Model] = {
    "Dictionary": _DICTIONARY,
    "IDictionary": Model(
        methods={**_READ, **_WRITE}, properties=_READ_PROPERTIES, indexer=Method((T0,), T1, _lookup), set_indexer=_put
    ),
    "IReadOnlyDictionary": _READ_ONLY,
    "KeyValuePair": Model(
        properties={"Key": Property(T0, lambda pair: pair[0]), "Value": Property(T1, lambda pair: pair[1])},
        constructors=[Method((T0, T1), _PAIRS, lambda key, value: (key, value))],
    ),
}
GENERIC = {"Dictionary": 2, "IDictionary": 2, "IReadOnlyDictionary": 2, "KeyValuePair": 2}
NAMES = dict.fromkeys(GENERIC, NAMESPACE)
