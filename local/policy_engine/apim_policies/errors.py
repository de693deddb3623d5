"""What is said when the engine cannot stand in for API Management: one clear message, never a silent guess."""


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
        where = f"{document}:{line}:{column}: " if document and line else f"{document}: " if document else ""
        super().__init__(f"{where}{message}")


class DocumentNotModelled(DocumentError, NotModelled):
    """Azure would take this policy document, it cannot be run here: says where."""
