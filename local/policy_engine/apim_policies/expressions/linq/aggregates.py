"""Operators that calculate one value: Count, Sum, Average, Max, Min, Aggregate."""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import accumulate
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.dotnet.comparers import sort_key
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    conversion_of,
    holding,
    projected,
    result,
    source_of,
)
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    DECIMAL,
    DOUBLE,
    INT,
    INTEGRAL,
    LONG,
    STRING,
    Type,
)
from apim_policies.expressions.values import decimals
from apim_policies.expressions.values.failing import invalid_operation
from apim_policies.expressions.values.failures import CSharpException


def _count(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    type_ = LONG if node.a.b == "LongCount" else INT
    return result(type_, _counted, source_of(target), holding(binder, node, element))


def _counted(items: Iterable[Any], holds: Callable[[Any], bool] | None) -> int:
    return sum(1 for item in items if holds is None or holds(item))


def _sum(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    type_, items = projected(binder, node, target, element)
    if type_ in (INT, LONG):
        low, high = INTEGRAL[type_]

        def add(items: list[int]) -> int:
            if not all(low <= total <= high for total in accumulate(items)):
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return sum(items)

        return result(type_, add, items)
    if type_ == DOUBLE:
        return result(type_, _added, items)
    if type_ == DECIMAL:
        return result(type_, _added_decimals, items)
    raise binder.not_modelled(node.pos, f"Sum of {type_}")


def _added(items: list[float]) -> float:
    """One after the other: Python's sum is more exact than .NET's."""
    total = 0.0
    for item in items:
        total += item
    return total


def _added_decimals(items: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for item in items:
        total = decimals.add(total, item)
    return total


def _average(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    type_, items = projected(binder, node, target, element)
    if type_ not in (INT, LONG, DOUBLE, DECIMAL):
        raise binder.not_modelled(node.pos, f"Average of {type_}")

    def average(items: list[Any]) -> Any:
        if not items:
            raise invalid_operation("Sequence contains no elements")
        if type_ == DECIMAL:
            return decimals.divide(_added_decimals(items), Decimal(len(items)))
        return (_added(items) if type_ == DOUBLE else float(sum(items))) / len(items)

    return result(DECIMAL if type_ == DECIMAL else DOUBLE, average, items)


def _extreme(choose: Callable[..., Any]) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        type_, items = projected(binder, node, target, element)
        timed = type_.name in {"DateTime", "DateTimeOffset", "TimeSpan"}
        if type_ not in (INT, LONG, DOUBLE, DECIMAL, STRING) and not timed:
            raise binder.not_modelled(node.pos, f"{node.a.b} of {type_}")

        def extreme(items: list[Any]) -> Any:
            if type_ == STRING:
                items = [item for item in items if item is not None]
                return choose(items, key=sort_key(STRING)) if len(items) > 1 else items[0] if items else None
            if not items:
                raise invalid_operation("Sequence contains no elements")
            if any(isinstance(item, float) and (math.isnan(item) or not item) for item in items):
                raise NotImplementedError("the extreme of doubles with NaN or zeros")
            return choose(items)

        return result(type_, extreme, items)

    return bind


def _aggregate(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 1, 2)
    source = source_of(target)
    if len(arguments) == 1:
        type_, function = binder.function(arguments[0], [element, element])
        return result(element, _folded, source, function, conversion_of(binder, node, type_, element))
    seed = binder.rvalue(arguments[0])
    type_, function = binder.function(arguments[1], [seed.type, element])
    turned = conversion_of(binder, node, type_, seed.type)
    return result(seed.type, _folded_from, source, seed.run, function, turned)


def _folded(items: Iterable[Any], function: Callable[[Any, Any], Any], turned: Callable[[Any], Any]) -> Any:
    rest = iter(items)
    for first in rest:
        return _folded_from(rest, first, function, turned)
    raise invalid_operation("Sequence contains no elements")


def _folded_from(
    items: Iterable[Any], total: Any, function: Callable[[Any, Any], Any], turned: Callable[[Any], Any]
) -> Any:
    for item in items:
        total = turned(function(total, item))
    return total


EXTENSIONS: dict[str, Extension] = {
    "Count": _count,
    "LongCount": _count,
    "Sum": _sum,
    "Average": _average,
    "Max": _extreme(max),
    "Min": _extreme(min),
    "Aggregate": _aggregate,
}
