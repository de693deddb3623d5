"""System.Char."""

import unicodedata
from collections.abc import Callable

from apim_policies.expressions.dotnet.cases import lower_unit, upper_unit
from apim_policies.expressions.dotnet.comparisons import needs
from apim_policies.expressions.dotnet.numbers import equals
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.objects.converting import WHITE
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    INT,
    STRING,
)
from apim_policies.expressions.values.failing import format_error, out_of_range
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import utf16


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
    "IsHighSurrogate": lambda unit: "\ud800" <= unit <= "\udbff",
    "IsLowSurrogate": lambda unit: "\udc00" <= unit <= "\udfff",
    "IsSeparator": _of_category("Z"),
    "IsWhiteSpace": lambda unit: unit in WHITE,
}


def _single(text: str | None) -> int:
    given = needs(text, "s")
    if len(given) != 1:
        raise format_error("String must be exactly one character long.")
    return ord(given)


def _tried(text: str | None) -> tuple[bool, int]:
    return (True, ord(text)) if text is not None and len(text) == 1 else (False, 0)


def _of_code(code: int) -> str:
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise out_of_range("utf32")
    return utf16(chr(code))


def _is_pair(high: int, low: int) -> bool:
    return 0xD800 <= high <= 0xDBFF and 0xDC00 <= low <= 0xDFFF


def _code_of_pair(high: int, low: int) -> int:
    if not _is_pair(high, low):
        raise out_of_range("highSurrogate")
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)


def _code_at(text: str | None, at: int) -> int:
    given = needs(text, "s")
    if not 0 <= at < len(given):
        raise out_of_range("index")
    unit = ord(given[at])
    if not 0xD800 <= unit <= 0xDFFF:
        return unit
    following = ord(given[at + 1]) if at + 1 < len(given) else 0
    if not _is_pair(unit, following):
        raise CSharpException("System.ArgumentException", "Found a surrogate without its pair.")
    return _code_of_pair(unit, following)


_CHAR = Model(
    methods={
        "ToString": [Method((), STRING, chr)],
        "Equals": equals(CHAR),
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
        "TryParse": [Method((STRING, out(CHAR)), BOOL, _tried)],
        "ConvertFromUtf32": [Method((INT,), STRING, _of_code)],
        "ConvertToUtf32": [Method((CHAR, CHAR), INT, _code_of_pair), Method((STRING, INT), INT, _code_at)],
        "IsSurrogatePair": [Method((CHAR, CHAR), BOOL, _is_pair)],
    },
    static_properties={"MaxValue": Property(CHAR, lambda: 0xFFFF), "MinValue": Property(CHAR, lambda: 0)},
)  # fmt: skip


MODELS: dict[str, Model] = {"char": _CHAR}
NAMES: dict[str, str] = {}
