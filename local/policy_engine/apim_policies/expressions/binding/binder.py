"""From the syntax tree to a Python function: every expression gets a static type, every member is looked up by it."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.binding.flow import completes
from apim_policies.expressions.binding.statements import Statements
from apim_policies.expressions.code import compiled_later
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import OBJECT


class Binder(Statements):
    """Binds one whole expression."""

    def root(self, node: Node) -> Callable[[], Callable[[list[Any]], Any]]:
        """Gives what the expression does, as a function of its environment."""
        if node.kind == "return":
            value = self.rvalue(node.a, OBJECT)
            single = self.convert(value, OBJECT, node.pos)
            self.settle_captures()
            return compiled_later(single)
        body = self.statement(node)
        self.settle_captures()
        if completes(node):
            raise self.error(node.pos, "not all code paths return a value", "" if self.unsure else "CS0161")
        return compiled_later(body)
