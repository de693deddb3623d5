"""Namespace System.Linq: extension methods of sequences, lazy where LINQ is."""

import math
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cmp_to_key
from itertools import accumulate, chain, dropwhile, islice, takewhile
from typing import TYPE_CHECKING, Any

from secure_mcp_local.expressions import conversions, decimals
from secure_mcp_local.expressions.containers import Array, Dictionary, List, folded
from secure_mcp_local.expressions.converting import default, unwrapped
from secure_mcp_local.expressions.dotnet.system import COMPARER, Comparer, sort_key
from secure_mcp_local.expressions.failing import argument_null, invalid_cast, invalid_operation, out_of_range
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.newtonsoft import JToken
from secure_mcp_local.expressions.scope import Value
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    DECIMAL,
    DOUBLE,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    STRING,
    UNTYPED,
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


def _sequence(
    element: Type, run: Callable[[list[Any]], Callable[[], Iterable[Any]]], name: str = "IEnumerable"
) -> Value:
    """A lazy result: `run` gives what is to be gone through each time."""
    return Value(generic(name, element), lambda env: Sequence(run(env), element))


def _arguments(binder: "Calls", node: "Node", least: int, most: int) -> list["Node"]:
    if not least <= len(node.b) <= most or any(argument.b or argument.c for argument in node.b):
        raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with {len(node.b)} arguments")
    return [argument.a for argument in node.b]


def _given(binder: "Calls", node: "Node", argument: "Node", wanted: Type) -> Run:
    return binder.convert(binder.rvalue(argument), wanted, node.pos)


def _predicate(binder: "Calls", node: "Node", argument: "Node", element: Type) -> Callable[..., Any]:
    type_, function = binder.function(argument, [element])
    if type_ != BOOL:
        raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
    return function


def _always(env: list[Any], item: Any) -> bool:
    return True


def _holding(binder: "Calls", node: "Node", element: Type) -> tuple[Callable[..., Any], bool]:
    """The predicate, which may be left out, and whether it is there."""
    arguments = _arguments(binder, node, 0, 1)
    return (_predicate(binder, node, arguments[0], element), True) if arguments else (_always, False)


