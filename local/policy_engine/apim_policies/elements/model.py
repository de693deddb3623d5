"""What a policy element is declared with: what it may hold, where it may stand, how it is built."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from apim_policies.documents.document import Element
from apim_policies.pipeline.sections import Placed, Policy, Scope
from apim_policies.pipeline.values import Source

SECTIONS = ("inbound", "backend", "outbound", "on-error")
ANYWHERE = frozenset(SECTIONS)
INBOUND = frozenset({"inbound"})

POLICIES = "*"
"""Child mark: any policies."""


@dataclass(frozen=True)
class Attribute:
    expression: Literal["modelled", "not modelled", "refused"] = "modelled"
    """Whether it may be an expression: here, in Azure only, or nowhere."""
    required: bool = False
    one_of: tuple[str, ...] = ()
    """The only literals allowed, if any."""
    number: bool = False
    """Whether a literal is a whole number."""
    unless: frozenset[str] = frozenset()
    """Attributes that may stand in the place of a required one."""


@dataclass(frozen=True)
class Child:
    name: str
    least: int = 0
    most: int = 1_000_000


@dataclass(frozen=True)
class Model:
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])
    children: tuple[Child, ...] = ()
    sections: frozenset[str] = ANYWHERE
    ordered: bool = True
    """Whether the children stand in this order."""
    text: bool = False
    """Whether it holds text."""
    beyond: frozenset[str] = frozenset()
    """Attributes and children that API Management has and the local cloud does not model."""


class Building(Protocol):
    """What is being built around an element, for policies that hold others."""

    @property
    def source(self) -> Source: ...

    @property
    def section(self) -> str:
        """The section that it stands in."""
        ...

    @property
    def outer(self) -> Sequence[Scope]:
        """The scopes around the document's, outermost first."""
        ...

    def policies(self, elements: Sequence[Element]) -> list[Placed]:
        """The policies of a list of elements."""
        ...

    def branch(self, branch: Element, parent: Element) -> list[Placed]:
        """The policies of one of the parts of an element, such as a `when`."""
        ...

    def fragment(self, element: Element) -> Callable[[], list[Placed]]:
        """Builds the policies of the fragment that an element includes.

        Raises:
            DocumentError: it is not declared, or may not stand here.
        """
        ...


@dataclass(frozen=True)
class Part:
    """An element that stands inside a policy only."""

    name: str
    model: Model


@dataclass(frozen=True)
class PolicyElement:
    """A policy."""

    name: str
    model: Model
    build: Callable[[Source, Element], Policy]


@dataclass(frozen=True)
class HoldingElement:
    """A policy that holds others, or stands for them."""

    name: str
    model: Model
    build: Callable[[Building, Element], Policy]


Declared = Part | PolicyElement | HoldingElement
"""What the module of a family says of each of its elements."""


ANY = Attribute()
LITERAL = Attribute("refused")
NEEDED = Attribute(required=True)
NEEDED_LITERAL = Attribute("refused", required=True)
NUMBER = Attribute(number=True)
NEEDED_NUMBER = Attribute(required=True, number=True)
LITERAL_NUMBER = Attribute("refused", number=True)
NEEDED_LITERAL_NUMBER = Attribute("refused", required=True, number=True)
CONDITION = Attribute(required=True, one_of=("true", "false"))
BOOL = Attribute(one_of=("true", "false"))
LITERAL_BOOL = Attribute("refused", one_of=("true", "false"))
BOOL_HERE_LITERAL = Attribute("not modelled", one_of=("true", "false"))
LITERAL_HERE = Attribute("not modelled")
EXISTS = Attribute("not modelled", one_of=("override", "append", "skip", "delete"))
BOTH_REQUEST = frozenset({"inbound", "backend"})
