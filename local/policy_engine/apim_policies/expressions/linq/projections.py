"""Operators that make something of each item: Select, SelectMany, Zip, and Newtonsoft's Values."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.linq.operator import Extension, arguments_of, parameters_of, sequence, source_of
from apim_policies.expressions.objects.converting import unwrapped
from apim_policies.expressions.objects.iteration import iterator
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    UNTYPED,
    Type,
    element_of,
)

_ALONE = {"IsNullOrEmpty", "IsNullOrWhiteSpace", "EscapeDataString", "UnescapeDataString", "UrlEncode", "UrlDecode"}
"""Methods without overloads."""


def _select(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    argument = arguments_of(binder, node, 1, 1)[0]
    parameters = parameters_of(binder, node, argument, element)
    made, function = binder.lazy_function(argument, parameters)
    if argument.kind == "member" and argument.b not in _ALONE:
        # C# 7 cannot tell which of Select's two forms a method group is meant for, if the method has overloads.
        raise binder.not_modelled(node.pos, "Select of a method by its name")
    if made.name in {"null", "void"}:
        raise binder.error(node.pos, "the type arguments of 'Select' cannot be inferred", "CS0411")
    return sequence(made, _each_by_index if len(parameters) == 2 else _each, source_of(target), function)


def _each(items: Iterable[Any], function: Callable[[Any], Any]) -> Callable[[], Iterable[Any]]:
    return partial(map, function, items)


def _each_by_index(items: Iterable[Any], function: Callable[[Any, int], Any]) -> Callable[[], Iterable[Any]]:
    return lambda: (function(item, n) for n, item in enumerate(items))


def _select_many(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 1, 2)
    inner, function = binder.lazy_function(arguments[0], [element])
    item_type = element_of(inner)
    if item_type is None or inner.name in UNTYPED or inner.name == "JObject":
        raise binder.not_modelled(node.pos, f"SelectMany to {inner}")
    iterate = iterator(inner)
    if len(arguments) == 2:
        made, combine = binder.lazy_function(arguments[1], [element, item_type])
        return sequence(
            made,
            lambda items, parts, both: lambda: (both(item, part) for item in items for part in iterate(parts(item))),
            source_of(target),
            function,
            combine,
        )
    return sequence(
        item_type,
        lambda items, parts: lambda: (part for item in items for part in iterate(parts(item))),
        source_of(target),
        function,
    )


def _zip(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    arguments = arguments_of(binder, node, 2, 2)
    other = binder.rvalue(arguments[0])
    other_element = element_of(other.type)
    if other_element is None:
        raise binder.not_modelled(node.pos, f"Zip with {other.type}")
    made, function = binder.lazy_function(arguments[1], [element, other_element])
    return sequence(
        made,
        lambda items, others, both: lambda: map(both, items, others),
        source_of(target),
        source_of(other),
        function,
    )


def _token_values(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    """Newtonsoft's `Values<T>()`: each token converted."""
    arguments_of(binder, node, 0, 0)
    if len(types) != 1 or not element.name.startswith("J") or element.name == "JProperty":
        raise binder.not_modelled(node.pos, f"Values of {element}")
    wanted = types[0]
    return sequence(wanted, lambda items: lambda: (unwrapped(item, wanted) for item in items), source_of(target))


EXTENSIONS: dict[str, Extension] = {
    "Select": _select,
    "SelectMany": _select_many,
    "Zip": _zip,
    "Values": _token_values,
}
