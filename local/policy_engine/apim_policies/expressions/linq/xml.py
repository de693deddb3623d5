"""System.Xml.Linq's extension methods: the children, attributes or descendants of all elements of a sequence."""

from collections.abc import Callable, Iterable
from typing import Any

from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.linq.operator import Extension, arguments_of, converted, result, sequence, source_of
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import VOID, Type, derives
from apim_policies.expressions.xml.names import XName
from apim_policies.expressions.xml.nodes import XAttribute, XContainer, XElement, XNode


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
