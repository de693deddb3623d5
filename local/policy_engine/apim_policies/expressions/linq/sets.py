"""Operators that compare items: Union, Intersect, Except, Distinct, Contains, SequenceEqual, and Concat."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.dotnet.comparers import Comparer
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    check_compared,
    comparer_of,
    converted,
    result,
    sequence,
    source_of,
)
from apim_policies.expressions.newtonsoft.tokens import JToken
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    DOUBLE,
    OBJECT,
    Type,
    generic,
)
from apim_policies.expressions.values.containers import folded
from apim_policies.expressions.values.failing import argument_null


def _combining(combine: Callable[[Iterable[Any], Iterable[Any]], Iterable[Any]], *, by_value: bool = True) -> Extension:
    """Concat, Union, Intersect, Except."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        arguments = arguments_of(binder, node, 1, 2 if by_value else 1)
        if len(arguments) == 2:
            raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with a comparer")
        check_compared(binder, node, element, by_value)
        second = converted(binder, node, arguments[0], generic("IEnumerable", element))

        def each(items: Iterable[Any], more: Any) -> Callable[[], Iterable[Any]]:
            if more is None:
                raise argument_null("second")
            others = iterate(more)
            return partial(combine, items, others)

        return sequence(element, each, source_of(target), second)

    return bind


def _union(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    return dict.fromkeys(chain(one, two))


def _intersect(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    others = set(two)
    return [item for item in dict.fromkeys(one) if item in others]


def _except(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    others = set(two)
    return [item for item in dict.fromkeys(one) if item not in others]


def _distinct(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 0, 1)
    check_compared(binder, node, element, True)
    comparer = comparer_of(binder, node, arguments[0], element) if arguments else None
    return sequence(element, _once, source_of(target), comparer)


def _once(items: Iterable[Any], given: Comparer | None) -> Callable[[], Iterable[Any]]:
    if given is not None and given.fold:
        return lambda: list({item if item is None else folded(item): item for item in reversed(list(items))}.values())[
            ::-1
        ]
    return lambda: dict.fromkeys(items)


def _contains(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 1, 2)
    wanted = converted(binder, node, arguments[0], element)
    if element in (OBJECT, DOUBLE):
        raise binder.not_modelled(node.pos, f"Contains of {element}")
    comparer = comparer_of(binder, node, arguments[1], element) if len(arguments) == 2 else None
    return result(BOOL, _holds, source_of(target), wanted, comparer)


def _holds(items: Iterable[Any], item: Any, given: Comparer | None) -> bool:
    if given is not None:
        return any(given.same(candidate, item) for candidate in items)
    if isinstance(item, JToken):
        return any(candidate is item for candidate in items)
    return any(candidate == item for candidate in items)


def _sequence_equal(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    check_compared(binder, node, element, True)
    second = converted(binder, node, arguments_of(binder, node, 1, 1)[0], generic("IEnumerable", element))
    return result(BOOL, _alike, source_of(target), second)


def _alike(items: Iterable[Any], others: Any) -> bool:
    if others is None:
        raise argument_null("second")
    return list(items) == list(iterate(others))


EXTENSIONS: dict[str, Extension] = {
    "Concat": _combining(chain, by_value=False),
    "Union": _combining(_union),
    "Intersect": _combining(_intersect),
    "Except": _combining(_except),
    "Distinct": _distinct,
    "Contains": _contains,
    "SequenceEqual": _sequence_equal,
}
