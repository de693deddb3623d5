"""Answers to expressions in one form, whether they give a value, throw, do not compile or are not modelled."""

from typing import Any

from apim_policies.errors import NotModelled
from apim_policies.expressions.expression import compile_expression
from apim_policies.expressions.profile import Profile
from apim_policies.expressions.trial.encoding import encoded
from apim_policies.expressions.trial.samples import context_of, merged
from apim_policies.expressions.values.failures import CSharpException, ExpressionError

NEWLINE = "\n"
"""The answers that expressions are held to come from .NET on Linux."""


class Answerer:
    """Evaluates expressions, each in a context of its own."""

    def __init__(self, context: dict[str, Any], profile: Profile | None = None) -> None:
        """
        Args:
            context: a context file's JSON (see `samples`).
            profile: time and chance.
        """
        self.context = context
        self.profile = profile or Profile(newline=NEWLINE)

    def answer(self, text: str, changes: dict[str, Any]) -> dict[str, Any]:
        """One of `{"result"}`, `{"exception"}`, `{"compile_error"}` and `{"unsupported"}`.

        Args:
            text: the expression, with `@( )` or `@{ }`.
            changes: what is different in the context.

        Raises:
            ExplainedError: the context is wrong.
        """
        try:
            expression = compile_expression(text)
        except ExpressionError as error:
            if error.kind == "not modelled" or not error.code:
                # Without its code, an error of the compiler is not known well enough.
                return {"unsupported": error.feature or error.message}
            return {"compile_error": [error.code]}
        context = context_of(merged(self.context, changes))
        try:
            return {"result": encoded(expression.evaluate(context, self.profile), self.profile.newline)}
        except CSharpException as error:
            return {"exception": error.type}
        except (NotModelled, NotImplementedError) as error:
            return {"unsupported": str(error)}
        except RecursionError:
            return {"unsupported": "recursion as deep as this"}
