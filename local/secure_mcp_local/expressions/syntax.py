"""From text to a syntax tree of the C# that policy expressions use.

`tree-sitter-c-sharp` finds statements, literals, types and operands; its kinds of nodes are converted by a table,
and a kind that is not in the table is refused by name. Operators are a different matter: the grammar gets their
nesting wrong without saying so (`a + b?.c` becomes `(a + b)?.c`, `x is null || y` becomes `x is (null || y)`,
`(T)x.As<U>(true)` becomes two comparisons, `(x)-y` a cast, `(x)[0]` a cast of a collection). The order of the
tokens is always right, so each operator expression is flattened into its operands and operators and parsed again
with C#'s own precedences.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tree_sitter
import tree_sitter_c_sharp

from secure_mcp_local.expressions.failures import ExpressionError
from secure_mcp_local.expressions.scanner import position, scan_expression
from secure_mcp_local.expressions.text import utf16

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c_sharp.language()))
_PREFIX = "return ("


class Node:
    """One node of the tree. `kind` decides what `a`, `b`, `c` and `d` hold (see the functions of this module)."""

    __slots__ = ("a", "b", "c", "d", "kind", "pos")

    def __init__(self, kind: str, pos: int, a: Any = None, b: Any = None, c: Any = None, d: Any = None) -> None:
        self.kind, self.pos, self.a, self.b, self.c, self.d = kind, pos, a, b, c, d

    def __repr__(self) -> str:
        parts = [repr(x) for x in (self.a, self.b, self.c, self.d) if x is not None]
        return f"{self.kind}({', '.join(parts)})"


class Source:
    """The text of one expression and where it stands, to say where something is wrong."""

    def __init__(self, text: str, document: str, line: int, column: int) -> None:
        self.text, self.document, self.line, self.column = text, document, line, column
        self.bytes = b""
        """What tree-sitter read; positions of nodes are byte offsets here."""
        self.shift = 0
        """Byte offset in `bytes` minus byte offset in `text`."""

    def error(
        self, pos: int, message: str, kind: str = "compile", code: str = "", feature: str = ""
    ) -> ExpressionError:
        prefix = self.text.encode("utf-8", "surrogatepass")[: max(0, pos - self.shift)].decode("utf-8", "surrogatepass")
        line, column = position(prefix, len(prefix))
        return ExpressionError(
            f"{message} [{code}]" if code else message,
            document=self.document,
            line=self.line + line - 1,
            column=column + (self.column - 1 if line == 1 else 0),
            kind=kind,
            code=code,
            feature=feature,
        )

    def not_modelled(self, pos: int, feature: str, why: str = "") -> ExpressionError:
        reason = f": {why}" if why else ""
        return self.error(pos, f"{feature} is not modelled by the local cloud{reason}", "not modelled", "", feature)


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
        _refuse_error(source, root)
    statements = [child for child in root.children if child.type not in ("comment", "global_statement")]
    globals_ = [child for child in root.children if child.type == "global_statement"]
    if statements or len(globals_) != 1:
        pos = (statements or globals_[1:] or [root])[0].start_byte
        raise source.error(pos, "this is not one expression" if single else "this is not a block", "syntax")
    inner = _named(globals_[0])
    if len(inner) != 1:
        raise source.error(globals_[0].start_byte, "this is not one expression", "syntax")
    return source, _Reader(source).root(inner[0], single)


def _refuse_error(source: Source, root: tree_sitter.Node) -> None:
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
    text = source.bytes[bad.start_byte : bad.end_byte].decode("utf-8", "replace").strip().split("\n")[0][:40]
    raise source.error(bad.start_byte, f"this is not C#: {text}", "syntax")


def _named(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.children if child.is_named and child.type != "comment"]


# ------------------------------------------------------------------------------------------ operators
@dataclass(slots=True)
class _Item:
    """One piece of a flattened operator expression."""

    kind: str  # atom, op, prefix, cast, member, call, index, question, post, tern, istype, isdecl
    pos: int
    value: Any = None
    extra: Any = None


_BINARY = {
    "??": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7, "<": 8, ">": 8, "<=": 8, ">=": 8,
    "<<": 9, ">>": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11,
}  # fmt: skip
_ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
_RELATIONAL = 8
_PREFIXES = {"+", "-", "!", "~", "++", "--"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{1,4})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {
    "'": "'", '"': '"', "\\": "\\", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "v": "\v",
}  # fmt: skip


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.src = source.bytes

    # -- small tools
    def text(self, node: tree_sitter.Node) -> str:
        return self.src[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def refuse(self, node: tree_sitter.Node, what: str = "") -> ExpressionError:
        kind = what or node.type.replace("_", " ")
        return self.source.not_modelled(node.start_byte, f"C# syntax '{kind}'")

    def unescape(self, pos: int, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            u4, u8, x, simple = match.groups()
            if simple is not None:
                if simple not in _SIMPLE_ESCAPES:
                    raise self.source.error(pos, f"unrecognized escape sequence '\\{simple}'", "syntax", "CS1009")
                return _SIMPLE_ESCAPES[simple]
            code = int(u4 or u8 or x, 16)
            if code > 0x10FFFF:
                raise self.source.error(pos, "unrecognized escape sequence", "syntax", "CS1009")
            return utf16(chr(code))

        return _ESCAPE.sub(replace, utf16(text)) if "\\" in text else utf16(text)

    # -- entry
    def root(self, node: tree_sitter.Node, single: bool) -> Node:
        if not single:
            if node.type != "block":
                raise self.source.error(node.start_byte, "this is not a block", "syntax")
            return self.block(node)
        if node.type != "return_statement":
            raise self.source.error(node.start_byte, "this is not one expression", "syntax")
        inner = _named(node)
        if len(inner) != 1 or self.src[node.end_byte - 1 :] != b";":
            raise self.source.error(node.start_byte, "this is not one expression", "syntax", "CS1026")
        if inner[0].type == "tuple_expression":
            raise self.refuse(inner[0])
        # `return (a) + (b);` would mean that the brackets of the expression are not ours.
        if inner[0].type != "parenthesized_expression" or inner[0].start_byte != len(_PREFIX) - 1:
            items = self.flatten(inner[0])
            if not items or items[0].kind != "atom" or items[0].pos != len(_PREFIX) - 1:
                raise self.source.error(inner[0].start_byte, "this is not one expression", "syntax")
            raise self.source.error(inner[0].start_byte, "this is not one expression", "syntax")
        return Node("return", inner[0].start_byte, self.expr(inner[0]))

    # -- statements
    def block(self, node: tree_sitter.Node) -> Node:
        return Node("block", node.start_byte, [self.statement(child) for child in _named(node)])

    def statement(self, node: tree_sitter.Node) -> Node:
        read = _STATEMENTS.get(node.type)
        if read is None:
            raise self.refuse(node)
        return read(self, node)

    def s_expression(self, node: tree_sitter.Node) -> Node:
        return Node("expr", node.start_byte, self.expr(_named(node)[0]))

    def s_return(self, node: tree_sitter.Node) -> Node:
        inner = _named(node)
        return Node("return", node.start_byte, self.expr(inner[0]) if inner else None)

    def s_throw(self, node: tree_sitter.Node) -> Node:
        inner = _named(node)
        return Node("throw", node.start_byte, self.expr(inner[0]) if inner else None)

    def s_empty(self, node: tree_sitter.Node) -> Node:
        return Node("block", node.start_byte, [])

    def s_jump(self, node: tree_sitter.Node) -> Node:
        return Node(node.type.removesuffix("_statement"), node.start_byte)

    def s_local(self, node: tree_sitter.Node) -> Node:
        const = False
        declaration: tree_sitter.Node | None = None
        for child in _named(node):
            if child.type == "modifier" and self.text(child) == "const":
                const = True
            elif child.type == "variable_declaration":
                declaration = child
            else:
                raise self.refuse(child)
        if declaration is None or node.children[0].type in ("using", "await"):
            raise self.refuse(node)
        result = self.declaration(declaration)
        result.c = const
        return result

    def declaration(self, node: tree_sitter.Node) -> Node:
        """local(type, [(name, initializer or None, pos)])"""
        type_node = node.child_by_field_name("type")
        assert type_node is not None
        variables: list[tuple[str, Node | None, int]] = []
        for child in _named(node):
            if child.type != "variable_declarator":
                if child.start_byte == type_node.start_byte:
                    continue
                raise self.refuse(child)
            name = child.child_by_field_name("name")
            if name is None or name.type != "identifier":
                raise self.refuse(_named(child)[0])
            rest = [c for c in _named(child) if c.start_byte != name.start_byte]
            if len(rest) > 1 or (rest and rest[0].type == "bracketed_argument_list"):
                raise self.refuse(child)
            init = None
            if rest:
                init = self.initializer(rest[0]) if rest[0].type == "initializer_expression" else self.expr(rest[0])
            variables.append((self.identifier(name), init, child.start_byte))
        return Node("local", node.start_byte, self.type(type_node), variables)

    def s_if(self, node: tree_sitter.Node) -> Node:
        other = node.child_by_field_name("alternative")
        return Node(
            "if",
            node.start_byte,
            self.expr(self.field(node, "condition")),
            self.statement(self.field(node, "consequence")),
            self.statement(other) if other is not None else None,
        )

    def field(self, node: tree_sitter.Node, name: str) -> tree_sitter.Node:
        child = node.child_by_field_name(name)
        if child is None:
            raise self.refuse(node)
        return child

    def s_while(self, node: tree_sitter.Node) -> Node:
        inner = [c for c in _named(node)]
        return Node("while", node.start_byte, self.expr(inner[0]), self.statement(self.field(node, "body")))

    def s_do(self, node: tree_sitter.Node) -> Node:
        condition = self.expr(self.field(node, "condition"))
        return Node("do", node.start_byte, condition, self.statement(self.field(node, "body")))

    def s_for(self, node: tree_sitter.Node) -> Node:
        initial: list[Node] = []
        for child in node.children_by_field_name("initializer"):
            if not child.is_named:
                continue
            if child.type == "variable_declaration":
                initial.append(self.declaration(child))
            else:
                initial.append(Node("expr", child.start_byte, self.expr(child)))
        condition = node.child_by_field_name("condition")
        updates = [
            Node("expr", c.start_byte, self.expr(c)) for c in node.children_by_field_name("update") if c.is_named
        ]
        body = self.statement(self.field(node, "body"))
        return Node("for", node.start_byte, initial, self.expr(condition) if condition else None, updates, body)

    def s_foreach(self, node: tree_sitter.Node) -> Node:
        if node.children[0].type != "foreach":
            raise self.refuse(node)
        left = self.field(node, "left")
        if left.type != "identifier":
            raise self.refuse(left)
        return Node(
            "foreach",
            node.start_byte,
            self.type(self.field(node, "type")),
            (self.identifier(left), left.start_byte),
            self.expr(self.field(node, "right")),
            self.statement(self.field(node, "body")),
        )

    def s_try(self, node: tree_sitter.Node) -> Node:
        catches: list[tuple[Node | None, str | None, Node | None, Node, int]] = []
        final: Node | None = None
        for child in _named(node):
            if child.type == "catch_clause":
                type_: Node | None = None
                name: str | None = None
                when: Node | None = None
                body: Node | None = None
                for part in _named(child):
                    if part.type == "catch_declaration":
                        type_ = self.type(self.field(part, "type"))
                        name_node = part.child_by_field_name("name")
                        name = self.identifier(name_node) if name_node is not None else None
                    elif part.type == "catch_filter_clause":
                        when = self.expr(_named(part)[0])
                    else:
                        body = self.block(part)
                assert body is not None
                catches.append((type_, name, when, body, child.start_byte))
            elif child.type == "finally_clause":
                final = self.block(_named(child)[0])
        return Node("try", node.start_byte, self.block(self.field(node, "body")), catches, final)

    def s_using(self, node: tree_sitter.Node) -> Node:
        if node.children[0].type != "using":
            raise self.refuse(node)
        resource = _named(node)[0]
        body = self.statement(self.field(node, "body"))
        if resource.type == "variable_declaration":
            return Node("using", node.start_byte, self.declaration(resource), body)
        return Node("using", node.start_byte, Node("expr", resource.start_byte, self.expr(resource)), body)

    def s_switch(self, node: tree_sitter.Node) -> Node:
        """switch(value, [(labels, statements, pos)]); a label is an expression or None for default."""
        sections: list[tuple[list[Node | None], list[Node], int]] = []
        for section in _named(self.field(node, "body")):
            if section.type != "switch_section":
                raise self.refuse(section)
            labels: list[Node | None] = []
            statements: list[Node] = []
            for child in section.children:
                if child.type == "default":
                    labels.append(None)
                elif child.type == "constant_pattern":
                    labels.append(self.expr(_named(child)[0]))
                elif child.is_named and child.type in _STATEMENTS:
                    statements.append(self.statement(child))
                elif child.is_named and child.type != "comment":
                    raise self.refuse(child)
            if sections and not sections[-1][1]:
                labels = sections.pop()[0] + labels
            sections.append((labels, statements, section.start_byte))
        return Node("switch", node.start_byte, self.expr(self.field(node, "value")), sections)

    def s_local_function(self, node: tree_sitter.Node) -> Node:
        body = self.field(node, "body")
        if any(child.type in ("modifier", "type_parameter_list") for child in node.children):
            raise self.refuse(node)
        block = body.type == "block"
        if not block:
            body = _named(body)[0] if body.type == "arrow_expression_clause" else body
        return Node(
            "function",
            node.start_byte,
            (self.type(self.field(node, "type")), self.identifier(self.field(node, "name"))),
            self.parameters(self.field(node, "parameters")),
            self.block(body) if block else self.expr(body),
            block,
        )

    # -- types
    def type(self, node: tree_sitter.Node) -> Node:
        """tname(name, arguments), tarray(element), tnullable(element) or tvar; names keep their qualifier."""
        kind, pos = node.type, node.start_byte
        if kind in ("identifier", "predefined_type"):
            name = self.text(node)
            return Node("tvar" if name == "var" else "tname", pos, name, [])
        if kind == "implicit_type":
            return Node("tvar", pos)
        if kind == "generic_name":
            inner = _named(node)
            arguments = [self.type(child) for child in _named(inner[1])]
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
            return Node("tarray", pos, self.type(self.field(node, "type")), [self.expr(c) for c in _named(rank)])
        if kind == "nullable_type":
            return Node("tnullable", pos, self.type(self.field(node, "type")))
        raise self.refuse(node)

    # -- expressions
    def identifier(self, node: tree_sitter.Node) -> str:
        name = self.text(node)
        if name.startswith("@"):
            return name[1:]
        if name in ("await", "async", "dynamic", "var", "from", "nameof"):
            raise self.refuse(node, name)
        return name

    def expr(self, node: tree_sitter.Node) -> Node:
        if node.type in _FLAT:
            return _Operators(self, self.flatten(node)).parse()
        read = _EXPRESSIONS.get(node.type)
        if read is None:
            raise self.refuse(node)
        return read(self, node)

    def flatten(self, node: tree_sitter.Node) -> list[_Item]:
        items: list[_Item] = []
        self._flatten(node, items)
        return items

    def _flatten(self, node: tree_sitter.Node, out: list[_Item]) -> None:
        kind, pos = node.type, node.start_byte
        if kind in ("binary_expression", "assignment_expression"):
            self._flatten(self.field(node, "left"), out)
            operator = next(c for c in node.children if not c.is_named and self.text(c) not in "()")
            out.append(_Item("op", operator.start_byte, self.text(operator)))
            self._flatten(self.field(node, "right"), out)
        elif kind == "prefix_unary_expression":
            operator, operand = node.children[0], _named(node)[-1]
            out.append(_Item("prefix", pos, self.text(operator)))
            self._flatten(operand, out)
        elif kind == "postfix_unary_expression":
            self._flatten(_named(node)[0], out)
            out.append(_Item("post", node.children[-1].start_byte, self.text(node.children[-1])))
        elif kind == "cast_expression":
            out.append(_Item("cast", pos, self.field(node, "type")))
            self._flatten(self.field(node, "value"), out)
        elif kind == "member_access_expression":
            target = self.field(node, "expression")
            self._flatten(target, out)
            out.append(self.member(self.field(node, "name")))
        elif kind == "invocation_expression":
            self._flatten(self.field(node, "function"), out)
            arguments = self.field(node, "arguments")
            out.append(_Item("call", arguments.start_byte, self.arguments(arguments)))
        elif kind == "element_access_expression":
            self._flatten(self.field(node, "expression"), out)
            subscript = self.field(node, "subscript")
            out.append(_Item("index", subscript.start_byte, self.arguments(subscript)))
        elif kind == "conditional_access_expression":
            condition = self.field(node, "condition")
            self._flatten(condition, out)
            question = next(c for c in node.children if c.type == "?")
            out.append(_Item("question", question.start_byte))
            self._flatten(_named(node)[-1], out)
        elif kind == "member_binding_expression":
            out.append(self.member(self.field(node, "name")))
        elif kind == "element_binding_expression":
            out.append(_Item("index", pos, self.arguments(node)))
        elif kind == "conditional_expression":
            self._flatten(self.field(node, "condition"), out)
            question = next(c for c in node.children if c.type == "?")
            out.append(_Item("tern", question.start_byte, self.expr(self.field(node, "consequence"))))
            self._flatten(self.field(node, "alternative"), out)
        elif kind in ("is_expression", "as_expression"):
            self._flatten(self.field(node, "left"), out)
            type_node = self.field(node, "right")
            if kind == "is_expression" and type_node.type in ("identifier", "qualified_name"):
                # `x is Name` could name a type or a constant: the binder decides.
                pass
            out.append(
                _Item("istype" if kind == "is_expression" else "astype", type_node.start_byte, self.type(type_node))
            )
        elif kind == "is_pattern_expression":
            self._flatten(self.field(node, "expression"), out)
            pattern = self.field(node, "pattern")
            if pattern.type == "constant_pattern":
                out.append(_Item("op", pattern.start_byte, "is"))
                self._flatten(_named(pattern)[0], out)
            elif pattern.type == "declaration_pattern":
                name = self.field(pattern, "name")
                out.append(
                    _Item("isdecl", pattern.start_byte, self.type(self.field(pattern, "type")), self.identifier(name))
                )
            else:
                raise self.refuse(pattern)
        elif kind in ("collection_expression",):
            out.append(_Item("collection", pos, node))
        else:
            out.append(_Item("atom", pos, self.expr(node), node))

    def member(self, node: tree_sitter.Node) -> _Item:
        if node.type == "generic_name":
            inner = _named(node)
            return _Item("member", node.start_byte, self.text(inner[0]), [self.type(c) for c in _named(inner[1])])
        return _Item("member", node.start_byte, self.text(node).removeprefix("@"))

    def arguments(self, node: tree_sitter.Node) -> list[Node]:
        """arg(expression, name, mode) nodes; the expression of `out T x` is outvar(type, name)."""
        result: list[Node] = []
        for child in _named(node):
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

    def product(self, node: tree_sitter.Node) -> Node:
        """`f(a * b)`, which the grammar takes for a variable `b` of the pointer type `a*`."""
        type_node, name = self.field(node, "type"), self.field(node, "name")
        if type_node.type != "pointer_type" or name.type != "identifier":
            raise self.refuse(node)
        left = self.expr(self.field(type_node, "type"))
        return Node("bin", node.start_byte, "*", left, Node("name", name.start_byte, self.identifier(name), None))

    def e_name(self, node: tree_sitter.Node) -> Node:
        return Node("name", node.start_byte, self.identifier(node), None)

    def e_generic(self, node: tree_sitter.Node) -> Node:
        inner = _named(node)
        return Node("name", node.start_byte, self.text(inner[0]), [self.type(c) for c in _named(inner[1])])

    def e_predefined(self, node: tree_sitter.Node) -> Node:
        return Node("predefined", node.start_byte, self.type(node))

    def e_qualified(self, node: tree_sitter.Node) -> Node:
        type_ = self.type(node)
        parts = type_.a.split(".")
        result = Node("name", node.start_byte, parts[0], None)
        for i, part in enumerate(parts[1:], 1):
            result = Node("member", node.start_byte, result, part, type_.b or None if i == len(parts) - 1 else None)
        return result

    def e_paren(self, node: tree_sitter.Node) -> Node:
        return Node("paren", node.start_byte, self.expr(_named(node)[0]))

    def e_integer(self, node: tree_sitter.Node) -> Node:
        return Node("int", node.start_byte, self.text(node))

    def e_real(self, node: tree_sitter.Node) -> Node:
        return Node("real", node.start_byte, self.text(node))

    def e_bool(self, node: tree_sitter.Node) -> Node:
        return Node("bool", node.start_byte, self.text(node) == "true")

    def e_null(self, node: tree_sitter.Node) -> Node:
        return Node("null", node.start_byte)

    def e_string(self, node: tree_sitter.Node) -> Node:
        text = self.text(node)
        if not text.startswith('"') or len(text) < 2 or text.startswith('"""') or text.endswith('"u8'):
            raise self.refuse(node)
        return Node("string", node.start_byte, self.unescape(node.start_byte, text[1:-1]))

    def e_verbatim(self, node: tree_sitter.Node) -> Node:
        text = self.text(node)
        if not text.startswith('@"') or not text.endswith('"'):
            raise self.refuse(node)
        return Node("string", node.start_byte, utf16(text[2:-1].replace('""', '"')))

    def e_char(self, node: tree_sitter.Node) -> Node:
        value = self.unescape(node.start_byte, self.text(node)[1:-1])
        if len(value) != 1:
            raise self.source.error(node.start_byte, "too many characters in character literal", "syntax", "CS1012")
        return Node("char", node.start_byte, ord(value))

    def e_interpolated(self, node: tree_sitter.Node) -> Node:
        """interp([str or (expression, alignment, format)])"""
        text = self.text(node)
        verbatim = text.startswith(("$@", "@$"))
        opening = 3 if verbatim else 2
        if not text.endswith('"') or text[opening - 1] != '"' or text.startswith('$"""'):
            raise self.refuse(node)
        parts: list[Any] = []
        at = node.start_byte + opening

        def literal(start: int, end: int) -> None:
            raw = self.src[start:end].decode("utf-8", "surrogatepass")
            plain = raw.replace("{{", "\ue000").replace("}}", "\ue001") if "{" in raw or "}" in raw else raw
            if "{" in plain or "}" in plain or (plain is not raw and ("\ue000" in raw or "\ue001" in raw)):
                raise self.source.error(start, "a brace in an interpolated string is doubled", "syntax", "CS8086")
            value = utf16(plain.replace('""', '"')) if verbatim else self.unescape(start, plain)
            if plain is not raw:
                value = value.replace("\ue000", "{").replace("\ue001", "}")
            if value:
                parts.append(value)

        for child in _named(node):
            if child.type != "interpolation":
                continue
            literal(at, child.start_byte)
            at = child.end_byte
            value: Node | None = None
            align: Node | None = None
            form: str | None = None
            for part in _named(child):
                if part.type == "interpolation_alignment_clause":
                    align = self.expr(_named(part)[0])
                elif part.type == "interpolation_format_clause":
                    raw = self.text(part)[1:]
                    form = utf16(raw.replace('""', '"')) if verbatim else self.unescape(part.start_byte, raw)
                    if "{" in form or "}" in form:
                        raise self.refuse(part, "brace in a format")
                elif part.type != "interpolation_brace":
                    if value is not None:
                        raise self.refuse(part)
                    value = self.expr(part)
            if value is None:
                raise self.source.error(child.start_byte, "expression expected", "syntax", "CS1733")
            parts.append((value, align, form))
        literal(at, node.end_byte - 1)
        return Node("interp", node.start_byte, parts)

    def parameters(self, node: tree_sitter.Node) -> list[tuple[Node | None, str]]:
        result: list[tuple[Node | None, str]] = []
        for child in _named(node):
            if child.type != "parameter" or any(c.type in ("modifier", "=") for c in child.children):
                raise self.refuse(child)
            type_node = child.child_by_field_name("type")
            result.append((self.type(type_node) if type_node else None, self.identifier(self.field(child, "name"))))
        return result

    def e_lambda(self, node: tree_sitter.Node) -> Node:
        """lambda([(type or None, name)], body, is block)"""
        if any(child.type == "modifier" for child in node.children):
            raise self.refuse(node, "async or static lambda")
        if node.children[0].type not in ("implicit_parameter", "parameter_list", "identifier"):
            raise self.refuse(node.children[0])
        parameters = self.field(node, "parameters")
        if parameters.type == "parameter_list":
            names = self.parameters(parameters)
        else:
            names = [(None, self.identifier(parameters))]
        body = self.field(node, "body")
        if body.type == "block":
            return Node("lambda", node.start_byte, names, self.block(body), True)
        return Node("lambda", node.start_byte, names, self.expr(body), False)

    def initializer(self, node: tree_sitter.Node) -> Node:
        """init([items]): an item is an expression, an init, or assign('=', elementinit | name, value)."""
        items: list[Node] = []
        for child in _named(node):
            if child.type == "initializer_expression":
                items.append(self.initializer(child))
            elif child.type == "assignment_expression":
                left, right = self.field(child, "left"), self.field(child, "right")
                if self.text(next(c for c in child.children if not c.is_named)) != "=":
                    raise self.refuse(child)
                value = self.initializer(right) if right.type == "initializer_expression" else self.expr(right)
                if left.type == "element_binding_expression":
                    items.append(Node("initindex", child.start_byte, self.arguments(left), value))
                elif left.type == "identifier":
                    items.append(Node("initmember", child.start_byte, self.identifier(left), value))
                else:
                    raise self.refuse(left)
            else:
                items.append(self.expr(child))
        return Node("init", node.start_byte, items)

    def e_new(self, node: tree_sitter.Node) -> Node:
        """new(type, arguments, initializer)"""
        arguments = node.child_by_field_name("arguments")
        init = node.child_by_field_name("initializer")
        if arguments is None and init is None:
            raise self.source.error(node.end_byte, "'(' expected", "syntax", "CS1526")
        return Node(
            "new",
            node.start_byte,
            self.type(self.field(node, "type")),
            self.arguments(arguments) if arguments is not None else [],
            self.initializer(init) if init is not None else None,
        )

    def e_new_array(self, node: tree_sitter.Node) -> Node:
        """newarray(array type, size or None, initializer or None)"""
        type_ = self.type(self.field(node, "type"))
        init = next((c for c in _named(node) if c.type == "initializer_expression"), None)
        if type_.kind != "tarray" or len(type_.b) > 1:
            raise self.refuse(node)
        # In `new int[2][]` the size stands with the outermost array, which the grammar keeps innermost.
        inner = type_.a
        while inner.kind == "tarray":
            if inner.b:
                raise self.refuse(node, "array of arrays with a size")
            inner = inner.a
        size = type_.b[0] if type_.b else None
        type_.b = []
        if size is None and init is None:
            raise self.source.error(
                node.start_byte, "array creation must have array size or initializer", "syntax", "CS1586"
            )
        return Node("newarray", node.start_byte, type_, size, self.initializer(init) if init else None)

    def e_new_implicit_array(self, node: tree_sitter.Node) -> Node:
        if any(child.type == "," for child in node.children):
            raise self.refuse(node)
        return Node("newimplicit", node.start_byte, self.initializer(_named(node)[0]))

    def e_anonymous(self, node: tree_sitter.Node) -> Node:
        """anonymous([(name, expression, pos)])"""
        members: list[tuple[str, Node, int]] = []
        children = [c for c in node.children if c.type not in ("comment", "new", "{", "}")]
        groups: list[list[tree_sitter.Node]] = [[]]
        for child in children:
            if child.type == ",":
                groups.append([])
            else:
                groups[-1].append(child)
        for group in groups:
            if not group:
                continue
            if len(group) == 3 and group[1].type == "=":
                members.append((self.identifier(group[0]), self.expr(group[2]), group[0].start_byte))
            elif len(group) == 1:
                value = self.expr(group[0])
                last = value
                while last.kind in ("cond",):
                    last = last.b
                if last.kind == "name":
                    name = last.a
                elif last.kind == "member":
                    name = last.b
                else:
                    raise self.source.error(
                        group[0].start_byte, "invalid anonymous type member declarator", "compile", "CS0746"
                    )
                members.append((name, value, group[0].start_byte))
            else:
                raise self.refuse(node)
        return Node("anonymous", node.start_byte, members)

    def e_default(self, node: tree_sitter.Node) -> Node:
        type_node = node.child_by_field_name("type")
        if type_node is None:
            raise self.refuse(node, "default literal")
        return Node("default", node.start_byte, self.type(type_node))

    def e_checked(self, node: tree_sitter.Node) -> Node:
        return Node(node.children[0].type, node.start_byte, self.expr(_named(node)[0]))

    def e_throw(self, node: tree_sitter.Node) -> Node:
        return Node("throwexpr", node.start_byte, self.expr(_named(node)[0]))


