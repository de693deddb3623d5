"""The syntax tree, and the text that it comes from."""

from typing import Any

from apim_policies.expressions.scanner import position
from apim_policies.expressions.values.failures import ExpressionError


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
