"""What an expression can name: the locals and functions around it."""

from collections.abc import Callable
from typing import NamedTuple

from apim_policies.expressions.types import Type


class Local(NamedTuple):
    """A parameter, a local or a local function; of a function, `type` is its `Func`."""

    name: str
    type: Type
    mutable: bool = False
    """Whether an expression may change it. Nothing that ends a loop is."""


Scope = tuple[Local, ...]
Make = Callable[[int, Scope], str]
"""Makes an expression, nested so deep, from what is in a scope."""
