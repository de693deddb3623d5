"""The compiler: a text, its tree, what it is bound to, and an expression of it."""

from functools import lru_cache

from apim_policies.expressions.binding.binder import Binder
from apim_policies.expressions.binding.scope import FIRST_LOCAL
from apim_policies.expressions.expression import Bound, Expression
from apim_policies.expressions.linq.extensions import EXTENSIONS
from apim_policies.expressions.syntax.parsing import parse
from apim_policies.expressions.syntax.tree import Source
from apim_policies.expressions.values.failures import CSharpException, ExpressionError


def compiled(text: str, document: str, line: int, column: int) -> Expression:
    """As `compile_expression`."""
    try:
        return _placeless(text)
    except ExpressionError:
        # Again, for the place: errors are not kept.
        return _compile(text, document, line, column)
    except RecursionError:
        raise Source(text, document, line, column).not_modelled(0, "an expression that is nested this deep") from None


@lru_cache(maxsize=4096)
def _placeless(text: str) -> Expression:
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
