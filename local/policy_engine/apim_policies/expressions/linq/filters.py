"""Operators that choose items: Where, Take, Skip, OfType and their like, Any and All."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import dropwhile, islice, takewhile
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.linq.operator import (
    Extension,
    arguments_of,
    converted,
    holding,
    parameters_of,
    predicate,
    result,
    sequence,
    source_of,
)
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.objects.reflection import name_of
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    INT,
    UNTYPED,
    Type,
    is_reference,
)
from apim_policies.expressions.values.failing import invalid_cast


def _any(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    return result(BOOL, _some, source_of(target), holding(binder, node, element))


def _some(items: Iterable[Any], holds: Callable[[Any], bool] | None) -> bool:
    return any(True for item in items if holds is None or holds(item))


def _all(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    holds = predicate(binder, node, arguments_of(binder, node, 1, 1)[0], element)
    return result(BOOL, lambda items, test: all(test(item) for item in items), source_of(target), holds)


def _filtering(
    choose: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]], *, counted: bool = False
) -> Extension:
    """Where, TakeWhile and SkipWhile."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        argument = arguments_of(binder, node, 1, 1)[0]
        parameters = parameters_of(binder, node, argument, element)
        if len(parameters) == 2 and not counted:
            raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with the index")
        type_, holds = binder.lazy_function(argument, parameters)
        if type_ != BOOL:
            raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
        each = _filtered_by_index if len(parameters) == 2 else filtered
        return sequence(element, each, source_of(target), holds)

    def filtered(items: Iterable[Any], holds: Callable[[Any], bool]) -> Callable[[], Iterable[Any]]:
        return partial(choose, holds, items)

    return bind


def _filtered_by_index(items: Iterable[Any], holds: Callable[[Any, int], bool]) -> Callable[[], Iterable[Any]]:
    return lambda: (item for n, item in enumerate(items) if holds(item, n))


def _slice(skip: bool) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        count = converted(binder, node, arguments_of(binder, node, 1, 1)[0], INT)
        return sequence(element, _skipped if skip else _taken, source_of(target), count)

    return bind


def _skipped(items: Iterable[Any], count: int) -> Callable[[], Iterable[Any]]:
    return partial(islice, items, max(0, count), None)


def _taken(items: Iterable[Any], count: int) -> Callable[[], Iterable[Any]]:
    return partial(islice, items, max(0, count))


def _cast(*, only: bool) -> Extension:
    """Cast<T> and OfType<T>."""

    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        arguments_of(binder, node, 0, 0)
        if len(types) != 1:
            raise binder.error(node.pos, f"the type arguments of '{node.a.b}' cannot be inferred", "CS0411")
        wanted = types[0]
        matches = boxing.tester(wanted)
        if matches is None:
            raise binder.not_modelled(node.pos, f"{node.a.b}<{wanted}>")
        same = element == wanted or (target.type.name in UNTYPED and element == wanted)
        reference = is_reference(wanted)

        boxes = boxing.boxer(element)

        def box(item: Any) -> Any:
            return item if boxes is None else boxes(item)

        def each(items: Iterable[Any]) -> Callable[[], Iterable[Any]]:
            if only:
                return lambda: (item for item in items if (item is not None if same else matches(box(item))))
            if same:
                return lambda: items

            def check(item: Any) -> Any:
                given = box(item)
                if given is None and reference:
                    return None
                if not matches(given):
                    raise invalid_cast(name_of(given), str(wanted))
                return given

            return lambda: (check(item) for item in items)

        return sequence(wanted, each, source_of(target))

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
