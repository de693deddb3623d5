"""System.Xml.Linq's extension methods: the children, attributes or descendants of all elements of a sequence."""

from collections.abc import Callable, Iterable
from typing import Any

from secure_mcp_local.expressions.binding.lambdas import Lambdas
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.linq.operator import Extension, arguments_of, converted, result, sequence, source_of
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import VOID, Type, derives
from secure_mcp_local.expressions.xml.names import XName
from secure_mcp_local.expressions.xml.nodes import XAttribute, XContainer, XElement, XNode


def _flattened(
    owner: Type, made: Type, go: Callable[[Any, XName | None], Iterable[Any]], *, named: bool = True
) -> Extension:
    def bind(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
        if not derives(element, owner):
            raise binder.not_modelled(node.pos, f"Extensions.{node.a.b} of {element}")
        arguments = arguments_of(binder, node, 0, 1 if named else 0)
        name = converted(binder, node, arguments[0], XName.type) if arguments else None

        def each(items: Iterable[Any], wanted: XName | None) -> Callable[[], Iterable[Any]]:
            if name is not None and wanted is None:
                return lambda: []
            return lambda: (found for item in items if item is not None for found in go(item, wanted))

        return sequence(made, each, source_of(target), name)

    return bind


def _remove(binder: Lambdas, node: Node, target: Value, element: Type, types: list[Type]) -> Value:
    if not (derives(element, XNode.type) or derives(element, XAttribute.type)):
        raise binder.not_modelled(node.pos, f"Remove of {element}")
    arguments_of(binder, node, 0, 0)
    return result(VOID, _removed, source_of(target))


def _removed(items: Iterable[Any]) -> None:
    for item in list(items):
        item.remove()


EXTENSIONS: dict[str, Extension] = {
    "Elements": _flattened(XContainer.type, XElement.type, XContainer.elements),
    "Descendants": _flattened(XContainer.type, XElement.type, XContainer.descendants),
    "Attributes": _flattened(XElement.type, XAttribute.type, XElement.each_attribute),
    "Nodes": _flattened(XContainer.type, XNode.type, lambda node, name: node.each_node(), named=False),
    "Remove": _remove,
}
