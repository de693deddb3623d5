"""Operator expressions as flat lists of operands and operators, in the order of the text."""

import itertools
from dataclasses import dataclass
from typing import Any

import tree_sitter

from apim_policies.expressions.syntax.names import Names
from apim_policies.expressions.syntax.reader import named
from apim_policies.expressions.syntax.tree import Node


@dataclass(slots=True)
class Item:
    """One piece of a flattened operator expression."""

    kind: str  # atom, op, prefix, cast, member, call, index, question, post, tern, istype, isdecl
    pos: int
    value: Any = None
    extra: Any = None


class Flattening(Names):
    """Arguments and operands are read, what belongs to what is not decided."""

    def flatten(self, node: tree_sitter.Node) -> list[Item]:
        items: list[Item] = []
        self._flatten(node, items)
        return items

    def _flatten(self, node: tree_sitter.Node, out: list[Item]) -> None:
        kind, pos = node.type, node.start_byte
        if kind in ("binary_expression", "assignment_expression"):
            self._flatten(self.field(node, "left"), out)
            operator = next(c for c in node.children if not c.is_named and self.text(c) not in "()")
            out.append(Item("op", operator.start_byte, self.text(operator)))
            self._flatten(self.field(node, "right"), out)
        elif kind == "prefix_unary_expression":
            operator, operand = node.children[0], named(node)[-1]
            out.append(Item("prefix", pos, self.text(operator)))
            self._flatten(operand, out)
        elif kind == "postfix_unary_expression":
            self._flatten(named(node)[0], out)
            out.append(Item("post", node.children[-1].start_byte, self.text(node.children[-1])))
        elif kind == "cast_expression":
            out.append(Item("cast", pos, self.field(node, "type")))
            self._flatten(self.field(node, "value"), out)
        elif kind == "member_access_expression":
            target = self.field(node, "expression")
            self._flatten(target, out)
            out.append(self.member(self.field(node, "name")))
        elif kind == "invocation_expression" and self.text(self.field(node, "function")) == "nameof":
            out.append(Item("atom", pos, self.nameof(node)))
        elif kind == "invocation_expression":
            self._flatten(self.field(node, "function"), out)
            arguments = self.field(node, "arguments")
            out.append(Item("call", arguments.start_byte, self.arguments(arguments)))
        elif kind == "element_access_expression":
            self._flatten(self.field(node, "expression"), out)
            subscript = self.field(node, "subscript")
            out.append(Item("index", subscript.start_byte, self.arguments(subscript)))
        elif kind == "conditional_access_expression":
            condition = self.field(node, "condition")
            self._flatten(condition, out)
            question = next(c for c in node.children if c.type == "?")
            out.append(Item("question", question.start_byte))
            self._flatten(named(node)[-1], out)
        elif kind == "member_binding_expression":
            out.append(self.member(self.field(node, "name")))
        elif kind == "element_binding_expression":
            out.append(Item("index", pos, self.arguments(node)))
        elif kind == "conditional_expression":
            self._flatten(self.field(node, "condition"), out)
            question = next(c for c in node.children if c.type == "?")
            out.append(Item("tern", question.start_byte, self.expr(self.field(node, "consequence"))))
            self._flatten(self.field(node, "alternative"), out)
        elif kind in ("is_expression", "as_expression"):
            self._flatten(self.field(node, "left"), out)
            type_node = self.field(node, "right")
            if kind == "is_expression" and type_node.type in ("identifier", "qualified_name"):
                # `x is Name` could name a type or a constant: the binder decides.
                pass
            out.append(
                Item("istype" if kind == "is_expression" else "astype", type_node.start_byte, self.type(type_node))
            )
        elif kind == "is_pattern_expression":
            self._flatten(self.field(node, "expression"), out)
            pattern = self.field(node, "pattern")
            if pattern.type == "constant_pattern":
                out.append(Item("op", pattern.start_byte, "is"))
                self._flatten(named(pattern)[0], out)
            elif pattern.type == "declaration_pattern":
                name = self.field(pattern, "name")
                out.append(
                    Item("isdecl", pattern.start_byte, self.type(self.field(pattern, "type")), self.identifier(name))
                )
            else:
                raise self.refuse(pattern)
        elif kind in ("collection_expression",):
            out.append(Item("collection", pos, node))
        else:
            out.append(Item("atom", pos, self.expr(node), node))

    def member(self, node: tree_sitter.Node) -> Item:
        if node.type == "generic_name":
            inner = named(node)
            return Item("member", node.start_byte, self.text(inner[0]), [self.type(c) for c in named(inner[1])])
        return Item("member", node.start_byte, self.text(node).removeprefix("@"))

    def arguments(self, node: tree_sitter.Node) -> list[Node]:
        """arg(expression, name, mode) nodes; the expression of `out T x` is outvar(type, name)."""
        result: list[Node] = []
        for child in named(node):
            if child.type != "argument":
                raise self.refuse(child)
            name_node = child.child_by_field_name("name")
            name = self.identifier(name_node) if name_node is not None else None
            mode: str | None = None
            value: Node | None = None
            for part in child.children:
                if part.type in ("out", "ref", "in"):
                    mode = part.type
                elif part.type == "declaration_expression" and mode is None:
                    value = self.product(part)
                elif part.type == "declaration_expression":
                    var = self.field(part, "name")
                    if var.type != "identifier":
                        raise self.refuse(part)
                    value = Node("outvar", part.start_byte, self.type(self.field(part, "type")), self.identifier(var))
                elif (
                    part.is_named
                    and part.type != "comment"
                    and (name_node is None or part.start_byte != name_node.start_byte)
                ):
                    value = self.expr(part)
            if value is None or mode in ("ref", "in"):
                raise self.refuse(child, mode or "argument")
            if value.kind == "outvar" and mode != "out":
                raise self.refuse(child, "declaration expression")
            result.append(Node("arg", child.start_byte, value, name, mode))
        for first, second in itertools.pairwise(result):
            if _ends_less_than(first.a) and _starts_greater_than(second.a):
                raise self.source.not_modelled(
                    first.pos, "the comparison 'a < b, c > d' in arguments", "C# may read a generic call; use brackets"
                )
        return result

    def nameof(self, node: tree_sitter.Node) -> Node:
        """`nameof(a.b)`: what it names must exist."""
        arguments = self.arguments(self.field(node, "arguments"))
        inner = arguments[0].a if len(arguments) == 1 and not arguments[0].b else None
        if inner is None or inner.kind not in ("name", "member") or inner.c:
            raise self.refuse(node, "nameof of this")
        return Node("nameof", node.start_byte, inner.a if inner.kind == "name" else inner.b, inner)

    def product(self, node: tree_sitter.Node) -> Node:
        """`f(a * b)`, which the grammar takes for a variable `b` of the pointer type `a*`."""
        type_node, name = self.field(node, "type"), self.field(node, "name")
        if type_node.type != "pointer_type" or name.type != "identifier":
            raise self.refuse(node)
        left = self.expr(self.field(type_node, "type"))
        return Node("bin", node.start_byte, "*", left, Node("name", name.start_byte, self.identifier(name), None))


def _ends_less_than(node: Node) -> bool:
    while node.kind == "bin" and node.a != "<":
        node = node.c
    return node.kind == "bin" and node.b.kind in ("name", "member")


def _starts_greater_than(node: Node) -> bool:
    while node.kind == "bin" and node.a not in (">", ">>"):
        node = node.b
    return node.kind == "bin" and node.c.kind == "paren"
