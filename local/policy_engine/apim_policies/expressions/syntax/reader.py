"""What reading needs of tree-sitter's nodes."""

import tree_sitter

from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.values.failures import ExpressionError


def named(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.children if child.is_named and child.type != "comment"]


_TUPLES = frozenset({"tuple_expression", "tuple_type", "tuple_pattern", "parenthesized_variable_designation"})


class Reader:
    """Makes our nodes of tree-sitter's."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.src = source.bytes

    def text(self, node: tree_sitter.Node) -> str:
        return self.src[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def refuse(self, node: tree_sitter.Node, what: str = "") -> ExpressionError:
        if node.type in _TUPLES:
            message = "API Management does not allow the type ValueTuple, which tuples are"
            return self.source.error(node.start_byte, message, "refused", "", "ValueTuple")
        kind = what or node.type.replace("_", " ")
        return self.source.not_modelled(node.start_byte, f"C# syntax '{kind}'")

    def field(self, node: tree_sitter.Node, name: str) -> tree_sitter.Node:
        child = node.child_by_field_name(name)
        if child is None:
            raise self.refuse(node)
        return child

    def identifier(self, node: tree_sitter.Node) -> str:
        name = self.text(node)
        if name.startswith("@"):
            return name[1:]
        if name in ("await", "async", "dynamic", "var", "from"):
            raise self.refuse(node, name)
        return name

    def expr(self, node: tree_sitter.Node) -> Node:
        """An expression."""
        raise NotImplementedError

    def type(self, node: tree_sitter.Node) -> Node:
        """A type."""
        raise NotImplementedError

    def block(self, node: tree_sitter.Node) -> Node:
        """A block of statements, as lambdas have."""
        raise NotImplementedError
