"""Values of attributes and texts: literals, or expressions that are evaluated for each request."""

from collections.abc import Callable

from secure_mcp_local.apim.call import Call, Failure
from secure_mcp_local.apim.document import Element, Value
from secure_mcp_local.expressions import Expression, to_python, to_text

Compile = Callable[..., Expression]


class Source:
    """Compiles the values of one document."""

    def __init__(self, document: str, compile_expression: Compile) -> None:
        self.document = document
        self._compile = compile_expression
        self.reads: set[str] = set()
        """Which bodies the expressions of the document read: `request`, `response`."""

    def value(self, value: Value) -> "Compiled":
        expression = None
        if value.expression:
            expression = self._compile(value.text, document=self.document, line=value.line, column=value.column)
            if "IRequest.Body" in expression.members:
                self.reads.add("request")
            # Answers to send-request are responses, too; those are always held in memory.
            if {"IResponse.Body", "IProxyRequestContext.Response"} <= expression.members:
                self.reads.add("response")
        return Compiled(value.text, expression)

    def attribute(self, element: Element, name: str, default: str | None = None) -> "Compiled":
        """An attribute; its default if it is missing."""
        if name in element.attributes:
            return self.value(element.attributes[name])
        if default is None:
            raise KeyError(f"{element.name}/@{name}")
        return Compiled(default, None)

    def optional(self, element: Element, name: str) -> "Compiled | None":
        return self.value(element.attributes[name]) if name in element.attributes else None

    def content(self, element: Element) -> "Compiled":
        """An element's text; blanks around a literal do not count."""
        if element.text is None:
            return Compiled("", None)
        if element.text.expression:
            return self.value(element.text)
        return Compiled(element.text.text.strip(), None)


class Compiled:
    def __init__(self, literal: str, expression: Expression | None) -> None:
        self._literal, self._expression = literal, expression

    def literal(self, problem: Exception) -> str:
        """The text, if it is no expression; raises `problem` otherwise."""
        if self._expression is not None:
            raise problem
        return self._literal

    def evaluate(self, call: Call) -> object:
        """The C# object, or the literal text.

        Raises:
            CSharpException: the expression threw.
        """
        if self._expression is None:
            return self._literal
        return self._expression.evaluate(call.context, call.services.profile)

    def text(self, call: Call) -> str:
        """Its text, as `ToString()` gives it; null is empty."""
        return self._literal if self._expression is None else to_text(self.evaluate(call))

    def boolean(self, call: Call) -> bool:
        if self._expression is None:
            return self._literal.lower() == "true"
        value = to_python(self.evaluate(call))
        if not isinstance(value, bool):
            raise Failure("ExpressionValueEvaluationFailure", "the condition is not a bool")
        return value

    def number(self, call: Call) -> float:
        value = self._literal if self._expression is None else to_python(self.evaluate(call))
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise Failure("ExpressionValueEvaluationFailure", "the value is not a number") from None
