"""Query expressions: `from x in xs where ... select ...` becomes the calls that C# makes of it.

https://learn.microsoft.com/dotnet/csharp/language-reference/language-specification/expressions#1220-query-expressions
"""

import tree_sitter

from apim_policies.expressions.syntax.reader import Reader, named
from apim_policies.expressions.syntax.tree import Node


def query(reader: Reader, node: tree_sitter.Node) -> Node:
    """The calls of a `query_expression`; `let`, `join` and what follows a second `from` but `select` are not modelled."""
    clauses = [child for child in node.children if child.type != "comment"]
    result, name = _source(reader, clauses[0])
    changed = False
    at = 1
    while at < len(clauses):
        clause = clauses[at]
        at += 1
        pos = clause.start_byte
        match clause.type:
            case "where_clause":
                result, changed = _call(pos, result, "Where", _lambda(pos, [name], reader.expr(named(clause)[0]))), True
            case "order_by_clause":
                result, changed = _ordered(reader, clause, result, name), True
            case "from_clause" if at < len(clauses) and clauses[at].type == "select_clause":
                inner, second = _source(reader, clause)
                made = reader.expr(named(clauses[at])[0])
                collection, selector = _lambda(pos, [name], inner), _lambda(pos, [name, second], made)
                result, changed = _call(pos, result, "SelectMany", collection, selector), True
                at += 1
            case "select_clause":
                made = reader.expr(named(clause)[0])
                if not changed or not _is(made, name):
                    result = _call(pos, result, "Select", _lambda(pos, [name], made))
            case "group_clause":
                item, key = (reader.expr(part) for part in named(clause))
                functions = [_lambda(pos, [name], key)]
                if not _is(item, name):
                    functions.append(_lambda(pos, [name], item))
                result = _call(pos, result, "GroupBy", *functions)
            case "into":
                name, changed = reader.identifier(clauses[at]), False
                at += 1
            case _:
                raise reader.refuse(clause)
    return result


def _source(reader: Reader, clause: tree_sitter.Node) -> tuple[Node, str]:
    type_ = clause.child_by_field_name("type")
    name, source = named(clause)[-2:]
    result = reader.expr(source)
    if type_ is not None:
        pos = clause.start_byte
        result = Node("call", pos, Node("member", pos, result, "Cast", [reader.type(type_)]), [])
    return result, reader.identifier(name)


def _ordered(reader: Reader, clause: tree_sitter.Node, result: Node, name: str) -> Node:
    method = "OrderBy"
    parts = [child for child in clause.children[1:] if child.type != "comment"]
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if part.is_named:
            direction = "Descending" if following is not None and following.type == "descending" else ""
            key = _lambda(part.start_byte, [name], reader.expr(part))
            result = _call(part.start_byte, result, method + direction, key)
            method = "ThenBy"
    return result


def _call(pos: int, target: Node, method: str, *functions: Node) -> Node:
    arguments = [Node("arg", pos, function) for function in functions]
    return Node("call", pos, Node("member", pos, target, method, None), arguments)


def _lambda(pos: int, names: list[str], body: Node) -> Node:
    return Node("lambda", pos, [(None, name) for name in names], body, False)


def _is(node: Node, name: str) -> bool:
    return node.kind == "name" and node.a == name and not node.b
