"""The public face of the compiler: one compiled expression."""

from secure_mcp_local.expressions.context import Context
from secure_mcp_local.expressions.profile import Profile


class Expression:
    """A compiled expression; `evaluate` may be called any number of times."""

    def __init__(self, text: str, members: frozenset[str]) -> None:
        self.text = text
        self.members = members
        """Every .NET member that it uses, such as `IRequest.Body` or `String.Split`. The gateway buffers a body only
        for expressions with `IRequest.Body` or `IResponse.Body`."""

    def evaluate(self, context: Context, profile: Profile) -> object:
        """The value, as the C# `object` that API Management would get.

        Raises:
            CSharpException: the C# code threw.
            NotModelled: it met something at run time that the local cloud does not model.
        """
        raise NotImplementedError


def compile_expression(text: str, *, document: str = "", line: int = 1, column: int = 1) -> Expression:
    """Compile `@( )` or `@{ }`; `line` and `column` say where the text stands in `document`.

    Raises:
        ExpressionError: syntax errors, what C# or API Management refuse, and what is not modelled.
    """
    raise NotImplementedError