def _ends_less_than(node: Node) -> bool:
    while node.kind == "bin" and node.a != "<":
        node = node.c
    return node.kind == "bin" and node.b.kind in ("name", "member")


def _starts_greater_than(node: Node) -> bool:
    while node.kind == "bin" and node.a not in (">", ">>"):
        node = node.b
    return node.kind == "bin" and node.c.kind == "paren"


_FLAT = frozenset(
    {
        "binary_expression", "assignment_expression", "prefix_unary_expression", "postfix_unary_expression",
        "cast_expression", "member_access_expression", "invocation_expression", "element_access_expression",
        "conditional_access_expression", "conditional_expression", "is_expression", "as_expression",
        "is_pattern_expression",
    }
)  # fmt: skip

_EXPRESSIONS: dict[str, Callable[[_Reader, tree_sitter.Node], Node]] = {
    "identifier": _Reader.e_name,
    "generic_name": _Reader.e_generic,
    "predefined_type": _Reader.e_predefined,
    "qualified_name": _Reader.e_qualified,
    "parenthesized_expression": _Reader.e_paren,
    "integer_literal": _Reader.e_integer,
    "real_literal": _Reader.e_real,
    "boolean_literal": _Reader.e_bool,
    "null_literal": _Reader.e_null,
    "string_literal": _Reader.e_string,
    "verbatim_string_literal": _Reader.e_verbatim,
    "character_literal": _Reader.e_char,
    "interpolated_string_expression": _Reader.e_interpolated,
    "lambda_expression": _Reader.e_lambda,
    "object_creation_expression": _Reader.e_new,
    "array_creation_expression": _Reader.e_new_array,
    "implicit_array_creation_expression": _Reader.e_new_implicit_array,
    "anonymous_object_creation_expression": _Reader.e_anonymous,
    "default_expression": _Reader.e_default,
    "checked_expression": _Reader.e_checked,
    "throw_expression": _Reader.e_throw,
}

