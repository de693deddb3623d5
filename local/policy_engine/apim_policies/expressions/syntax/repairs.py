"""What the grammar takes for something else, put right in the flat list."""

import tree_sitter

from apim_policies.expressions.syntax.flattening import Item
from apim_policies.expressions.syntax.reader import Reader, named
from apim_policies.expressions.syntax.tree import Node

_INFIX = ("+", "-", "*", "&")
"""What the grammar takes for a sign, a dereference or an address."""


def indexed(node: tree_sitter.Node) -> bool:
    """Whether an array type has an expression in its brackets: then it is no type."""
    return node.type == "array_type" and (
        bool(named(node.child_by_field_name("rank") or node)) and node.child_by_field_name("rank") is not None
    )


class Repairs:
    """Casts that are none, and generic calls that were taken for comparisons."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.source = reader, reader.source

    def repaired(self, items: list[Item]) -> list[Item]:
        """The list as C# reads it."""
        out: list[Item] = []
        i = 0
        while i < len(items):
            item = items[i]
            following = items[i + 1] if i + 1 < len(items) else None
            if item.kind == "cast" and following is not None:
                type_node: tree_sitter.Node = item.value
                nameable = type_node.type in ("identifier", "qualified_name")
                if indexed(type_node):
                    # `(x["a"]) + y`: no type has an index, so the brackets are an expression (C# specification, casts).
                    out.append(Item("atom", item.pos, Node("paren", item.pos, self.element(type_node))))
                    items[i + 1 : i + 2] = self.behind(following)
                    further = items[i + 2] if i + 2 < len(items) else None
                    if items[i + 1].kind == "post" and further is not None and further.kind == "prefix":
                        items[i + 2] = Item("op", further.pos, further.value)
                    i += 1
                    continue
                if following.kind == "collection":
                    # `(x)[0]`: element access of x, C# 7 has no collection expressions.
                    if not nameable:
                        raise self.reader.refuse(following.value)
                    out.append(Item("atom", item.pos, Node("paren", item.pos, self.reader.expr(type_node))))
                    out.append(Item("index", following.pos, self.subscript(following.value)))
                    i += 2
                    continue
                if following.kind == "prefix" and following.value in (*_INFIX, "++", "--") and nameable:
                    # `(x)-y` subtracts unless x can only be a type; (x)++ belongs to x.
                    if following.value in ("++", "--"):
                        raise self.source.not_modelled(item.pos, f"'(name){following.value}'", "ambiguous")
                    out.append(Item("atom", item.pos, Node("paren", item.pos, self.reader.expr(type_node))))
                    out.append(Item("op", following.pos, following.value))
                    i += 2
                    continue
            if item.kind == "collection":
                raise self.reader.refuse(item.value)
            out.append(item)
            i += 1
        return self.generic_calls(out)

    def element(self, node: tree_sitter.Node) -> Node:
        """What the grammar takes for an array type: names and indexes."""
        if not indexed(node):
            return self.reader.expr(node)
        rank = self.reader.field(node, "rank")
        arguments = [Node("arg", part.start_byte, self.reader.expr(part), None, None) for part in named(rank)]
        return Node("index", rank.start_byte, self.element(self.reader.field(node, "type")), arguments)

    def behind(self, following: Item) -> list[Item]:
        """What stands behind brackets that are no cast."""
        if following.kind == "collection":
            return [Item("index", following.pos, self.subscript(following.value))]
        if following.kind == "prefix" and following.value in _INFIX:
            return [Item("op", following.pos, following.value)]
        if following.kind == "prefix" and following.value in ("++", "--"):
            return [Item("post", following.pos, following.value)]
        raise self.source.error(following.pos, "operator expected between brackets and this", "syntax", "CS1002")

    def subscript(self, node: tree_sitter.Node) -> list[Node]:
        arguments: list[Node] = []
        for element in named(node):
            inner = named(element)[0] if named(element) else element
            if element.type != "collection_element" or inner.type != "expression_element":
                raise self.reader.refuse(node)
            value = named(inner)[0]
            arguments.append(Node("arg", value.start_byte, self.reader.expr(value)))
        return arguments

    def generic_calls(self, items: list[Item]) -> list[Item]:
        """`x.As < U > (true)` is the call `x.As<U>(true)`: C# always reads it so when `(` follows."""
        i = 0
        while i < len(items):
            if items[i].kind == "op" and items[i].value == "<":
                j = i + 1
                names: list[str] = []
                type_node: Node | None = None
                if j < len(items) and items[j].kind == "atom":
                    atom: Node = items[j].value
                    if atom.kind == "name" and not atom.b:
                        names = [atom.a]
                        j += 1
                        while j < len(items) and items[j].kind == "member" and not items[j].extra:
                            names.append(items[j].value)
                            j += 1
                        type_node = Node("tname", atom.pos, ".".join(names), [])
                    elif atom.kind in ("predefined",):
                        type_node = atom.a
                        j += 1
                closes = j + 1 < len(items) and items[j].kind == "op" and items[j].value == ">"
                if type_node is not None and closes:
                    target, called = items[i - 1], items[j + 1]
                    is_paren = called.kind == "atom" and isinstance(called.value, Node) and called.value.kind == "paren"
                    if is_paren and target.kind == "member" and not target.extra:
                        target.extra = [type_node]
                        argument = Node("arg", called.pos, called.value.a)
                        items[i : j + 2] = [Item("call", called.pos, [argument])]
                        continue
                    raise self.source.not_modelled(
                        items[i].pos, "a chain of '<' and '>'", "C# may read a generic call; use brackets"
                    )
            i += 1
        return items
