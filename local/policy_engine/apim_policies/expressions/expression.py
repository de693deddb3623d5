"""The public face of the compiler: one compiled expression."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from apim_policies.errors import NotModelled
from apim_policies.expressions.binding.binder import Binder
from apim_policies.expressions.binding.scope import FIRST_LOCAL
from apim_policies.expressions.context import Context
from apim_policies.expressions.linq.extensions import EXTENSIONS
from apim_policies.expressions.newtonsoft.texts import NEWLINE
from apim_policies.expressions.profile import Profile
from apim_policies.expressions.syntax.parsing import parse
from apim_policies.expressions.syntax.tree import Source
from apim_policies.expressions.values.failures import CSharpException, ExpressionError


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
    try:
        return _compiled(text)
    except ExpressionError:
        # Again, for the place: errors are not kept.
        return _compile(text, document, line, column)
    except RecursionError:
        raise Source(text, document, line, column).not_modelled(0, "an expression that is nested this deep") from None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Expression:
    return _compile(text, "", 1, 1)


def _compile(text: str, document: str, line: int, column: int) -> Expression:
    return compile_by(Binder, text, document, line, column)


def compile_by(binds: type[Binder], text: str, document: str, line: int, column: int) -> Expression:
    """Compiles with a binder that does more than the usual one, such as to note which ways conditions go.

    Raises:
        ExpressionError: as `compile_expression`.
    """
    source, root = parse(text, document, line, column)
    binder = binds(source, EXTENSIONS)
    try:
        run = binder.root(root)
    except NotImplementedError as error:
        raise source.not_modelled(source.shift, str(error)) from error
    except CSharpException as error:
        # While constants were calculated, which C# does in checked mode.
        raise source.error(source.shift, error.message, "compile", "CS0220") from error
    variables = max(binder.slots - FIRST_LOCAL, 0)
    return Expression(text, frozenset(binder.members), lambda: Bound(run(), variables))