_STATEMENTS: dict[str, Callable[[_Reader, tree_sitter.Node], Node]] = {
    "block": _Reader.block,
    "expression_statement": _Reader.s_expression,
    "return_statement": _Reader.s_return,
    "throw_statement": _Reader.s_throw,
    "empty_statement": _Reader.s_empty,
    "break_statement": _Reader.s_jump,
    "continue_statement": _Reader.s_jump,
    "local_declaration_statement": _Reader.s_local,
    "if_statement": _Reader.s_if,
    "while_statement": _Reader.s_while,
    "do_statement": _Reader.s_do,
    "for_statement": _Reader.s_for,
    "foreach_statement": _Reader.s_foreach,
    "try_statement": _Reader.s_try,
    "using_statement": _Reader.s_using,
    "switch_statement": _Reader.s_switch,
    "local_function_statement": _Reader.s_local_function,
}


class _Operators:
    """Parses a flattened operator expression with the precedences of C# 7."""

    def __init__(self, reader: _Reader, items: list[_Item]) -> None:
        self.reader, self.source = reader, reader.source
        self.items = self.repaired(items)
        self.i = 0

    # Casts and generic calls that the grammar misreads are put right in the flat list.
    def repaired(self, items: list[_Item]) -> list[_Item]:
        out: list[_Item] = []
        i = 0
        while i < len(items):
            item = items[i]
            following = items[i + 1] if i + 1 < len(items) else None
            if item.kind == "cast" and following is not None:
                type_node: tree_sitter.Node = item.value
                nameable = type_node.type in ("identifier", "qualified_name")
                if following.kind == "collection":
                    # `(x)[0]`: element access of x, C# 7 has no collection expressions.
                    if not nameable:
                        raise self.reader.refuse(following.value)
                    out.append(_Item("atom", item.pos, Node("paren", item.pos, self.reader.expr(type_node))))
                    out.append(_Item("index", following.pos, self.subscript(following.value)))
                    i += 2
                    continue
                if following.kind == "prefix" and following.value in ("+", "-", "++", "--") and nameable:
                    # `(x)-y` subtracts unless x can only be a type; (x)++ belongs to x.
                    if following.value in ("++", "--"):
                        raise self.source.not_modelled(item.pos, f"'(name){following.value}'", "ambiguous")
                    out.append(_Item("atom", item.pos, Node("paren", item.pos, self.reader.expr(type_node))))
                    out.append(_Item("op", following.pos, following.value))
                    i += 2
                    continue
            if item.kind == "collection":
                raise self.reader.refuse(item.value)
            out.append(item)
            i += 1
        return self.generic_calls(out)

    def subscript(self, node: tree_sitter.Node) -> list[Node]:
        arguments: list[Node] = []
        for element in _named(node):
            inner = _named(element)[0] if _named(element) else element
            if element.type != "collection_element" or inner.type != "expression_element":
                raise self.reader.refuse(node)
            value = _named(inner)[0]
            arguments.append(Node("arg", value.start_byte, self.reader.expr(value)))
        return arguments

    def generic_calls(self, items: list[_Item]) -> list[_Item]:
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
                        items[i : j + 2] = [_Item("call", called.pos, [argument])]
                        continue
                    raise self.source.not_modelled(
                        items[i].pos, "a chain of '<' and '>'", "C# may read a generic call; use brackets"
                    )
            i += 1
        return items

    def parse(self) -> Node:
        result = self.assignment()
        if self.i != len(self.items):
            raise self.source.error(self.items[self.i].pos, "operator not expected here", "syntax", "CS1003")
        return result

    def peek(self) -> _Item | None:
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
