"""Flat lists parsed with the precedences of C# 7."""

from apim_policies.expressions.syntax.flattening import Item
from apim_policies.expressions.syntax.reader import Reader
from apim_policies.expressions.syntax.tree import Node

_BINARY = {
    "??": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7, "<": 8, ">": 8, "<=": 8, ">=": 8,
    "<<": 9, ">>": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11,
}  # fmt: skip


_ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
_RELATIONAL = 8
_PREFIXES = {"+", "-", "!", "~", "++", "--"}


class Operators:
    """Parses one flat list."""

    def __init__(self, reader: Reader, items: list[Item]) -> None:
        self.reader, self.source = reader, reader.source
        self.items = items
        self.i = 0

    def parse(self) -> Node:
        result = self.assignment()
        if self.i != len(self.items):
            raise self.source.error(self.items[self.i].pos, "operator not expected here", "syntax", "CS1003")
        return result

    def peek(self) -> Item | None:
        return self.items[self.i] if self.i < len(self.items) else None

    def assignment(self) -> Node:
        left = self.ternary()
        item = self.peek()
        if item is not None and item.kind == "op" and item.value in _ASSIGN:
            self.i += 1
            return Node("assign", item.pos, item.value, left, self.assignment())
        return left

    def ternary(self) -> Node:
        condition = self.binary(1)
        item = self.peek()
        if item is not None and item.kind == "tern":
            self.i += 1
            return Node("tern", item.pos, condition, item.value, self.assignment())
        return condition

    def binary(self, least: int) -> Node:
        left = self.unary()
        while (item := self.peek()) is not None:
            if item.kind in ("istype", "astype", "isdecl"):
                if least > _RELATIONAL:
                    break
                self.i += 1
                left = Node(item.kind, item.pos, left, item.value, item.extra)
                continue
            if item.kind != "op":
                break
            operator: str = item.value
            if operator == "is":
                if least > _RELATIONAL:
                    break
                self.i += 1
                left = Node("isconst", item.pos, left, self.binary(_RELATIONAL + 1))
                continue
            precedence = _BINARY.get(operator)
            if precedence is None:
                if operator in _ASSIGN:
                    break
                raise self.source.not_modelled(item.pos, f"operator '{operator}'")
            if precedence < least:
                break
            self.i += 1
            if operator == "??":  # right associative
                left = Node("bin", item.pos, operator, left, self.binary(precedence))
            else:
                left = Node("bin", item.pos, operator, left, self.binary(precedence + 1))
        return left

    def unary(self) -> Node:
        item = self.peek()
        if item is None:
            raise self.source.error(self.items[-1].pos, "expression expected", "syntax", "CS1525")
        if item.kind == "prefix":
            if item.value not in _PREFIXES:
                raise self.source.not_modelled(item.pos, f"operator '{item.value}'")
            self.i += 1
            return Node("un", item.pos, item.value, self.unary())
        if item.kind == "cast":
            self.i += 1
            return Node("cast", item.pos, self.reader.type(item.value), self.unary())
        if item.kind != "atom":
            raise self.source.error(item.pos, "expression expected", "syntax", "CS1525")
        self.i += 1
        return self.postfix(item.value)

    def postfix(self, node: Node) -> Node:
        while (item := self.peek()) is not None:
            if item.kind == "question":
                self.i += 1
                first = self.peek()
                if first is None or first.kind not in ("member", "index"):
                    raise self.source.error(item.pos, "expression expected", "syntax", "CS1525")
                return Node("cond", item.pos, node, self.postfix(Node("hole", item.pos)))
            if item.kind == "member":
                node = Node("member", item.pos, node, item.value, item.extra)
            elif item.kind == "call":
                node = Node("call", item.pos, node, item.value)
            elif item.kind == "index":
                node = Node("index", item.pos, node, item.value)
            elif item.kind == "post":
                if item.value not in ("++", "--"):
                    raise self.source.not_modelled(item.pos, f"operator '{item.value}'")
                node = Node("post", item.pos, item.value, node)
            else:
                break
            self.i += 1
        return node
