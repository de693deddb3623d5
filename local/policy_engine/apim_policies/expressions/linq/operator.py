"""What every operator is made of: its source, its arguments, what it compares by, and its result."""

from collections.abc import Callable, Iterable
from typing import Any, Never

from apim_policies.expressions.binding.lambdas import Lambdas, bound
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Code, Constant, Function, Variable, places
from apim_policies.expressions.dotnet.comparers import COMPARER
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.objects.iteration import iterator
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    INT,
    INTEGRAL,
    STRING,
    Type,
    generic,
)
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.sequences import Sequence

Extension = Callable[[Lambdas, Node, Value, Type, list[Type]], Value]


class Lazy(Code):
    """A sequence that an operator made."""

    __slots__ = ()


def source_of(target: Value) -> Code:
    """What is gone through; it must exist."""
    if isinstance(target.run, Lazy):
        return target.run
    return Code(
        "{iterate}({o} if ({o} := {0}) is not None else {missing}())",
        target.run, iterate=iterator(target.type), missing=_no_source,
    )  # fmt: skip


def _no_source() -> Never:
    raise argument_null("source")


def result(type: Type, function: Callable[..., Any], *arguments: Code | None) -> Value:
    """What a function makes of its arguments; of those that are left out it gets None."""
    return Value(type, Code(f"{{function}}({places(len(arguments))})", *_present(arguments), function=function))


def sequence(element: Type, each: Callable[..., Callable[[], Iterable[Any]]], *arguments: Code | None) -> Value:
    """A lazy result: `each` gives what is to be gone through each time."""
    made = f"{{sequence}}({{each}}({places(len(arguments))}), {{element}})"
    run = Lazy(made, *_present(arguments), sequence=Sequence, each=each, element=element)
    return Value(generic("IEnumerable", element), run)


def _present(arguments: tuple[Code | None, ...]) -> Iterable[Code]:
    return (Constant(None) if argument is None else argument for argument in arguments)


def arguments_of(binder: Lambdas, node: Node, least: int, most: int) -> list[Node]:
    if not least <= len(node.b) <= most or any(argument.b or argument.c for argument in node.b):
        raise binder.not_modelled(node.pos, f"Enumerable.{node.a.b} with {len(node.b)} arguments")
    return [argument.a for argument in node.b]


def converted(binder: Lambdas, node: Node, argument: Node, wanted: Type) -> Code:
    return binder.convert(binder.rvalue(argument), wanted, node.pos)


def predicate(binder: Lambdas, node: Node, argument: Node, element: Type) -> Code:
    type_, function = binder.function(argument, [element])
    if type_ != BOOL:
        raise binder.error(node.pos, f"the predicate gives {type_}, not bool", "CS1662")
    return function


def holding(binder: Lambdas, node: Node, element: Type) -> Code | None:
    """The predicate, which may be left out."""
    arguments = arguments_of(binder, node, 0, 1)
    return predicate(binder, node, arguments[0], element) if arguments else None


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


def projected(binder: Lambdas, node: Node, target: Value, element: Type) -> tuple[Type, Code]:
    """Items, or what a lambda makes of them, and their type."""
    arguments = arguments_of(binder, node, 0, 1)
    if not arguments:
        return element, Code("{list}({0})", source_of(target), list=list)
    type_, function = binder.function(arguments[0], [element])
    return type_, Code("{mapped}({0}, {1})", source_of(target), function, mapped=_mapped)


def _mapped(items: Iterable[Any], function: Callable[[Any], Any]) -> list[Any]:
    return [function(item) for item in items]


_BY_VALUE = frozenset({"Guid", "DateTime", "DateTimeOffset", "TimeSpan", "decimal", "bool", "string"})


def check_compared(binder: Lambdas, node: Node, element: Type, by_value: bool) -> None:
    if by_value and not (element in INTEGRAL or element.name in _BY_VALUE or element.name.startswith("anonymous ")):
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element}")


def comparer_of(binder: Lambdas, node: Node, argument: Node, element: Type) -> Code:
    if element != STRING:
        raise binder.not_modelled(node.pos, f"{node.a.b} of {element} with a comparer")
    return converted(binder, node, argument, COMPARER)


def conversion_of(binder: Lambdas, node: Node, source: Type, target: Type) -> Code:
    """An implicit conversion as a function."""
    slot = binder.hidden()
    return bound(Function((slot,), binder.convert(Value(source, Variable(slot)), target, node.pos)))
