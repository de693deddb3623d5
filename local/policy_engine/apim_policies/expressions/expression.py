"""The public face of the compiler: one expression."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Context
from apim_policies.expressions.newtonsoft.texts import NEWLINE
from apim_policies.expressions.profile import Profile


class Bound(NamedTuple):
    """What an expression does."""

    run: Callable[[list[Any]], Any]
    """A function of the environment: the context, the profile, and its variables."""
    variables: int


class Expression:
    """A compiled expression; `evaluate` may be called any number of times."""

    def __init__(self, text: str, members: frozenset[str], given: "Callable[[], Bound | Expression]") -> None:
        """`given`: gives what it does, once it first runs."""
        self.text = text
        self.members = members
        """Every .NET member that it uses, such as `IRequest.Body` or `string.Split`. The gateway buffers a body only
        for expressions with `IRequest.Body` or `IResponse.Body`."""
        self._given = given

    @cached_property
    def _run(self) -> Callable[[list[Any]], Any]:
        return self.bound.run

    @cached_property
    def _locals(self) -> tuple[None, ...]:
        return (None,) * self.bound.variables

    @cached_property
    def bound(self) -> "Bound":
        """What it does."""
        given = self._given()
        return given.bound if isinstance(given, Expression) else given

    def evaluate(self, context: Context, profile: Profile) -> object:
        """The value, as the C# `object` that API Management would get.

        Raises:
            CSharpException: the C# code threw.
            NotModelled: it met something at run time that the local cloud does not model.
        """
        NEWLINE.set(profile.newline)
        try:
            return self._run([context, profile, *self._locals])
        except NotImplementedError as error:
            raise NotModelled(f"{error} is not modelled by the local cloud") from error


def compile_expression(text: str, *, document: str = "", line: int = 1, column: int = 1) -> Expression:
    """Compile `@( )` or `@{ }`; `line` and `column` say where the text stands in `document`.

    Raises:
        ExpressionError: syntax errors, what C# or API Management refuse, and what is not modelled.
    """
    # More than a hundred modules, which a gateway whose expressions are all known starts without.
    from apim_policies.expressions.compiler import compiled  # noqa: PLC0415

    return compiled(text, document, line, column)
