"""How texts are compared and searched by a StringComparison."""

from apim_policies.expressions.types import (
    Type,
)
from apim_policies.expressions.values import culture
from apim_policies.expressions.values.containers import folded
from apim_policies.expressions.values.failing import argument_null

COMPARISON = Type("StringComparison")
_IGNORING = {"OrdinalIgnoreCase", "InvariantCultureIgnoreCase", "CurrentCultureIgnoreCase"}


def needs(text: str | None, name: str = "value") -> str:
    if text is None:
        raise argument_null(name)
    return text


def pair(one: str, two: str, comparison: str) -> tuple[str, str]:
    """Both texts as they are searched and matched by a StringComparison."""
    if "Culture" in comparison:
        culture.searched(one, two)
    return (folded(one), folded(two)) if comparison in _IGNORING else (one, two)


def same(one: str | None, two: str | None, comparison: str) -> bool:
    if one is None or two is None:
        return one is two
    if len(one) != len(two) and "Culture" not in comparison:
        # Without case, too, a unit is compared with a unit.
        return False
    first, second = pair(one, two, comparison)
    return first == second


def compare(one: str | None, two: str | None, comparison: str) -> int:
    if one is None or two is None:
        return (one is not None) - (two is not None)
    match comparison:
        case "Ordinal":
            return _ordinal(one, two)
        case "OrdinalIgnoreCase":
            if one != two and folded(one) != folded(two) and not (one.isascii() and two.isascii()):
                raise NotImplementedError(f"the order of {one!r} and {two!r}")
            return _ordinal(folded(one), folded(two)) if one and two else len(one) - len(two)
        case _:
            return culture.compare(one, two, fold=comparison in _IGNORING)


def _ordinal(one: str, two: str) -> int:
    """The difference of the first units that differ, or of the lengths; an empty text begins with U+0000."""
    if not one or not two:
        return (ord(one[0]) if one else 0) - (ord(two[0]) if two else 0)
    for first, second in zip(one, two, strict=False):
        if first != second:
            return ord(first) - ord(second)
    return len(one) - len(two)
