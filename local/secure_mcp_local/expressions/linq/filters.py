"""Operators that choose items: Where, Take, Skip, OfType and their like, Any and All."""

from collections.abc import Callable, Iterable
from itertools import dropwhile, islice, takewhile
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.binding.lambdas import Lambdas
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.failing import invalid_cast
from secure_mcp_local.expressions.linq.operator import (
    Extension,
    arguments_of,
    converted,
    holding,
    parameters_of,
    predicate,
    sequence,
    source_of,
)
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
    BOOL,
    INT,
    UNTYPED,
    Type,
    is_reference,
)


def _any(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    holds, _ = holding(binder, node, element)
    source = source_of(target)
    return Value(BOOL, lambda env: any(holds(env, item) for item in source(env)))


def _all(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    holds = predicate(binder, node, arguments_of(binder, node, 1, 1)[0], element)
    source = source_of(target)
    return Value(BOOL, lambda env: all(holds(env, item) for item in source(env)))


def _filtering(
    choose: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]], *, counted: bool = False
) -> Extension:
    """Where, TakeWhile and SkipWhile."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        argument = arguments_of(binder, node, 1, 1)[0]
        parameters = parameters_of(binder, node, argument, element)
        if len(parameters) == 2 and not counted:
            raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with the index")
        type_, holds, kept = binder.lazy_function(argument, parameters)
        if type_ != BOOL:
            raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
        source = source_of(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, own = source(env), kept(env)
            if len(parameters) == 2:
                return lambda: (item for n, item in enumerate(items) if holds(own, item, n))
            return lambda: choose(lambda item: holds(own, item), items)

        return sequence(element, run)

    return bind


def _slice(skip: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        count = converted(binder, node, arguments_of(binder, node, 1, 1)[0], INT)
        source = source_of(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, number = source(env), max(0, count(env))
            return lambda: islice(items, number, None) if skip else islice(items, number)

        return sequence(element, run)

    return bind


def _cast(*, only: bool) -> Extension:
    """Cast<T> and OfType<T>."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        arguments_of(binder, node, 0, 0)
        if len(types) != 1:
            raise binder.error(node.pos, f"the type arguments of '{node.a.b}' cannot be inferred", "CS0411")
        wanted, source = types[0], source_of(target)
        matches = conversions.tester(wanted)
        if matches is None:
            raise binder.not_modelled(node.pos, f"{node.a.b}<{wanted}>")
        same = element == wanted or (target.type.name in UNTYPED and element == wanted)
        reference = is_reference(wanted)

        boxing = conversions.boxer(element)

        def box(item: Any) -> Any:
            return item if boxing is None else boxing(item)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items = source(env)
            if only:
                return lambda: (item for item in items if (item is not None if same else matches(box(item))))
            if same:
                return lambda: items

            def check(item: Any) -> Any:
                given = box(item)
                if given is None and reference:
                    return None
                if not matches(given):
                    raise invalid_cast(conversions.name_of(given), str(wanted))
                return given

            return lambda: (check(item) for item in items)

        return sequence(wanted, run)

    return bind


EXTENSIONS: dict[str, Extension] = {
    "Any": _any,
    "All": _all,
    "Where": _filtering(filter, counted=True),
    "TakeWhile": _filtering(takewhile),
    "SkipWhile": _filtering(dropwhile),
    "Skip": _slice(skip=True),
    "Take": _slice(skip=False),
    "Cast": _cast(only=False),
    "OfType": _cast(only=True),
}
