"""Values of static types as objects, and what can be told of an object."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.objects.reflection import CLASSES, type_of
from apim_policies.expressions.types import (
    BYTE,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    FLOAT,
    INT,
    INTEGRAL,
    Type,
    derives,
    underlying,
)
from apim_policies.expressions.values.containers import Array, Enumeration, Pair
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset
from apim_policies.expressions.values.numbers import BOXES, box

REAL = frozenset({FLOAT, DOUBLE, DECIMAL})

NUMERIC = frozenset(INTEGRAL) | REAL


def offset_of(moment: DateTime) -> DateTimeOffset:
    """The conversion of a DateTime; the local time is UTC."""
    return DateTimeOffset(moment.ticks)


def number_of(type: Type, name: str) -> int:
    """The number of an enumeration's value."""
    members = ENUMERATIONS[type.name]
    return (
        int(name) if name not in members and name.lstrip("-").isdigit() else sum(members[n] for n in name.split(", "))
    )


def member_of(type: Type, number: int) -> str:
    """The value of an enumeration for a number: its name, or names of flags."""
    members = ENUMERATIONS[type.name]
    for name, value in members.items():
        if value == number:
            return name
    if type.name == "RegexOptions":
        names = [name for name, value in members.items() if value and value & number == value]
        if sum(members[name] for name in names) == number:
            return ", ".join(names)
    return str(number)


_UNTESTED = frozenset({"Func", "Action", "T0", "T1", "out", "IEnumerator", "IEqualityComparer"})


def tester(type: Type) -> Callable[[Any], bool] | None:
    """Whether an object is of a type, as a function; None if it cannot be told."""
    wanted = underlying(type)
    if wanted.name in _UNTESTED:
        return None

    known: dict[Any, bool] = {}
    """By class, for the classes whose objects are all of one type."""

    def test(value: Any) -> bool:
        answer = known.get(value.__class__)
        if answer is not None:
            return answer
        found = type_of(value)
        if found is None:
            raise NotImplementedError(f"whether a {value.__class__.__name__} is a {wanted}")
        answer = value is not None and derives(found, wanted)
        if value.__class__ in CLASSES:
            known[value.__class__] = answer
        return answer

    return test


def boxer(source: Type) -> Callable[[Any], Any] | None:
    """What makes an object of a value: numbers keep their type, and so do enumerations and pairs. None: nothing has to."""
    inner = underlying(source)
    if inner.name in ENUMERATIONS:
        return lambda name: None if name is None else Enumeration(inner, name)
    if inner.name == "KeyValuePair":
        return lambda pair: boxed_pair(pair, inner)
    if inner in BOXES and inner != INT:
        return lambda value: box(value, inner)
    return None


def boxed(value: Any, type: Type) -> Any:
    """A value of a static type as an object."""
    boxing = boxer(type)
    return value if boxing is None else boxing(value)


def boxed_pair(value: Any, type: Type) -> Any:
    if value is None:
        return None
    pair = Pair((boxed(value[0], type.args[0]), boxed(value[1], type.args[1])))
    pair.type = type
    return pair


def stamp(type: Type) -> Callable[[Any], Any] | None:
    """What makes of a plain list the array or list of a static type."""
    if type.name == "[]" and type.args[0] != BYTE:
        return lambda value: Array(value, type) if value.__class__ is list else value
    return None
