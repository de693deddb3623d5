"""From the text of an expression to its tree."""

import tree_sitter
import tree_sitter_c_sharp

from apim_policies.expressions.scanner import scan_expression
from apim_policies.expressions.syntax.reader import named
from apim_policies.expressions.syntax.statements import Statements
from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.values.failures import ExpressionError

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c_sharp.language()))
_PREFIX = "return ("


def parse(text: str, document: str = "", line: int = 1, column: int = 1) -> tuple[Source, Node]:
    """The tree of `@( )` (a `return` node) or of `@{ }` (a `block`).

    Raises:
        ExpressionError: syntax errors and refused kinds of nodes.
    """
    source = Source(text, document, line, column)
    try:
        end = scan_expression(text, 0)
    except ExpressionError as error:
        raise ExpressionError(
            error.message,
            document=document,
            line=line + error.line - 1,
            column=error.column + (column - 1 if error.line == 1 else 0),
            kind="syntax",
        ) from None
    if text[end:].strip():
        raise source.error(len(text[:end].encode()), "text after the end of the expression", "syntax")
    single = text[1] == "("
    body = text[2 : end - 1].replace("\r\n", "\n\n") if "\r" in text else text[2 : end - 1]
    if single and body.rstrip().endswith(";"):
        raise source.error(2, "an expression in @( ) does not end with ';'", "syntax", "CS1026")
    # The newline keeps a trailing // comment from eating the closing bracket.
    code = f"{_PREFIX}{body}\n);" if single else f"{{{body}\n}}"
    source.bytes = code.encode("utf-8", "surrogatepass")
    source.shift = len(_PREFIX) - 2 if single else -1
    root = _PARSER.parse(source.bytes).root_node
    if root.has_error:
        _refuse_error(source, root, len(_PREFIX) if single else 0)
    statements = [child for child in root.children if child.type not in ("comment", "global_statement")]
    globals_ = [child for child in root.children if child.type == "global_statement"]
    if statements or len(globals_) != 1:
        pos = (statements or globals_[1:] or [root])[0].start_byte
        raise source.error(pos, "this is not one expression" if single else "this is not a block", "syntax")
    inner = named(globals_[0])
    if len(inner) != 1:
        raise source.error(globals_[0].start_byte, "this is not one expression", "syntax")
    return source, _root(Statements(source), inner[0], single)


def _refuse_error(source: Source, root: tree_sitter.Node, ours: int) -> None:
    """`ours`: how many bytes at the start are not the author's."""

    def find(node: tree_sitter.Node) -> tree_sitter.Node | None:
        for child in node.children:
            if child.is_error or child.is_missing:
                return child if child.is_missing else (find(child) or child)
            if child.has_error:
                found = find(child)
                if found is not None:
                    return found
        return None

    bad = find(root) or root
    if bad.is_missing:
        raise source.error(bad.start_byte, f"'{bad.type}' expected", "syntax")
    start = max(bad.start_byte, ours)
    text = source.bytes[start : bad.end_byte].decode("utf-8", "replace").strip().split("\n")[0][:40]
    raise source.error(start, f"this is not C#: {text}", "syntax")


def _root(reader: Statements, node: tree_sitter.Node, single: bool) -> Node:
    if not single:
        if node.type != "block":
            raise reader.source.error(node.start_byte, "this is not a block", "syntax")
        return reader.block(node)
    if node.type != "return_statement":
        raise reader.source.error(node.start_byte, "this is not one expression", "syntax")
    inner = named(node)
    if len(inner) != 1 or reader.src[node.end_byte - 1 :] != b";":
        raise reader.source.error(node.start_byte, "this is not one expression", "syntax", "CS1026")
    if inner[0].type == "tuple_expression":
        raise reader.refuse(inner[0])
    # `return (a) + (b);` would mean that the brackets of the expression are not ours.
    if inner[0].type != "parenthesized_expression" or inner[0].start_byte != len(_PREFIX) - 1:
        items = reader.flatten(inner[0])
        if not items or items[0].kind != "atom" or items[0].pos != len(_PREFIX) - 1:
            raise reader.source.error(inner[0].start_byte, "this is not one expression", "syntax")
        raise reader.source.error(inner[0].start_byte, "this is not one expression", "syntax")
    return Node("return", inner[0].start_byte, reader.expr(inner[0]))
