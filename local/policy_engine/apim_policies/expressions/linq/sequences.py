"""Operators that make another kind of sequence, or add to one: ToArray, ToList, Append, DefaultIfEmpty."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Constant
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    converted,
    empty_of,
    result,
    sequence,
    source_of,
)
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BYTE,
    Type,
    array,
    generic,
)
from apim_policies.expressions.values.containers import Array, List


def _to_array(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    type_ = array(element)
    return result(type_, bytearray if element == BYTE else lambda items: Array(items, type_), source_of(target))


def _to_list(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    type_ = generic("List", element)
    return result(type_, lambda items: List(items, type_), source_of(target))


def _adding(*, front: bool) -> Extension:
    """Append and Prepend."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        item = converted(binder, node, arguments_of(binder, node, 1, 1)[0], element)
        return sequence(element, _put_first if front else _put_last, source_of(target), item)

    return bind


def _put_first(items: Iterable[Any], item: Any) -> Callable[[], Iterable[Any]]:
    return lambda: chain([item], items)


def _put_last(items: Iterable[Any], item: Any) -> Callable[[], Iterable[Any]]:
    return lambda: chain(items, [item])


def _default_if_empty(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 0, 1)
    empty = None if arguments else Constant(empty_of(binder, node, element))
    other = converted(binder, node, arguments[0], element) if arguments else empty
    return sequence(element, _or_one, source_of(target), other)


def _or_one(items: Iterable[Any], instead: Any) -> Callable[[], Iterable[Any]]:
    def each() -> Iterator[Any]:
        some = False
        for item in items:
            some = True
            yield item
        if not some:
            yield instead

    return each


def _as_enumerable(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    return Value(generic("IEnumerable", element), target.run)


EXTENSIONS: dict[str, Extension] = {
    "ToArray": _to_array,
    "ToList": _to_list,
    "Append": _adding(front=False),
    "Prepend": _adding(front=True),
    "DefaultIfEmpty": _default_if_empty,
    "AsEnumerable": _as_enumerable,
}
