"""Arrays and namespace System.Collections.Generic."""

from typing import Any

from secure_mcp_local.expressions.dotnet.cryptography import ARRAY_METHODS
from secure_mcp_local.expressions.dotnet.registry import T0, T1, Method, Model, Property
from secure_mcp_local.expressions.failing import argument_null, out_of_range
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.types import BOOL, INT, VOID, Type, generic


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


def _lookup(items: dict[Any, Any], key: Any) -> Any:
    if key is None:
        raise argument_null("key")
    if key not in items:
        raise CSharpException(
            "System.Collections.Generic.KeyNotFoundException",
            f"The given key '{key}' was not present in the dictionary.",
        )
    return items[key]


def _dictionary() -> Model:
    return Model(
        methods={"ContainsKey": [Method((T0,), BOOL, lambda items, key: key in items)]},
        properties={
            "Count": Property(INT, len),
            "Keys": Property(generic("IEnumerable", T0), list),
            "Values": Property(generic("IEnumerable", T1), lambda items: list(items.values())),
        },
        indexer=Method((T0,), T1, _lookup),
    )


_LIST = Model(
    methods={
        "Add": [Method((T0,), VOID, lambda items, item: items.append(item))],
        "Reverse": [Method((), VOID, lambda items: items.reverse())],
    },
    properties={"Count": Property(INT, len)},
    constructors=[Method((), Type("List", (T0,)), list)],
    indexer=Method((INT,), T0, _list_item),
)

MODELS: dict[str, Model] = {
    "[]": Model(
        methods=ARRAY_METHODS,
        properties={"Length": Property(INT, len)},
        indexer=Method((INT,), T0, _element),
        set_indexer=_set_element,
    ),
    "List": _LIST,
    "IList": Model(properties=_LIST.properties, indexer=_LIST.indexer),
    "IDictionary": _dictionary(),
    "IReadOnlyDictionary": _dictionary(),
    "KeyValuePair": Model(
        properties={"Key": Property(T0, lambda pair: pair[0]), "Value": Property(T1, lambda pair: pair[1])}
    ),
}
NAMES = {
    name: "System.Collections.Generic"
    for name in ("List", "IList", "IDictionary", "IReadOnlyDictionary", "KeyValuePair", "IEnumerable")
}
