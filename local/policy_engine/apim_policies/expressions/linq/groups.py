"""Operators that collect by a key: GroupBy and ToDictionary."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Code
from apim_policies.expressions.dotnet.comparers import Comparer
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    check_compared,
    comparer_of,
    result,
    sequence,
    source_of,
)
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    DOUBLE,
    Type,
    generic,
)
from apim_policies.expressions.values.containers import Dictionary
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence


def _to_dictionary(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 1, 3)
    key_type, key = binder.function(arguments[0], [element])
    value_type, value = element, None
    comparer: Code | None = None
    rest = arguments[1:]
    if rest and (rest[0].kind == "lambda" or len(rest) == 2):
        value_type, value = binder.function(rest[0], [element])
        rest = rest[1:]
    if rest:
        comparer = comparer_of(binder, node, rest[0], key_type)
    if key_type == DOUBLE or key_type.name.startswith("J"):
        raise binder.not_modelled(node.pos, f"ToDictionary by {key_type}")
    type_ = generic("Dictionary", key_type, value_type)

    def collect(
        items: Iterable[Any], key: Callable[[Any], Any], value: Callable[[Any], Any] | None, given: Comparer | None
    ) -> Dictionary:
        made = Dictionary(type_, given is not None and given.fold)
        for item in items:
            name = key(item)
            if name is None:
                raise argument_null("key")
            if made.compared(name) in made:
                raise CSharpException(
                    "System.ArgumentException", f"An item with the same key has already been added. Key: {name}"
                )
            made.put(name, item if value is None else value(item))
        return made

    return result(type_, collect, source_of(target), key, value, comparer)


class _Grouping(Sequence):
    __slots__ = ("key",)

    def __init__(self, key: Any, items: list[Any], element: Type) -> None:
        super().__init__(lambda: items, element)
        self.key = key


def _group_by(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 1, 2)
    key_type, key = binder.lazy_function(arguments[0], [element])
    value_type, value = element, None
    if len(arguments) == 2:
        if arguments[1].kind != "lambda" or len(arguments[1].a) != 1:
            raise binder.not_modelled(node.pos, "this form of GroupBy")
        value_type, value = binder.lazy_function(arguments[1], [element])
    check_compared(binder, node, key_type, True)

    def each(
        items: Iterable[Any], key: Callable[[Any], Any], value: Callable[[Any], Any] | None
    ) -> Callable[[], Iterable[Any]]:
        def groups() -> Iterator[Any]:
            found: dict[Any, list[Any]] = {}
            for item in items:
                found.setdefault(key(item), []).append(item if value is None else value(item))
            return (_Grouping(name, members, value_type) for name, members in found.items())

        return groups

    return sequence(Type("IGrouping", (value_type, key_type)), each, source_of(target), key, value)


EXTENSIONS: dict[str, Extension] = {"ToDictionary": _to_dictionary, "GroupBy": _group_by}
