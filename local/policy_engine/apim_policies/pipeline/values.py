"""Values of attributes and texts: literals, or expressions that are evaluated for each request."""

from collections.abc import Callable

from apim_policies.documents.document import Element, Value
from apim_policies.errors import DocumentError, DocumentNotModelled
from apim_policies.expressions import CSharpException, Expression, to_python, to_text
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.trace import Origin

Compile = Callable[..., Expression]


class Source:
    """Compiles the values of one document.

    Args:
        document: Its name.
        compile_expression: Compiles its expressions.
        disclosure: Learns what stands in the document, and says how traces show it.
    """

    def __init__(self, document: str, compile_expression: Compile, disclosure: Disclosure | None = None) -> None:
        self.document = document
        self.disclosure = disclosure or Disclosure()
        self._compile = compile_expression
        self.reads: set[str] = set()
        """Which bodies the expressions of the document read: `request`, `response`."""

    def value(self, value: Value, name: str) -> "Compiled":
        """A value, with the name of its attribute or element."""
        expression = None
        text = value.text if value.expression else value.text.strip()
        origin = Origin(name, text, self.disclosure, value.expression, value.line)
        if value.expression:
            self.disclosure.learn_expression(value.text)
            expression = self._compile(value.text, document=self.document, line=value.line, column=value.column)
            if "IRequest.Body" in expression.members:
                self.reads.add("request")
            # Answers to send-request are responses, too; those are always held in memory.
            if {"IResponse.Body", "IProxyRequestContext.Response"} <= expression.members:
                self.reads.add("response")
        else:
            self.disclosure.learn(value.text)
        return Compiled(value.text, expression, origin)

    def attribute(self, element: Element, name: str, default: str | None = None) -> "Compiled":
        """An attribute; its default if it is missing."""
        if name in element.attributes:
            return self.value(element.attributes[name], name)
        if default is None:
            raise KeyError(f"{element.name}/@{name}")
        return Compiled(default, None)

    def optional(self, element: Element, name: str) -> "Compiled | None":
        return self.value(element.attributes[name], name) if name in element.attributes else None

    def literal(self, element: Element, name: str) -> str | None:
        """The text of an attribute that the schema lets be nothing else."""
        value = element.attributes.get(name)
        return value.text if value else None

    def flag(self, element: Element, name: str, *, default: bool = False) -> bool:
        """A literal truth value."""
        text = self.literal(element, name)
        return default if text is None else text == "true"

    def seconds(self, element: Element, default: str) -> "Seconds":
        """The time of `timeout` or `timeout-ms`."""
        if "timeout-ms" in element.attributes:
            return Seconds(self.attribute(element, "timeout-ms"), 1000)
        return Seconds(self.attribute(element, "timeout", default), 1)

    def error(self, element: Element, message: str) -> DocumentError:
        return DocumentError(message, document=self.document, line=element.line, column=element.column)

    def not_modelled(self, element: Element, what: str) -> DocumentNotModelled:
        return DocumentNotModelled(
            f"<{element.name}> with {what} is not modelled by the local cloud",
            document=self.document,
            line=element.line,
            column=element.column,
        )

    def content(self, element: Element) -> "Compiled":
        """An element's text; blanks around a literal do not count."""
        if element.text is None:
            return Compiled("", None)
        text = element.text
        if not text.expression:
            text = Value(text.text.strip(), expression=False, line=text.line, column=text.column)
        return self.value(text, element.name)


class Compiled:
    def __init__(self, literal: str, expression: Expression | None, origin: Origin | None = None) -> None:
        """`origin`: where it stands. None: it is the default of what stands nowhere."""
        self._literal, self._expression, self._origin = literal, expression, origin

    @property
    def reads_response(self) -> bool:
        """Whether it asks for the answer, so that it means nothing before there is one."""
        return self._expression is not None and "IProxyRequestContext.Response" in self._expression.members

    def evaluate(self, call: Call) -> object:
        """The C# object, or the literal text.

        Raises:
            CSharpException: the expression threw.
        """
        if self._expression is None:
            return self._text(call)
        if not call.trace.detailed or self._origin is None:
            return self._expression.evaluate(call.context, call.services.profile)
        try:
            value = self._expression.evaluate(call.context, call.services.profile)
        except CSharpException as error:
            call.trace.threw(self._origin, error.type)
            raise
        call.trace.evaluated(self._origin, value)
        return value

    def text(self, call: Call) -> str:
        """Its text, as `ToString()` gives it; null is empty."""
        return self._text(call) if self._expression is None else to_text(self.evaluate(call))

    def boolean(self, call: Call) -> bool:
        if self._expression is None:
            return self._text(call).lower() == "true"
        value = to_python(self.evaluate(call))
        if not isinstance(value, bool):
            raise Failure("ExpressionValueEvaluationFailure", "the condition is not a bool")
        return value

    def number(self, call: Call) -> float:
        value = self._text(call) if self._expression is None else to_python(self.evaluate(call))
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise Failure("ExpressionValueEvaluationFailure", "the value is not a number") from None

    def _text(self, call: Call) -> str:
        """The literal."""
        if call.trace.detailed and self._origin is not None:
            call.trace.used(self._origin)
        return self._literal


class Seconds:
    """A time, given as a whole or by thousands."""

    def __init__(self, value: Compiled, per_second: int) -> None:
        self._value, self._per_second = value, per_second

    def number(self, call: Call) -> float:
        return self._value.number(call) / self._per_second
