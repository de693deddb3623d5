"""What a lint is: a rule, and how to find where a document breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apim_policies.check.document import Document, Expression
from apim_policies.check.finding import Rule
from apim_policies.documents.document import Element, Value
from apim_policies.expressions.syntax.tree import Node


@dataclass(frozen=True)
class Found:
    line: int
    column: int
    message: str
    explains: frozenset[tuple[int, int]] = frozenset()
    """Where the compiler's own problem with the same thing would stand."""


Look = Callable[[Document], Iterator[Found]]


@dataclass(frozen=True)
class Lint:
    rule: Rule
    look: Look


def at(place: Element | Value, message: str) -> Found:
    """A finding about an element, an attribute's value or a text."""
    return Found(place.line, place.column, message)


def within(expression: Expression, node: Node, message: str, *explained: Node) -> Found:
    """A finding about a part of an expression; it takes the place of what the compiler says about the `explained` ones."""
    line, column = expression.place(node)
    return Found(line, column, message, frozenset(expression.place(other) for other in (node, *explained)))
