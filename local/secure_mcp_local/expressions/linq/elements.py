"""Operators that give one item: First, Last, Single, ElementAt."""

from itertools import islice
from typing import Any

from secure_mcp_local.expressions.binding.lambdas import Lambdas
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.failing import invalid_operation, out_of_range
from secure_mcp_local.expressions.linq.operator import Extension, arguments_of, converted, empty_of, holding, source_of
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
    INT,
    Type,
)


def _first(*, or_default: bool, last: bool = False) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        holds, filtered = holding(binder, node, element)
        source = source_of(target)
        empty = empty_of(binder, node, element) if or_default else None

        def run(env: list[Any]) -> Any:
            found: list[Any] = []
            for item in source(env):
                if holds(env, item):
                    found = [item]
                    if not last:
                        break
            if found:
                return found[0]
            if or_default:
                return empty
            raise invalid_operation(
                "Sequence contains no matching element" if filtered else "Sequence contains no elements"
            )

        return Value(element, run)

    return bind


def _single(*, or_default: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        holds, filtered = holding(binder, node, element)
        source = source_of(target)
        empty = empty_of(binder, node, element) if or_default else None

        def run(env: list[Any]) -> Any:
            found = [item for item in source(env) if holds(env, item)]
            if len(found) == 1:
                return found[0]
            if not found and or_default:
                return empty
            many = "more than one" if found else "no"
            what = "matching element" if filtered else "element" if found else "elements"
            raise invalid_operation(f"Sequence contains {many} {what}")

        return Value(element, run)

    return bind


def _element_at(*, or_default: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        index = converted(binder, node, arguments_of(binder, node, 1, 1)[0], INT)
        source = source_of(target)
        empty = empty_of(binder, node, element) if or_default else None

        def run(env: list[Any]) -> Any:
            items, at = source(env), index(env)
            found = list(islice(items, at, at + 1)) if at >= 0 else []
            if found:
                return found[0]
            if or_default:
                return empty
            raise out_of_range("index")

        return Value(element, run)

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
