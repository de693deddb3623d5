"""What every operator is made of: its source, its arguments, what it compares by, and its result."""

from collections.abc import Callable, Iterable
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.binding.lambdas import Lambdas
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.converting import default
from secure_mcp_local.expressions.dotnet.comparers import COMPARER
from secure_mcp_local.expressions.failing import argument_null
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
    BOOL,
    INT,
    INTEGRAL,
    STRING,
    Type,
    generic,
)

Extension = Callable[[Lambdas, Node, Value, Type, list[Type]], Value]
Run = Callable[[list[Any]], Any]


def source_of(target: Value) -> Callable[[list[Any]], Iterable[Any]]:
    inner, iterate = target.run, conversions.iterator(target.type)

    def run(env: list[Any]) -> Iterable[Any]:
        value = inner(env)
        if value is None:
            raise argument_null("source")
        return iterate(value)

    return run


def sequence(
    element: Type, run: Callable[[list[Any]], Callable[[], Iterable[Any]]], name: str = "IEnumerable"
) -> Value:
    """A lazy result: `run` gives what is to be gone through each time."""
    return Value(generic(name, element), lambda env: Sequence(run(env), element))


def arguments_of(binder: Lambdas, node: Node, least: int, most: int) -> list[Node]:
    if not least <= len(node.b) <= most or any(argument.b or argument.c for argument in node.b):
        raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with {len(node.b)} arguments")
    return [argument.a for argument in node.b]


def converted(binder: Lambdas, node: Node, argument: Node, wanted: Type) -> Run:
    return binder.convert(binder.rvalue(argument), wanted, node.pos)


def predicate(binder: Lambdas, node: Node, argument: Node, element: Type) -> Callable[..., Any]:
    type_, function = binder.function(argument, [element])
    if type_ != BOOL:
        raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
    return function


def _always(env: list[Any], item: Any) -> bool:
    return True


def holding(binder: Lambdas, node: Node, element: Type) -> tuple[Callable[..., Any], bool]:
    """The predicate, which may be left out, and whether it is there."""
    arguments = arguments_of(binder, node, 0, 1)
    return (predicate(binder, node, arguments[0], element), True) if arguments else (_always, False)


def parameters_of(binder: Lambdas, node: Node, argument: Node, element: Type) -> list[Type]:
    """What a lambda takes that may want the index as well."""
    counted = argument.kind == "lambda" and len(argument.a) == 2
    return [element, INT] if counted else [element]


def empty_of(binder: Lambdas, node: Node, element: Type) -> Any:
    if element.name == "KeyValuePair":
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")
    try:
        return default(element)
    except NotImplementedError:
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}") from None


def projected(binder: Lambdas, node: Node, element: Type) -> tuple[Type, Callable[..., Any] | None]:
    arguments = arguments_of(binder, node, 0, 1)
    return binder.function(arguments[0], [element]) if arguments else (element, None)


def items_of(
    source: Callable[[list[Any]], Iterable[Any]], function: Callable[..., Any] | None, env: list[Any]
) -> list[Any]:
    return [item if function is None else function(env, item) for item in source(env)]


_BY_VALUE = frozenset({"Guid", "DateTime", "DateTimeOffset", "TimeSpan", "decimal", "bool", "string"})


def check_compared(binder: Lambdas, node: Node, element: Type, by_value: bool) -> None:
    if by_value and not (element in INTEGRAL or element.name in _BY_VALUE or element.name.startswith("anonymous ")):
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")


def comparer_of(binder: Lambdas, node: Node, argument: Node, element: Type) -> Run:
    if element != STRING:
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element} with a comparer")
    return converted(binder, node, argument, COMPARER)


def conversion_of(binder: Lambdas, node: Node, source: Type, target: Type) -> Callable[[list[Any], Any], Any]:
    given: list[Any] = [None]
    convert = binder.convert(Value(source, lambda env: given[0]), target, node.pos)

    def turn(env: list[Any], value: Any) -> Any:
        given[0] = value
        return convert(env)

    return turn
