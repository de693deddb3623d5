"""Random expressions of wanted types."""

import random
from collections.abc import Sequence
from typing import TypeVar

from apim_policies.expressions.dotnet.registry import Method
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DOUBLE,
    ENUMERATIONS,
    INT,
    LONG,
    STRING,
    Type,
    element_of,
)
from fuzz.literals import FORMATS, LITERALS, PATTERNS, RECEIVERS, UNTIMELY
from fuzz.operations import operations
from fuzz.producers import producers
from fuzz.queries import queries
from fuzz.scope import Local, Scope

T = TypeVar("T")

_LONGEST = 400
"""Characters: longer ones find no more and are hard to read."""
_PATTERNED = frozenset({"IsMatch", "Match", "Matches", "Replace", "Split"})


class Expressions:
    """Makes random expressions. The same chance makes the same ones."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._producers = producers(self)

    def pick(self, choices: Sequence[T]) -> T:
        return self.chance.choice(choices)

    def expression(self, depth: int) -> str:
        """A whole expression of any type, `@( )`."""
        types = [
            *(type_ for type_ in LITERALS if type_.name not in RECEIVERS),
            *(type_ for type_ in self._producers if type_.name in ENUMERATIONS),
        ]
        while True:
            text = self.make(self.pick(types), depth, ())
            if usable(text, _LONGEST):
                return f"@({text})"

    def make(self, type_: Type, depth: int, scope: Scope) -> str:
        """An expression of a type."""
        here = [local for local in scope if local.type == type_]
        if here and self.chance.random() < 0.5:
            return self._named(self.pick(here), depth, scope)
        calls = [local for local in scope if local.type.name == "Func" and local.type.args[-1] == type_]
        if calls and depth > 0 and self.chance.random() < 0.3:
            called = self.pick(calls)
            given = ", ".join(self.make(param, depth - 1, scope) for param in called.type.args[:-1])
            return f"{called.name}({given})"
        if depth <= 0 or self.chance.random() < 0.1:
            return self.literal(type_)
        made = self._producers.get(type_, [])
        special = [*operations(self, type_), *queries(self, type_)]
        if special and (not made or self.chance.random() < 0.35):
            return self.pick(special)(depth, scope)
        return self.pick(made)(depth, scope) if made else self.literal(type_)

    def literal(self, type_: Type) -> str:
        if type_ in LITERALS:
            return self.pick(LITERALS[type_])
        if type_.name in ENUMERATIONS:
            return f"{type_}.{self.pick(list(ENUMERATIONS[type_.name]))}"
        return f"default({type_})"

    def _named(self, local: Local, depth: int, scope: Scope) -> str:
        """A local, which is changed now and then: what is evaluated first matters."""
        if not local.mutable or depth <= 0 or self.chance.random() > 0.15:
            return local.name
        if local.type in (INT, LONG, DOUBLE, CHAR) and self.chance.random() < 0.6:
            return self.pick(("{}++", "++{}", "{}--", "--{}")).format(local.name)
        operator = "="
        if local.type in (INT, LONG, DOUBLE, STRING):
            operator = self.pick(("=", "+="))
        if local.type == BOOL:
            operator = self.pick(("=", "&=", "|=", "^="))
        return f"({local.name} {operator} {self.make(local.type, depth - 1, scope)})"

    def arguments(self, member: str, params: tuple[Type, ...], method: Method, depth: int, scope: Scope) -> str:
        """Arguments of a method of the tables; optional ones are left out now and then."""
        count = len(params) - self.chance.randrange(len(method.optional) + 1)
        texts = [self._argument(member, param, depth, scope) for param in params[:count]]
        if method.rest is not None and method.rest in LITERALS:
            texts += [self.make(method.rest, depth - 1, scope) for _ in range(self.chance.randrange(3))]
        return ", ".join(texts)

    def _argument(self, member: str, param: Type, depth: int, scope: Scope) -> str:
        if param.name == "Func":
            return self.function(param.args[0], param.args[-1], depth, scope)
        if param.name == "IEnumerable":
            choices = [type_ for type_ in LITERALS if type_ != STRING and element_of(type_) == param.args[0]]
            return self.make(self.pick(choices), depth - 1, scope) if choices else f"new {param.args[0]}[0]"
        if param == STRING and member == "ToString":
            return self.pick(FORMATS)
        if param == STRING and member in _PATTERNED and self.chance.random() < 0.5:
            return self.pick(PATTERNS)
        return self.make(param, depth - 1, scope)

    def function(self, takes: Type, gives: Type, depth: int, scope: Scope) -> str:
        """A lambda of one parameter."""
        name = f"x{len(scope)}"
        return f"{name} => {self.make(gives, depth - 1, (*scope, Local(name, takes)))}"


def usable(text: str, longest: int) -> bool:
    """Whether a text is short enough to read and does not tell the time."""
    return len(text) <= longest and not any(word in text for word in UNTIMELY)