def _any(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    holds, _ = _holding(binder, node, element)
    source = _source(target)
    return _value(BOOL, lambda env: any(holds(env, item) for item in source(env)))


def _all(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    holds = _predicate(binder, node, _arguments(binder, node, 1, 1)[0], element)
    source = _source(target)
    return _value(BOOL, lambda env: all(holds(env, item) for item in source(env)))


def _parameters(binder: "Calls", node: "Node", argument: "Node", element: Type) -> list[Type]:
    """What a lambda takes that may want the index as well."""
    counted = argument.kind == "lambda" and len(argument.a) == 2
    return [element, INT] if counted else [element]


def _filtering(
    choose: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]], *, counted: bool = False
) -> Extension:
    """Where, TakeWhile and SkipWhile."""

    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        argument = _arguments(binder, node, 1, 1)[0]
        parameters = _parameters(binder, node, argument, element)
        if len(parameters) == 2 and not counted:
            raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with the index")
        type_, holds, kept = binder.lazy_function(argument, parameters)
        if type_ != BOOL:
            raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
        source = _source(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, own = source(env), kept(env)
            if len(parameters) == 2:
                return lambda: (item for n, item in enumerate(items) if holds(own, item, n))
            return lambda: choose(lambda item: holds(own, item), items)

        return _sequence(element, run)

    return bind


_ALONE = {"IsNullOrEmpty", "IsNullOrWhiteSpace", "EscapeDataString", "UnescapeDataString", "UrlEncode", "UrlDecode"}
"""Methods without overloads."""


def _select(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    argument = _arguments(binder, node, 1, 1)[0]
    parameters = _parameters(binder, node, argument, element)
    result, function, kept = binder.lazy_function(argument, parameters)
    if argument.kind == "member" and argument.b not in _ALONE:
        # C# 7 cannot tell which of Select's two forms a method group is meant for, if the method has overloads.
        raise binder.not_modelled(node.pos, "Select of a method by its name")
    if result.name in {"null", "void"}:
        raise binder.error(node.pos, "the type arguments of 'Select' cannot be inferred", "CS0411")
    source = _source(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items, own = source(env), kept(env)
        if len(parameters) == 2:
            return lambda: (function(own, item, n) for n, item in enumerate(items))
        return lambda: (function(own, item) for item in items)

    return _sequence(result, run)


def _select_many(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 1, 2)
    inner, function, kept = binder.lazy_function(arguments[0], [element])
    item_type = conversions.element_of(inner)
    if item_type is None or inner.name in UNTYPED or inner.name == "JObject":
        raise binder.not_modelled(node.pos, f"SelectMany to {inner}")
    iterate = conversions.iterator(inner)
    source = _source(target)
    if len(arguments) == 2:
        result, combine, kept_second = binder.lazy_function(arguments[1], [element, item_type])

        def run_both(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, own, other = source(env), kept(env), kept_second(env)
            return lambda: (combine(other, item, part) for item in items for part in iterate(function(own, item)))

        return _sequence(result, run_both)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items, own = source(env), kept(env)
        return lambda: (part for item in items for part in iterate(function(own, item)))

    return _sequence(item_type, run)


def _empty_of(binder: "Calls", node: "Node", element: Type) -> Any:
    if element.name == "KeyValuePair":
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")
    try:
        return default(element)
    except NotImplementedError:
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}") from None


def _first(*, or_default: bool, last: bool = False) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        holds, filtered = _holding(binder, node, element)
        source = _source(target)
        empty = _empty_of(binder, node, element) if or_default else None

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

        return _value(element, run)

    return bind


def _single(*, or_default: bool) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        holds, filtered = _holding(binder, node, element)
        source = _source(target)
        empty = _empty_of(binder, node, element) if or_default else None

        def run(env: list[Any]) -> Any:
            found = [item for item in source(env) if holds(env, item)]
            if len(found) == 1:
                return found[0]
            if not found and or_default:
                return empty
            many = "more than one" if found else "no"
            what = "matching element" if filtered else "element" if found else "elements"
            raise invalid_operation(f"Sequence contains {many} {what}")

        return _value(element, run)

    return bind


def _element_at(*, or_default: bool) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        index = _given(binder, node, _arguments(binder, node, 1, 1)[0], INT)
        source = _source(target)
        empty = _empty_of(binder, node, element) if or_default else None

        def run(env: list[Any]) -> Any:
            items, at = source(env), index(env)
            found = list(islice(items, at, at + 1)) if at >= 0 else []
            if found:
                return found[0]
            if or_default:
                return empty
            raise out_of_range("index")

        return _value(element, run)

    return bind


def _count(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    holds, _ = _holding(binder, node, element)
    source = _source(target)
    result = LONG if node.a.b == "LongCount" else INT
    return _value(result, lambda env: sum(1 for item in source(env) if holds(env, item)))


def _projected(binder: "Calls", node: "Node", element: Type) -> tuple[Type, Callable[..., Any] | None]:
    arguments = _arguments(binder, node, 0, 1)
    return binder.function(arguments[0], [element]) if arguments else (element, None)


def _items(
    source: Callable[[list[Any]], Iterable[Any]], function: Callable[..., Any] | None, env: list[Any]
) -> list[Any]:
    return [item if function is None else function(env, item) for item in source(env)]


def _sum(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    type_, function = _projected(binder, node, element)
    source = _source(target)
    if type_ in (INT, LONG):
        low, high = INTEGRAL[type_]

        def run(env: list[Any]) -> int:
            items = _items(source, function, env)
            if not all(low <= total <= high for total in accumulate(items)):
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return sum(items)

        return Value(type_, run)
    if type_ == DOUBLE:
        return Value(type_, lambda env: _added(_items(source, function, env)))
    if type_ == DECIMAL:
        return Value(type_, lambda env: _added_decimals(_items(source, function, env)))
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


def _average(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    type_, function = _projected(binder, node, element)
    source = _source(target)
    if type_ not in (INT, LONG, DOUBLE, DECIMAL):
        raise binder.not_modelled(node.pos, f"Average of {type_}")

    def run(env: list[Any]) -> Any:
        items = _items(source, function, env)
        if not items:
            raise invalid_operation("Sequence contains no elements")
        if type_ == DECIMAL:
            return decimals.divide(_added_decimals(items), Decimal(len(items)))
        return (_added(items) if type_ == DOUBLE else float(sum(items))) / len(items)

    return Value(DECIMAL if type_ == DECIMAL else DOUBLE, run)


def _extreme(choose: Callable[..., Any]) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        type_, function = _projected(binder, node, element)
        timed = type_.name in {"DateTime", "DateTimeOffset", "TimeSpan"}
        if type_ not in (INT, LONG, DOUBLE, DECIMAL, STRING) and not timed:
            raise binder.not_modelled(node.pos, f"{node.a.b} of {type_}")
        source = _source(target)

        def run(env: list[Any]) -> Any:
            items = _items(source, function, env)
            if type_ == STRING:
                items = [item for item in items if item is not None]
                return choose(items, key=sort_key(STRING)) if len(items) > 1 else items[0] if items else None
            if not items:
                raise invalid_operation("Sequence contains no elements")
            if any(isinstance(item, float) and (math.isnan(item) or not item) for item in items):
                raise NotImplementedError("the extreme of doubles with NaN or zeros")
            return choose(items)

        return Value(type_, run)

    return bind


def _slice(skip: bool) -> Extension:
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        count = _given(binder, node, _arguments(binder, node, 1, 1)[0], INT)
        source = _source(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, number = source(env), max(0, count(env))
            return lambda: islice(items, number, None) if skip else islice(items, number)

        return _sequence(element, run)

    return bind


def _combining(combine: Callable[[Iterable[Any], Iterable[Any]], Iterable[Any]], *, by_value: bool = True) -> Extension:
    """Concat, Union, Intersect, Except."""

    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        arguments = _arguments(binder, node, 1, 2 if by_value else 1)
        if len(arguments) == 2:
            raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with a comparer")
        _check_compared(binder, node, element, by_value)
        second = _given(binder, node, arguments[0], generic("IEnumerable", element))
        source = _source(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, more = source(env), second(env)
            if more is None:
                raise argument_null("second")
            others = conversions.iterate(more)
            return lambda: combine(items, others)

        return _sequence(element, run)

    return bind


_BY_VALUE = frozenset({"Guid", "DateTime", "DateTimeOffset", "TimeSpan", "decimal", "bool", "string"})


def _check_compared(binder: "Calls", node: "Node", element: Type, by_value: bool) -> None:
    if by_value and not (element in INTEGRAL or element.name in _BY_VALUE or element.name.startswith("anonymous ")):
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")


def _union(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    return dict.fromkeys(chain(one, two))


def _intersect(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    others = set(two)
    return [item for item in dict.fromkeys(one) if item in others]


def _except(one: Iterable[Any], two: Iterable[Any]) -> Iterable[Any]:
    others = set(two)
    return [item for item in dict.fromkeys(one) if item not in others]


def _comparer(binder: "Calls", node: "Node", argument: "Node", element: Type) -> Run:
    if element != STRING:
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element} with a comparer")
    return _given(binder, node, argument, COMPARER)


def _distinct(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 0, 1)
    _check_compared(binder, node, element, True)
    comparer = _comparer(binder, node, arguments[0], element) if arguments else None
    source = _source(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items = source(env)
        if comparer is not None and (given := comparer(env)) is not None and given.fold:
            return lambda: list(
                {item if item is None else folded(item): item for item in reversed(list(items))}.values()
            )[::-1]
        return lambda: dict.fromkeys(items)

    return _sequence(element, run)


def _contains(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 1, 2)
    wanted = _given(binder, node, arguments[0], element)
    if element in (OBJECT, DOUBLE):
        raise binder.not_modelled(node.pos, f"Contains of {element}")
    comparer = _comparer(binder, node, arguments[1], element) if len(arguments) == 2 else None
    source = _source(target)

    def run(env: list[Any]) -> bool:
        items, item = source(env), wanted(env)
        if comparer is not None and (given := comparer(env)) is not None:
            return any(given.same(candidate, item) for candidate in items)
        if isinstance(item, JToken):
            return any(candidate is item for candidate in items)
        return any(candidate == item for candidate in items)

    return _value(BOOL, run)


def _to_array(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    _arguments(binder, node, 0, 0)
    source, type_ = _source(target), array(element)
    if element == BYTE:
        return _value(type_, lambda env: bytearray(source(env)))
    return _value(type_, lambda env: Array(source(env), type_))


def _to_list(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    _arguments(binder, node, 0, 0)
    source, type_ = _source(target), generic("List", element)
    return _value(type_, lambda env: List(source(env), type_))


def _to_dictionary(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 1, 3)
    key_type, key = binder.function(arguments[0], [element])
    value_type, value = element, None
    comparer: Run | None = None
    rest = arguments[1:]
    if rest and (rest[0].kind == "lambda" or len(rest) == 2):
        value_type, value = binder.function(rest[0], [element])
        rest = rest[1:]
    if rest:
        comparer = _comparer(binder, node, rest[0], key_type)
    if key_type == DOUBLE or key_type.name.startswith("J"):
        raise binder.not_modelled(node.pos, f"ToDictionary by {key_type}")
    source, type_ = _source(target), generic("Dictionary", key_type, value_type)

    def run(env: list[Any]) -> Dictionary:
        given = comparer(env) if comparer is not None else None
        made = Dictionary(type_, given is not None and given.fold)
        for item in source(env):
            name = key(env, item)
            if name is None:
                raise argument_null("key")
            if made.compared(name) in made:
                raise CSharpException(
                    "System.ArgumentException", f"An item with the same key has already been added. Key: {name}"
                )
            made.put(name, item if value is None else value(env, item))
        return made

    return _value(type_, run)


class _Grouping(Sequence):
    __slots__ = ("key",)

    def __init__(self, key: Any, items: list[Any], element: Type) -> None:
        super().__init__(lambda: items, element)
        self.key = key


def _group_by(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 1, 2)
    key_type, key, kept = binder.lazy_function(arguments[0], [element])
    value_type, value, kept_value = (element, None, None)
    if len(arguments) == 2:
        if arguments[1].kind != "lambda" or len(arguments[1].a) != 1:
            raise binder.not_modelled(node.pos, "this form of GroupBy")
        value_type, value, kept_value = binder.lazy_function(arguments[1], [element])
    _check_compared(binder, node, key_type, True)
    source = _source(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items, own = source(env), kept(env)
        other = kept_value(env) if kept_value is not None else env

        def groups() -> Iterator[Any]:
            found: dict[Any, list[Any]] = {}
            for item in items:
                found.setdefault(key(own, item), []).append(item if value is None else value(other, item))
            return (_Grouping(name, members, value_type) for name, members in found.items())

        return groups

    return _sequence(Type("IGrouping", (value_type, key_type)), run)


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
    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        arguments = _arguments(binder, node, 1, 2)
        if further and target.type.name != "IOrderedEnumerable":
            raise binder.error(node.pos, f"'{target.type}' has no '{node.a.b}'", "CS1061")
        type_, function, kept = binder.lazy_function(arguments[0], [element])
        comparer = _comparer(binder, node, arguments[1], type_) if len(arguments) == 2 else None
        try:
            by_default = sort_key(type_)
        except NotImplementedError as error:
            raise binder.not_modelled(node.pos, str(error)) from None
        source = _source(target)
        result = generic("IOrderedEnumerable", element)

        def run(env: list[Any]) -> Ordered:
            own = kept(env)
            given = comparer(env) if comparer is not None else None
            compared = by_default if given is None else _by(given)
            keys = [((lambda item: compared(function(own, item))), descending)]
            if further:
                before = target.run(env)
                return Ordered(before.items, [*before.keys, *keys], element)
            return Ordered(source(env), keys, element)

        return _value(result, run)

    return bind


def _by(comparer: Comparer) -> Callable[[Any], Any]:
    return cmp_to_key(comparer.compare)


def _aggregate(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 1, 2)
    source = _source(target)
    if len(arguments) == 1:
        type_, function = binder.function(arguments[0], [element, element])
        turned = _turned(binder, node, type_, element)

        def run(env: list[Any]) -> Any:
            items = iter(source(env))
            total = next(items, items)
            if total is items:
                raise invalid_operation("Sequence contains no elements")
            for item in items:
                total = turned(env, function(env, total, item))
            return total

        return _value(element, run)
    seed = binder.rvalue(arguments[0])
    type_, function = binder.function(arguments[1], [seed.type, element])
    turned = _turned(binder, node, type_, seed.type)

    def run_seeded(env: list[Any]) -> Any:
        total = seed.run(env)
        for item in source(env):
            total = turned(env, function(env, total, item))
        return total

    return _value(seed.type, run_seeded)


def _turned(binder: "Calls", node: "Node", source: Type, target: Type) -> Callable[[list[Any], Any], Any]:
    given: list[Any] = [None]
    convert = binder.convert(Value(source, lambda env: given[0]), target, node.pos)

    def turn(env: list[Any], value: Any) -> Any:
        given[0] = value
        return convert(env)

    return turn


def _zip(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 2, 2)
    other = binder.rvalue(arguments[0])
    other_element = conversions.element_of(other.type)
    if other_element is None:
        raise binder.not_modelled(node.pos, f"Zip with {other.type}")
    second = _source(other)
    result, function, kept = binder.lazy_function(arguments[1], [element, other_element])
    source = _source(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items, others, own = source(env), second(env), kept(env)
        return lambda: (function(own, one, two) for one, two in zip(items, others, strict=False))

    return _sequence(result, run)


def _sequence_equal(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    _check_compared(binder, node, element, True)
    second = _given(binder, node, _arguments(binder, node, 1, 1)[0], generic("IEnumerable", element))
    source = _source(target)

    def run(env: list[Any]) -> bool:
        items, others = source(env), second(env)
        if others is None:
            raise argument_null("second")
        return list(items) == list(conversions.iterate(others))

    return _value(BOOL, run)


def _cast(*, only: bool) -> Extension:
    """Cast<T> and OfType<T>."""

    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        _arguments(binder, node, 0, 0)
        if len(types) != 1:
            raise binder.error(node.pos, f"the type arguments of '{node.a.b}' cannot be inferred", "CS0411")
        wanted, source = types[0], _source(target)
        matches = conversions.tester(wanted)
        if matches is None:
            raise binder.not_modelled(node.pos, f"{node.a.b}<{wanted}>")
        same = element == wanted or (target.type.name in UNTYPED and element == wanted)
        reference = is_reference(wanted)

        def box(item: Any) -> Any:
            return conversions.boxed(item, element)

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

        return _sequence(wanted, run)

    return bind


def _reverse(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    _arguments(binder, node, 0, 0)
    source = _source(target)

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items = source(env)
        return lambda: reversed(list(items))

    return _sequence(element, run)


def _adding(*, front: bool) -> Extension:
    """Append and Prepend."""

    def bind(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
        item = _given(binder, node, _arguments(binder, node, 1, 1)[0], element)
        source = _source(target)

        def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
            items, more = source(env), item(env)
            return lambda: chain([more], items) if front else chain(items, [more])

        return _sequence(element, run)

    return bind


def _default_if_empty(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    arguments = _arguments(binder, node, 0, 1)
    empty = _empty_of(binder, node, element) if not arguments else None
    other = _given(binder, node, arguments[0], element) if arguments else (lambda env: empty)
    source = _source(target)

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

    return _sequence(element, run)


def _as_enumerable(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    _arguments(binder, node, 0, 0)
    return _value(generic("IEnumerable", element), target.run)


def _token_values(binder: "Calls", node: "Node", target: Value, element: Type, types: list[Type]) -> Value:
    """Newtonsoft's `Values<T>()`: each token converted."""
    _arguments(binder, node, 0, 0)
    if len(types) != 1 or not element.name.startswith("J") or element.name == "JProperty":
        raise binder.not_modelled(node.pos, f"Values of {element}")
    source, wanted = _source(target), types[0]

    def run(env: list[Any]) -> Callable[[], Iterable[Any]]:
        items = source(env)
        return lambda: (unwrapped(item, wanted) for item in items)

    return _sequence(wanted, run)


EXTENSIONS: dict[str, Extension] = {
    "Any": _any,
    "All": _all,
    "Where": _filtering(filter, counted=True),
    "TakeWhile": _filtering(takewhile),
    "SkipWhile": _filtering(dropwhile),
    "Select": _select,
    "SelectMany": _select_many,
    "First": _first(or_default=False),
    "FirstOrDefault": _first(or_default=True),
    "Last": _first(or_default=False, last=True),
    "LastOrDefault": _first(or_default=True, last=True),
    "Single": _single(or_default=False),
    "SingleOrDefault": _single(or_default=True),
    "ElementAt": _element_at(or_default=False),
    "ElementAtOrDefault": _element_at(or_default=True),
    "Count": _count,
    "LongCount": _count,
    "Sum": _sum,
    "Average": _average,
    "Max": _extreme(max),
    "Min": _extreme(min),
    "Skip": _slice(skip=True),
    "Take": _slice(skip=False),
    "Concat": _combining(chain, by_value=False),
    "Union": _combining(_union),
    "Intersect": _combining(_intersect),
    "Except": _combining(_except),
    "Distinct": _distinct,
    "Contains": _contains,
    "ToArray": _to_array,
    "ToList": _to_list,
    "ToDictionary": _to_dictionary,
    "GroupBy": _group_by,
    "OrderBy": _ordering(descending=False, further=False),
    "OrderByDescending": _ordering(descending=True, further=False),
    "ThenBy": _ordering(descending=False, further=True),
    "ThenByDescending": _ordering(descending=True, further=True),
    "Aggregate": _aggregate,
    "Zip": _zip,
    "SequenceEqual": _sequence_equal,
    "Cast": _cast(only=False),
    "OfType": _cast(only=True),
    "Reverse": _reverse,
    "Append": _adding(front=False),
    "Prepend": _adding(front=True),
    "DefaultIfEmpty": _default_if_empty,
    "AsEnumerable": _as_enumerable,
    "Values": _token_values,
}
