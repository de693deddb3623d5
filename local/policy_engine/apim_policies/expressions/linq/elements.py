"""Operators that give one item: First, Last, Single, ElementAt."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    converted,
    empty_of,
    holding,
    result,
    source_of,
)
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    INT,
    Type,
)
from apim_policies.expressions.values.failing import invalid_operation, out_of_range


def _first(*, or_default: bool, last: bool = False) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        holds = holding(binder, node, element)
        empty = empty_of(binder, node, element) if or_default else None

        def choose(items: Iterable[Any], test: Callable[[Any], bool] | None) -> Any:
            found: list[Any] = []
            for item in items:
                if test is None or test(item):
                    found = [item]
                    if not last:
                        break
            if found:
                return found[0]
            if or_default:
                return empty
            raise invalid_operation(
                "Sequence contains no elements" if test is None else "Sequence contains no matching element"
            )

        return result(element, choose, source_of(target), holds)

    return bind


def _single(*, or_default: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        holds = holding(binder, node, element)
        empty = empty_of(binder, node, element) if or_default else None

        def choose(items: Iterable[Any], test: Callable[[Any], bool] | None) -> Any:
            found = [item for item in items if test is None or test(item)]
            if len(found) == 1:
                return found[0]
            if not found and or_default:
                return empty
            many = "more than one" if found else "no"
            what = "matching element" if test is not None else "element" if found else "elements"
            raise invalid_operation(f"Sequence contains {many} {what}")

        return result(element, choose, source_of(target), holds)

    return bind


def _element_at(*, or_default: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        index = converted(binder, node, arguments_of(binder, node, 1, 1)[0], INT)
        empty = empty_of(binder, node, element) if or_default else None

        def choose(items: Iterable[Any], at: int) -> Any:
            found = list(islice(items, at, at + 1)) if at >= 0 else []
            if found:
                return found[0]
            if or_default:
                return empty
            raise out_of_range("index")

        return result(element, choose, source_of(target), index)

    return bind


EXTENSIONS: dict[str, Extension] = {
    "First": _first(or_default=False),
    "FirstOrDefault": _first(or_default=True),
    "Last": _first(or_default=False, last=True),
    "LastOrDefault": _first(or_default=True, last=True),
    "Single": _single(or_default=False),
    "SingleOrDefault": _single(or_default=True),
    "ElementAt": _element_at(or_default=False),
    "ElementAtOrDefault": _element_at(or_default=True),
}
