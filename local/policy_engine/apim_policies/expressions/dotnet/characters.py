"""System.Char."""

import unicodedata
from collections.abc import Callable

from apim_policies.expressions.dotnet.cases import lower_unit, upper_unit
from apim_policies.expressions.dotnet.comparisons import needs
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.objects.converting import WHITE
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    INT,
    STRING,
)
from apim_policies.expressions.values.failing import format_error, out_of_range


def _bounded(index: Callable[[str], bool]) -> Callable[[str | None, int], bool]:
    def test(text: str | None, at: int) -> bool:
        given = needs(text, "s")
        if not 0 <= at < len(given):
            raise out_of_range("index")
        return index(given[at])

    return test


def _of_category(*prefixes: str) -> Callable[[str], bool]:
    return lambda unit: unicodedata.category(unit).startswith(prefixes)


_KINDS: dict[str, Callable[[str], bool]] = {
    "IsDigit": _of_category("Nd"),
    "IsLetter": _of_category("L"),
    "IsLetterOrDigit": _of_category("L", "Nd"),
    "IsNumber": _of_category("N"),
    "IsUpper": _of_category("Lu"),
    "IsLower": _of_category("Ll"),
    "IsPunctuation": _of_category("P"),
    "IsSymbol": _of_category("S"),
    "IsControl": _of_category("Cc"),
    "IsSurrogate": _of_category("Cs"),
    "IsSeparator": _of_category("Z"),
    "IsWhiteSpace": lambda unit: unit in WHITE,
}


def _single(text: str | None) -> int:
    given = needs(text, "s")
    if len(given) != 1:
        raise format_error("String must be exactly one character long.")
    return ord(given)


_CHAR = Model(
    methods={
        "ToString": [Method((), STRING, chr)],
        "Equals": [Method((CHAR,), BOOL, lambda one, two: one == two)],
        "CompareTo": [Method((CHAR,), INT, lambda one, two: one - two)],
    },
    statics={
        **{
            name: [
                Method((CHAR,), BOOL, lambda unit, test=test: test(chr(unit))),
                Method((STRING, INT), BOOL, _bounded(test)),
            ]
            for name, test in _KINDS.items()
        },
        **{
            name: [Method((CHAR,), CHAR, lambda unit, change=change: ord(change(chr(unit))))]
            for name, change in (
                ("ToUpper", upper_unit), ("ToUpperInvariant", upper_unit),
                ("ToLower", lower_unit), ("ToLowerInvariant", lower_unit),
            )
        },
        "ToString": [Method((CHAR,), STRING, chr)],
        "Parse": [Method((STRING,), CHAR, _single)],
    },
    static_properties={"MaxValue": Property(CHAR, lambda: 0xFFFF), "MinValue": Property(CHAR, lambda: 0)},
)  # fmt: skip


MODELS: dict[str, Model] = {"char": _CHAR}
NAMES: dict[str, str] = {}
