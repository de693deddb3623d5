"""Reading of literals and interpolated strings."""

import re
from typing import Any

import tree_sitter

from apim_policies.expressions.syntax.reader import Reader, named
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.values.text import utf16

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{1,4})|(.))", re.DOTALL)
_BRACE_AND_HOLE = re.compile(r"(?<!\{)\{(?:\{\{)+(?!\{)")
_SIMPLE_ESCAPES = {
    "'": "'", '"': '"', "\\": "\\", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "v": "\v",
}  # fmt: skip


class Literals(Reader):
    """Escapes become what they stand for."""

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
            if _BRACE_AND_HOLE.search(raw):
                # The grammar takes what follows for text.
                raise self.refuse(node, "three braces in a row in an interpolated string")
            if "{" in plain or "}" in plain or (plain is not raw and ("\ue000" in raw or "\ue001" in raw)):
                raise self.source.error(start, "a brace in an interpolated string is doubled", "syntax", "CS8086")
            value = utf16(plain.replace('""', '"')) if verbatim else self.unescape(start, plain)
            if plain is not raw:
                value = value.replace("\ue000", "{").replace("\ue001", "}")
            if value:
                parts.append(value)

        for child in named(node):
            if child.type != "interpolation":
                continue
            literal(at, child.start_byte)
            at = child.end_byte
            value: Node | None = None
            align: Node | None = None
            form: str | None = None
            for part in named(child):
                if part.type == "interpolation_alignment_clause":
                    align = self.expr(named(part)[0])
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
