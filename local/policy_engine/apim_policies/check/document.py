"""A policy document as lints see it: its elements with where they stand, and its expressions as trees."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from apim_policies.check.csharp import Syntax, read
from apim_policies.documents.document import NAMED_VALUE, Element, Value, parse
from apim_policies.errors import DocumentError
from apim_policies.expressions.syntax.tree import Node

SETTING = frozenset(
    {
        "response-variable-name", "variable-name", "output-token-variable-name", "retry-after-variable-name",
        "remaining-calls-variable-name", "errors-variable-name", "output-variable-name", "tokens-consumed-variable-name",
        "remaining-tokens-variable-name", "remaining-quota-tokens-variable-name",
    }
)  # fmt: skip
"""Attributes that name a variable which the policy sets."""

_LITERAL_END = re.compile("[<\"']")


@dataclass(frozen=True, eq=False)
class Placed:
    """An element and what it stands in, outermost first."""

    element: Element
    parents: tuple[Element, ...]

    @property
    def section(self) -> str:
        """Name of the section; empty in a fragment."""
        return self.parents[1].name if len(self.parents) > 1 and self.parents[0].name == "policies" else ""

    def inside(self, *names: str) -> bool:
        return any(parent.name in names for parent in self.parents)


@dataclass(frozen=True, eq=False)
class Expression:
    """One expression of a document."""

    value: Value
    attribute: str
    """Name of the attribute that it is the value of; empty for the text of its element."""
    owner: Placed
    syntax: Syntax

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.syntax.nodes

    def place(self, node: Node) -> tuple[int, int]:
        return self.syntax.place(node, self.value.line, self.value.column)


@dataclass(eq=False)
class Document:
    """A `<policies>` or `<fragment>` document.

    Args:
        name: What findings call it.
        text: The document as it would be sent.
        fragment: Id of the fragment that it is; empty if it is none.
        scope: `service`, `api` or `operation`; empty if that is not known, and for fragments.
        api: Id of the API that it belongs to.
        secrets: Names of the named values that are known to be secret.
    """

    name: str
    text: str
    fragment: str = ""
    scope: str = ""
    api: str = ""
    secrets: frozenset[str] = frozenset()
    company: list["Document"] = field(default_factory=list["Document"])
    """All documents that run for some request for which this one runs, itself among them; empty: not known."""
    complete: bool = False
    """Whether `company` has all of them, as in a stack."""
    options: tuple[str, ...] = ()
    """Ids of the operations with the method OPTIONS in its API."""
    called: bool | None = None
    """Whether requests for which it runs reach a backend; None: not known."""

    @cached_property
    def root(self) -> Element | None:
        """None if the document is not well-formed, which is a finding of its own."""
        return _parsed(self.text, self.name)

    @cached_property
    def texts(self) -> frozenset[str]:
        """Names of the variables that hold what stands in a document, a text: no expression sets them, and no other policy."""
        texts: set[str] = set()
        others: set[str] = set()
        for one in self.company or [self]:
            for placed in one.elements:
                others |= {value.text for name, value in placed.element.attributes.items() if name in SETTING}
                name, value = placed.element.attributes.get("name"), placed.element.attributes.get("value")
                if placed.element.name == "set-variable" and name is not None and value is not None:
                    (others if value.expression else texts).add(name.text)
        return frozenset(texts - others)

    @cached_property
    def streams(self) -> bool:
        """Whether answers that it sees are streams, as far as is known."""
        return any(
            (value := placed.element.attributes.get("buffer-response")) is not None and value.text == "false"
            for one in self.company or [self]
            for placed in one.named("forward-request")
        )

    @property
    def forwards(self) -> bool:
        """Whether requests for which it runs reach a backend, as far as is known."""
        if self.called is not None or self.root is None:
            return bool(self.called)
        backend = next((child for child in self.root.children if child.name == "backend"), None)
        return self.root.name == "policies" and (backend is None or bool(backend.children))

    @cached_property
    def elements(self) -> tuple[Placed, ...]:
        return tuple(_placed(self.root, ())) if self.root is not None else ()

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(self._expressions())

    def _expressions(self) -> Iterator[Expression]:
        for placed in self.elements:
            values: Mapping[str, Value | None] = {**placed.element.attributes, "": placed.element.text}
            for attribute, value in values.items():
                if value is not None and value.expression and (syntax := read(value.text)) is not None:
                    yield Expression(value, attribute, placed, syntax)

    def named(self, *names: str) -> Iterator[Placed]:
        """The elements of these names."""
        return (placed for placed in self.elements if placed.element.name in names)

    def of(self, placed: Placed) -> list[Expression]:
        """The expressions in an element and in what it holds."""
        return [
            expression
            for expression in self.expressions
            if expression.owner is placed or placed.element in expression.owner.parents
        ]

    def named_values(self, value: Value) -> list[str]:
        """Names of the named values in an attribute or text."""
        lines = self.text.split("\n")
        start = sum(len(line) + 1 for line in lines[: value.line - 1]) + value.column - 1
        if value.expression:
            end = start + len(value.text)
        else:
            match = _LITERAL_END.search(self.text, start)
            end = match.start() if match else len(self.text)
        return [match[1] for match in NAMED_VALUE.finditer(self.text, start, end)]


@lru_cache(maxsize=512)
def _parsed(text: str, name: str) -> Element | None:
    try:
        return parse(NAMED_VALUE.sub(lambda match: "0" * len(match[0]), text), name)
    except DocumentError:
        return None


def _placed(element: Element, parents: tuple[Element, ...]) -> Iterator[Placed]:
    yield Placed(element, parents)
    for child in element.children:
        yield from _placed(child, (*parents, element))


def included_by(documents: Iterable[Document]) -> set[str]:
    """Ids of the fragments that documents include."""
    return {
        placed.element.attributes["fragment-id"].text
        for document in documents
        for placed in document.named("include-fragment")
        if "fragment-id" in placed.element.attributes
    }
