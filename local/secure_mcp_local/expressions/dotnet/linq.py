"""Namespace System.Linq: extension methods of sequences, lazy where LINQ is."""

from collections.abc import Callable, Iterable
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING, Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.failing import argument_null, invalid_operation
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.newtonsoft import JToken
from secure_mcp_local.expressions.scope import Value
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    STRING,
    Type,
    array,
    generic,
    is_reference,
)

if TYPE_CHECKING:
    from secure_mcp_local.expressions.calls import Calls
    from secure_mcp_local.expressions.syntax import Node

Extension = Callable[["Calls", "Node", Value, Type, list[Type]], Value]
Run = Callable[[list[Any]], Any]


def _source(target: Value) -> Callable[[list[Any]], Iterable[Any]]:
    inner, iterate = target.run, conversions.iterator(target.type)

    def run(env: list[Any]) -> Iterable[Any]:
        value = inner(env)
        if value is None:
            raise argument_null("source")
        return iterate(value)

    return run


def _value(type: Type, run: Run) -> Value:
    return Value(type, run)


def _arguments(binder: "Calls", node: "Node", least: int, most: int) -> list["Node"]:
    if not least <= len(node.b) <= most or any(argument.b or argument.c for argument in node.b):
        raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with {len(node.b)} arguments")
    return [argument.a for argument in node.b]


def _predicate(binder: "Calls", node: "Node", argument: "Node", element: Type) -> Callable[..., Any]:
    type_, function = binder.function(argument, [element])
    if type_ != BOOL:
        raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS0029")
    return function


def _any(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    arguments = _arguments(binder, node, 0, 1)
    source = _source(target)
    if not arguments:
        return _value(BOOL, lambda env: any(True for _ in source(env)))
    holds = _predicate(binder, node, arguments[0], element)
    return _value(BOOL, lambda env: any(holds(env, item) for item in source(env)))


def _all(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    holds = _predicate(binder, node, _arguments(binder, node, 1, 1)[0], element)
    source = _source(target)
    return _value(BOOL, lambda env: all(holds(env, item) for item in source(env)))


def _where(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    type_, holds, kept = binder.lazy_function(_arguments(binder, node, 1, 1)[0], [element])
    if type_ != BOOL:
        raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS0029")
    source = _source(target)

    def run(env: list[Any]) -> Sequence:
        items, env = source(env), kept(env)
        return Sequence(lambda: (item for item in items if holds(env, item)))

    return _value(generic("IEnumerable", element), run)


def _select(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    result, function, kept = binder.lazy_function(_arguments(binder, node, 1, 1)[0], [element])
    source = _source(target)

    def run(env: list[Any]) -> Sequence:
        items, env = source(env), kept(env)
        return Sequence(lambda: (function(env, item) for item in items))

    return _value(generic("IEnumerable", result), run)


def _first(default: bool, last: bool = False) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        del types
        arguments = _arguments(binder, node, 0, 1)
        holds = _predicate(binder, node, arguments[0], element) if arguments else (lambda env, item: True)
        source = _source(target)
        if default and not is_reference(element):
            raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")

        def run(env: list[Any]) -> Any:
            found: list[Any] = []
            for item in source(env):
                if holds(env, item):
                    found = [item]
                    if not last:
                        break
            if found:
                return found[0]
            if default:
                return None
            raise invalid_operation(
                "Sequence contains no matching element" if arguments else "Sequence contains no elements"
            )

        return _value(element, run)

    return bind


def _count(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    arguments = _arguments(binder, node, 0, 1)
    holds = _predicate(binder, node, arguments[0], element) if arguments else (lambda env, item: True)
    source = _source(target)
    return _value(INT, lambda env: sum(1 for item in source(env) if holds(env, item)))


def _extreme(name: str, choose: Callable[[Iterable[int]], int]) -> Extension:
    """Sum, Max and Min of int and long."""

    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        del types
        arguments = _arguments(binder, node, 0, 1)
        type_, function = binder.function(arguments[0], [element]) if arguments else (element, None)
        if type_ not in (INT, LONG):
            raise binder.not_modelled(node.pos, f"{name} of {type_}")
        source = _source(target)
        low, high = INTEGRAL[type_]

        def run(env: list[Any]) -> int:
            items = [item if function is None else function(env, item) for item in source(env)]
            if name != "Sum" and not items:
                raise invalid_operation("Sequence contains no elements")
            if name == "Sum" and not all(low <= total <= high for total in accumulate(items)):
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return choose(items)

        return Value(type_, run)

    return bind


def _slice(skip: bool) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        del types
        count = binder.convert(binder.rvalue(_arguments(binder, node, 1, 1)[0]), INT, node.pos)
        source = _source(target)

        def run(env: list[Any]) -> Sequence:
            items, number = source(env), max(0, count(env))
            return Sequence(lambda: islice(items, number, None) if skip else islice(items, number))

        return _value(generic("IEnumerable", element), run)

    return bind


def _concat(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    other = binder.rvalue(_arguments(binder, node, 1, 1)[0])
    second = binder.convert(other, generic("IEnumerable", element), node.pos)
    source = _source(target)

    def run(env: list[Any]) -> Sequence:
        items, more = source(env), conversions.iterate(second(env))
        return Sequence(lambda: chain(items, more))

    return _value(generic("IEnumerable", element), run)


def _distinct(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    _arguments(binder, node, 0, 0)
    if element != STRING and element not in (INT, BYTE):
        raise binder.not_modelled(node.pos, f"Distinct of {element}")
    source = _source(target)

    def run(env: list[Any]) -> Sequence:
        items = source(env)
        return Sequence(lambda: dict.fromkeys(items))

    return _value(generic("IEnumerable", element), run)


def _contains(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    wanted = binder.convert(binder.rvalue(_arguments(binder, node, 1, 1)[0]), element, node.pos)
    if element == OBJECT:
        raise binder.not_modelled(node.pos, "Contains of objects")
    source = _source(target)

    def run(env: list[Any]) -> bool:
        items, item = source(env), wanted(env)
        if isinstance(item, JToken):
            return any(candidate is item for candidate in items)
        return any(candidate == item for candidate in items)

    return _value(BOOL, run)


def _to_array(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    _arguments(binder, node, 0, 0)
    source = _source(target)
    if element == BYTE:
        return _value(array(element), lambda env: bytearray(source(env)))
    return _value(array(element), lambda env: list(source(env)))


def _to_list(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    _arguments(binder, node, 0, 0)
    source = _source(target)
    return _value(generic("List", element), lambda env: list(source(env)))


def _reverse(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    del types
    _arguments(binder, node, 0, 0)
    source = _source(target)

    def run(env: list[Any]) -> Sequence:
        items = source(env)
        return Sequence(lambda: reversed(list(items)))

    return _value(generic("IEnumerable", element), run)


EXTENSIONS: dict[str, Extension] = {
    "Any": _any,
    "All": _all,
    "Where": _where,
    "Select": _select,
    "First": _first(default=False),
    "FirstOrDefault": _first(default=True),
    "Last": _first(default=False, last=True),
    "LastOrDefault": _first(default=True, last=True),
    "Count": _count,
    "Sum": _extreme("Sum", sum),
    "Max": _extreme("Max", max),
    "Min": _extreme("Min", min),
    "Skip": _slice(skip=True),
    "Take": _slice(skip=False),
    "Concat": _concat,
    "Distinct": _distinct,
    "Contains": _contains,
    "ToArray": _to_array,
    "ToList": _to_list,
    "Reverse": _reverse,
}
