"""Policy expressions as syntax trees, and what is known of the types in them, for lints."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from apim_policies.expressions.binding.binder import Binder
from apim_policies.expressions.binding.scope import TypeName, Value
from apim_policies.expressions.linq.extensions import EXTENSIONS
from apim_policies.expressions.syntax.parsing import parse
from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failures import CSharpException, ExpressionError


@dataclass(frozen=True, eq=False)
class Syntax:
    """The tree of one expression."""

    source: Source
    root: Node

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, outer ones first."""
        return tuple(_nodes(self.root))

    @cached_property
    def _types(self) -> dict[int, Type]:
        observer = _Observer(self.source)
        # What the compiler says is a finding of its own; the types until there are known.
        with contextlib.suppress(ExpressionError, CSharpException, NotImplementedError, RecursionError):
            observer.root(self.root)
        return observer.types

    def type(self, node: Node) -> str:
        """The C# type of a node, empty if it is not known."""
        found = self._types.get(id(node))
        return str(found) if found is not None else ""

    def place(self, node: Node, line: int, column: int) -> tuple[int, int]:
        """Where a node stands if the expression starts at this line and column."""
        there = self.source.error(node.pos, "")
        return line + there.line - 1, there.column + (column - 1 if there.line == 1 else 0)

    @cached_property
    def locals(self) -> dict[str, Node]:
        """What each local variable is initialised with; of variables with one name, the first."""
        found: dict[str, Node] = {}
        for node in self.nodes:
            if node.kind == "local":
                for name, value, _ in node.b:
                    if isinstance(value, Node):
                        found.setdefault(name, value)
        return found

    def origin(self, node: Node) -> Node:
        """What a node is without brackets, and without the name of a local variable."""
        seen: set[str] = set()
        while True:
            if node.kind == "paren":
                node = node.a
            elif node.kind == "name" and node.a in self.locals and node.a not in seen:
                seen.add(node.a)
                node = self.locals[node.a]
            else:
                return node


@lru_cache(maxsize=4096)
def read(text: str) -> Syntax | None:
    """The tree of `@( )` or `@{ }`; None if it is not C# that can be read here."""
    try:
        return Syntax(*parse(text))
    except (ExpressionError, RecursionError):
        return None


class _Observer(Binder):
    """Binds an expression as the compiler does, and keeps the type of each node that it gets to."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, EXTENSIONS)
        self.types: dict[int, Type] = {}

    def expr(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        value = super().expr(node, expected)
        if isinstance(value, Value):
            self.types[id(node)] = value.type
        return value


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, Node):
        yield part
        for inner in (part.a, part.b, part.c, part.d):
            yield from _nodes(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _nodes(inner)


def dotted(node: Node) -> str:
    """`context.Request.Url` of such a chain of names; empty for anything else."""
    if node.kind == "name":
        return str(node.a)
    if node.kind == "member":
        owner = dotted(node.a)
        return f"{owner}.{node.b}" if owner else ""
    if node.kind == "cond":
        owner, rest = dotted(node.a), node.b
        return f"{owner}.{rest.b}" if owner and rest.kind == "member" and rest.a.kind == "hole" else ""
    if node.kind == "predefined":
        return str(node.a.a)
    return ""


def first(node: Node) -> Node:
    """The part of an expression that it begins with: calls, members and operators are placed where their own sign is."""
    while isinstance(inner := node.b if node.kind == "bin" else node.a, Node) and node.kind in _INFIX:
        node = inner
    return node


_INFIX = frozenset({"call", "member", "index", "cond", "bin", "tern", "post", "istype", "astype", "isdecl", "isconst"})


def text_of(node: Node) -> str | None:
    """The value of a string literal."""
    return str(node.a) if node.kind == "string" else None


def method(node: Node) -> str:
    """The name of the method that a call calls, empty if it is no such call."""
    return str(node.a.b) if node.kind == "call" and isinstance(node.a, Node) and node.a.kind == "member" else ""


def arguments(node: Node) -> list[Node]:
    """The arguments of a call, an index or a construction, in their order."""
    return [argument.a for argument in node.b or []]


def argument(node: Node, name: str) -> Node | None:
    """The argument of a call that is given by its name."""
    return next((argument.a for argument in node.b or [] if argument.b == name), None)


def variable_read(node: Node) -> str | None:
    """The name of the context variable that a node reads: `context.Variables["x"]` or `GetValueOrDefault("x")`."""
    if node.kind == "index" and dotted(node.a) == "context.Variables" and len(node.b) == 1:
        return text_of(node.b[0].a)
    if method(node) == "GetValueOrDefault" and dotted(node.a.a) == "context.Variables" and node.b:
        return text_of(node.b[0].a)
    return None
