"""Reading of names and types."""

import tree_sitter

from apim_policies.expressions.syntax.literals import Literals
from apim_policies.expressions.syntax.reader import named
from apim_policies.expressions.syntax.tree import Node


class Names(Literals):
    """What a name stands for is seen when it is bound."""

    def type(self, node: tree_sitter.Node) -> Node:
        """tname(name, arguments), tarray(element), tnullable(element) or tvar; names keep their qualifier."""
        kind, pos = node.type, node.start_byte
        if kind in ("identifier", "predefined_type"):
            name = self.text(node)
            return Node("tvar" if name == "var" else "tname", pos, name, [])
        if kind == "implicit_type":
            return Node("tvar", pos)
        if kind == "generic_name":
            inner = named(node)
            arguments = [self.type(child) for child in named(inner[1])]
            if len(arguments) == 0:
                raise self.refuse(node, "unbound generic type")
            return Node("tname", pos, self.text(inner[0]), arguments)
        if kind == "qualified_name":
            qualifier = self.type(self.field(node, "qualifier"))
            name_node = self.type(self.field(node, "name"))
            if qualifier.b:
                raise self.refuse(node, "nested type of a generic type")
            return Node("tname", pos, f"{qualifier.a}.{name_node.a}", name_node.b)
        if kind == "array_type":
            rank = node.child_by_field_name("rank")
            if rank is None or any(child.type == "," for child in rank.children):
                raise self.refuse(node, "array of several dimensions")
            return Node("tarray", pos, self.type(self.field(node, "type")), [self.expr(c) for c in named(rank)])
        if kind == "nullable_type":
            return Node("tnullable", pos, self.type(self.field(node, "type")))
        raise self.refuse(node)

    def e_name(self, node: tree_sitter.Node) -> Node:
        return Node("name", node.start_byte, self.identifier(node), None)

    def e_generic(self, node: tree_sitter.Node) -> Node:
        inner = named(node)
        return Node("name", node.start_byte, self.text(inner[0]), [self.type(c) for c in named(inner[1])])

    def e_predefined(self, node: tree_sitter.Node) -> Node:
        return Node("predefined", node.start_byte, self.type(node))

    def e_qualified(self, node: tree_sitter.Node) -> Node:
        type_ = self.type(node)
        parts = type_.a.split(".")
        result = Node("name", node.start_byte, parts[0], None)
        for i, part in enumerate(parts[1:], 1):
            result = Node("member", node.start_byte, result, part, type_.b or None if i == len(parts) - 1 else None)
        return result
