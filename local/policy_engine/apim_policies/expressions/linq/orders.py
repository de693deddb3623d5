"""Operators that sort: OrderBy, ThenBy, Reverse."""

from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.dotnet.comparers import Comparer, sort_key
from apim_policies.expressions.linq.operator import Extension, arguments_of, comparer_of, result, sequence, source_of
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    Type,
    generic,
)
from apim_policies.expressions.values.sequences import Sequence


class Ordered(Sequence):
    """A sorted sequence, which ThenBy sorts further."""

    __slots__ = ("items", "keys")

    def __init__(self, items: Iterable[Any], keys: list[tuple[Callable[[Any], Any], bool]], element: Type) -> None:
        super().__init__(self.sorted, element)
        self.items, self.keys = items, keys

    def sorted(self) -> list[Any]:
        result = list(self.items)
        if len(result) > 1:
            for key, descending in reversed(self.keys):
                result.sort(key=key, reverse=descending)
        return result


def _ordering(*, descending: bool, further: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        arguments = arguments_of(binder, node, 1, 2)
        if further and target.type.name != "IOrderedEnumerable":
            raise binder.error(node.pos, f"'{target.type}' has no '{node.a.b}'", "CS1061")
        type_, function = binder.lazy_function(arguments[0], [element])
        comparer = comparer_of(binder, node, arguments[1], type_) if len(arguments) == 2 else None
        try:
            by_default = sort_key(type_)
        except NotImplementedError as error:
            raise binder.not_modelled(node.pos, str(error)) from None

        def order(items: Any, key: Callable[[Any], Any], given: Comparer | None) -> Ordered:
            compared = by_default if given is None else _by(given)
            keys = [((lambda item: compared(key(item))), descending)]
            if further:
                return Ordered(items.items, [*items.keys, *keys], element)
            return Ordered(items, keys, element)

        source = target.run if further else source_of(target)
        return result(generic("IOrderedEnumerable", element), order, source, function, comparer)

    return bind


def _by(comparer: Comparer) -> Callable[[Any], Any]:
    return cmp_to_key(comparer.compare)


def _reverse(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments_of(binder, node, 0, 0)
    return sequence(element, lambda items: lambda: reversed(list(items)), source_of(target))


EXTENSIONS: dict[str, Extension] = {
    "OrderBy": _ordering(descending=False, further=False),
    "OrderByDescending": _ordering(descending=True, further=False),
    "ThenBy": _ordering(descending=False, further=True),
    "ThenByDescending": _ordering(descending=True, further=True),
    "Reverse": _reverse,
}
