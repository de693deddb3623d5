"""What is said when the engine cannot stand in for API Management: one clear message, never a silent guess."""

from copy import copy
from typing import Self


class ExplainedError(Exception):
    """Shown to the user as it is, without a traceback: it names the thing, the value and the fix."""


class NotModelled(ExplainedError):
    """Azure has this, it is not modelled here. Refused rather than ignored."""


class DocumentError(ExplainedError):
    """A policy document or an expression in it is wrong: says where."""

    def __init__(self, message: str, *, document: str = "", line: int = 0, column: int = 0, rule: str = "") -> None:
        self.message, self.document, self.line, self.column = message, document, line, column
        self.rule = rule
        """What kind of mistake it is, by the name that the check has for it; empty: none of its own."""
        super().__init__(self._told())

    def at(self, document: str, line: int, column: int) -> Self:
        """The same mistake, said of another place."""
        moved = copy(self)
        moved.document, moved.line, moved.column = document, line, column
        moved.args = (moved._told(),)
        return moved

    def _told(self) -> str:
        document, line = self.document, self.line
        where = f"{document}:{line}:{self.column}: " if document and line else f"{document}: " if document else ""
        return f"{where}{self.message}"


class DocumentNotModelled(DocumentError, NotModelled):
    """Azure would take this policy document, it cannot be run here: says where."""
