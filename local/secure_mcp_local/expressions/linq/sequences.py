"""Operators that make another kind of sequence, or add to one: ToArray, ToList, Append, DefaultIfEmpty."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from secure_mcp_local.expressions.binding.lambdas import Lambdas
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.containers import Array, List
from secure_mcp_local.expressions.linq.operator import Extension, arguments_of, converted, empty_of, sequence, source_of
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
    BYTE,
    Type,
    array,
    generic,
)


def _to_array(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    source, type_ = source_of(target), array(element)
    if element == BYTE:
        return Value(type_, lambda env: bytearray(source(env)))
    return Value(type_, lambda env: Array(source(env), type_))


def _to_list(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    source, type_ = source_of(target), generic("List", element)
    return Value(type_, lambda env: List(source(env), type_))


def _adding(*, front: bool) -> Extension:
    """Append and Prepend."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        item = converted(binder, node, arguments_of(binder, node, 1, 1)[0], element)
        source = source_of(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, more = source(env), item(env)
            return lambda: chain([more], items) if front else chain(items, [more])

        return sequence(element, run)

    return bind


def _default_if_empty(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 0, 1)
    empty = empty_of(binder, node, element) if not arguments else None
    other = converted(binder, node, arguments[0], element) if arguments else (lambda env: empty)
    source = source_of(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items, instead = source(env), other(env)

        def each() -> Iterator[Any]:
            some = False
            for item in items:
                some = True
                yield item
            if not some:
                yield instead

        return each

    return sequence(element, run)


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
