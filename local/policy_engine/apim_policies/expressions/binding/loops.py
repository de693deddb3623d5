"""Binding of loops."""

from collections.abc import Mapping
from itertools import repeat
from typing import Never

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.calls import Calls
from apim_policies.expressions.binding.flow import jumps
from apim_policies.expressions.binding.operations import bare
from apim_policies.expressions.binding.scope import Extension
from apim_policies.expressions.code import Assignment, Statement, Temporary
from apim_policies.expressions.objects.iteration import iterator
from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.types import (
    OBJECT,
    STRING,
    UNTYPED,
    Type,
    element_of,
)


class Loops(Calls):
    """What is declared in a loop is new in each of its rounds."""

    def __init__(self, source: Source, extensions: Mapping[str, Extension]) -> None:
        super().__init__(source, extensions)
        self.breaks: list[frozenset[int]] = []
        """Of each loop and switch around this place: what may be unassigned where a break leaves it."""
        self.continues: list[frozenset[int]] = []
        """Of each loop around this place: what may be unassigned where its next round begins."""
        self.leaving: list[Temporary | None] = []
        """Of each loop of Python around this place: None, or for a switch what says that `continue` leaves it."""

    def nested(self, node: Node) -> Statement:
        self.enter()
        statement = self.statement(node)
        self.leave()
        return statement

    def round(self, node: Node) -> Statement:
        """The body of a loop."""
        self.rounds += 1
        body = self.nested(node)
        self.rounds -= 1
        return body

    def looped(self, node: Node) -> tuple[Statement, frozenset[int]]:
        """The body of a loop, and what may be unassigned where a break leaves it. After it, `unassigned` is what may
        be so where the next round begins."""
        self.breaks.append(frozenset())
        self.continues.append(frozenset())
        self.around.append("loop")
        self.leaving.append(None)
        body = self.round(node)
        self.leaving.pop()
        self.around.pop()
        self.unassigned |= self.continues.pop()
        return body, self.breaks.pop()

    def next_round(self) -> Statement:
        """`continue`, out of the switches that it is in."""
        left = self.leaving[-1]
        return Statement("continue") if left is None else Statement("{left} = True\nbreak", left=left)

    def _s_while(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        body, left = self.looped(node.b)
        self.unassigned = when_false | left
        return Statement(_FOR, condition, initial=(), body=body, updates=(), **_LIMIT)

    def _s_do(self, node: Node) -> Statement:
        body, left = self.looped(node.b)
        condition, _, when_false = self.branching(node.a)
        self.unassigned = when_false | left
        return Statement(_DO, condition, body=body, **_LIMIT)

    def _s_for(self, node: Node) -> Statement:
        self.enter()
        initial = tuple(self.statement(child) for child in node.a)
        condition, when_true, when_false = self.branching(node.b or Node("bool", node.pos, True))
        self.unassigned = when_true
        body, left = self.looped(node.d)
        updates = tuple(self.statement(child) for child in node.c)
        self.unassigned = when_false | left
        self.leave()
        template = _FOR_CONTINUED if jumps(node.d, "continue") else _FOR
        return Statement(template, condition, initial=initial, body=body, updates=updates, **_LIMIT)

    def _s_foreach(self, node: Node) -> Statement:
        items = self.rvalue(node.c)
        if _null(node.c, items.type):
            raise self.error(node.c.pos, "null is nothing to go through", "CS0186")
        element = element_of(items.type)
        if element is None and not conversions.plain(items.type):
            raise self.not_modelled(node.pos, f"foreach of {items.type}")
        if element is None:
            raise self.error(node.pos, f"foreach cannot operate on {items.type}", "CS1579")
        self.enter()
        untyped = OBJECT if items.type.name in UNTYPED else element
        declared = untyped if node.a.kind == "tvar" else self.type(node.a)
        self.rounds += 1
        slot = self.declare(node.b[1], node.b[0], declared)
        self.readonly.add(slot)
        self.rounds -= 1
        # The variable's type is an explicit conversion of the element.
        given = Temporary()
        turned = conversions.explicit(given, element, declared, None)
        if turned is None:
            raise self.not_modelled(node.pos, f"foreach of '{element}' as '{declared}'")
        before = self.unassigned
        body, _ = self.looped(node.d)
        self.unassigned = before
        self.leave()
        entered, iterate = Assignment(slot, turned).alone(), iterator(items.type)
        return Statement(_FOREACH, items.run, given=given, iterate=iterate, entered=entered, body=body)


def _null(node: Node, type_: Type) -> bool:
    """Whether an expression of this type is null for the compiler already."""
    inner = bare(node)
    if inner.kind == "tern" and bare(inner.a).kind == "bool" and type_ == STRING:
        return _null(inner.b if bare(inner.a).a else inner.c, type_)
    return inner.kind in {"null", "default"} or (inner.kind == "cast" and _null(inner.b, type_))


_MOST_ROUNDS = 10_000_000
"""Of one loop; they take some seconds."""


def _endless() -> Never:
    raise NotImplementedError(f"a loop of more than {_MOST_ROUNDS:,} rounds")


# A loop without an end would stop the whole local cloud, which waits for no other request meanwhile.
_LIMIT = {"repeat": repeat, "most": _MOST_ROUNDS, "endless": _endless}
_FOR = """\
{initial}
for {_} in {repeat}(None, {most}):
    if not {0}: break
    {body}
    {updates}
else:
    {endless}()"""
# What `continue` goes on with stands first, but for the first round.
_FOR_CONTINUED = """\
{initial}
{again} = False
for {_} in {repeat}(None, {most}):
    if {again}:
        {updates}
    {again} = True
    if not {0}: break
    {body}
else:
    {endless}()"""
_DO = """\
{again} = False
for {_} in {repeat}(None, {most}):
    if {again} and not {0}: break
    {again} = True
    {body}
else:
    {endless}()"""
_FOREACH = """\
for {given} in {iterate}({0}):
    {entered}
    {body}"""
