"""How the library's tables are written: types, and the members of each that are modelled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from apim_policies.expressions.types import Type

T0, T1 = Type("T0"), Type("T1")
"""The receiver's own type arguments."""


PROVIDER = Type("IFormatProvider")
"""Only null can be one: API Management admits no type that makes another. It stands for the invariant culture."""


def out(type: Type) -> Type:
    """A parameter that is `out`; `run` then returns the result and the value."""
    return Type("out", (type,))


@dataclass(frozen=True)
class Method:
    params: tuple[Type, ...]
    returns: Type
    run: Callable[..., Any]
    """Takes the receiver (instance members) and the arguments, after the environment if `env`."""
    names: tuple[str, ...] = ()
    """Parameter names, where named arguments are modelled."""
    rest: Type | None = None
    """Element type of a `params` array after the parameters."""
    env: bool = False
    null: bool = False
    """Whether the receiver may be null: an extension method."""
    typed: bool = False
    """Whether `run` takes the return type first: what it makes knows its own type."""
    inferred: bool = False
    """Whether a type argument is inferred from the arguments, which null says nothing of."""
    optional: tuple[Any, ...] = ()
    """Values of the last parameters when they are left out."""


@dataclass(frozen=True)
class Property:
    type: Type
    get: Callable[..., Any]
    env: bool = False
    put: Callable[[Any, Any], None] | None = None
    """What assigns it."""
    attribute: str = ""
    """The attribute of the Python object that it is, if that is all."""
    exists: bool = False
    """Whether it is never null."""


def attribute(type: Type, name: str, *, exists: bool = False) -> Property:
    """A property that is an attribute of the Python object."""
    return Property(type, attrgetter(name), attribute=name, exists=exists)


@dataclass
class Model:
    """What is modelled of one .NET type."""

    methods: Mapping[str, list[Method]] = field(default_factory=dict[str, list[Method]])
    properties: Mapping[str, Property] = field(default_factory=dict[str, Property])
    statics: Mapping[str, list[Method]] = field(default_factory=dict[str, list[Method]])
    static_properties: Mapping[str, Property] = field(default_factory=dict[str, Property])
    constructors: list[Method] = field(default_factory=list[Method])
    indexer: Method | None = None
    second_indexer: Method | None = None
    """For keys of exactly its parameter's type."""
    set_indexer: Callable[[Any, Any, Any], None] | None = None
    set_second: Callable[[Any, Any, Any], None] | None = None
    generics: Mapping[str, Callable[[Type], Method | list[Method]]] = field(
        default_factory=dict[str, Callable[[Type], Method | list[Method]]]
    )
    """Generic methods by name: the type argument gives the method."""
    inferred: frozenset[str] = frozenset()
    """Generic methods whose type argument may be left out: it is the type of the second argument."""
    static_generics: Mapping[str, Callable[..., Method | list[Method]]] = field(
        default_factory=dict[str, Callable[..., Method | list[Method]]]
    )
