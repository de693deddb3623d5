"""System.String."""

from collections.abc import Callable, Iterable
from typing import Any

from apim_policies.expressions.dotnet.cases import lower, upper
from apim_policies.expressions.dotnet.comparisons import COMPARISON, compare, needs, pair, same
from apim_policies.expressions.dotnet.registry import PROVIDER, Method, Model, Property
from apim_policies.expressions.dotnet.separators import ALL, OPTIONS, by_texts, by_units
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.converting import WHITE
from apim_policies.expressions.objects.formats import composite
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    INT,
    JTOKEN,
    OBJECT,
    STRING,
    STRINGS,
    VOID,
    Type,
    array,
    generic,
)
from apim_policies.expressions.values import culture
from apim_policies.expressions.values.containers import within
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence

_CHARS = array(CHAR)


def _substring(text: str, start: int, length: int | None = None) -> str:
    if not 0 <= start <= len(text):
        raise out_of_range("startIndex")
    if length is None:
        return text[start:]
    if length < 0 or start + length > len(text):
        raise out_of_range("length")
    return text[start : start + length]


def _replace(text: str, old: str | None, new: str | None) -> str:
    if old is None:
        raise argument_null("oldValue")
    if old == "":
        raise CSharpException("System.ArgumentException", "String cannot be of zero length. (Parameter 'oldValue')")
    return text.replace(old, new or "")


def _copied(text: str, start: int, target: Any, at: int, count: int) -> None:
    if target is None:
        raise argument_null("destination")
    if min(start, at, count) < 0 or start + count > len(text) or at + count > len(target):
        raise out_of_range("count")
    target[at : at + count] = map(ord, text[start : start + count])


def _compared(one: str | None, first: int, two: str | None, second: int, count: int, how: str) -> int:
    if one is None or two is None:
        raise NotImplementedError("the comparison of a part of null")
    if count < 0 or first < 0 or second < 0 or first > len(one) or second > len(two):
        raise out_of_range("length")
    return compare(one[first : first + count], two[second : second + count], how)


def _item(text: str, index: int) -> int:
    if not 0 <= index < len(text):
        raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return ord(text[index])


def _starting(text: str, start: int) -> int:
    if not 0 <= start <= len(text):
        raise out_of_range("startIndex")
    return start


def _index(text: str, unit: int, start: int = 0, count: int | None = None) -> int:
    _starting(text, start)
    if count is not None and not 0 <= count <= len(text) - start:
        raise out_of_range("count")
    return text.find(chr(unit), start, len(text) if count is None else start + count)


def _search(
    text: str, part: str | None, start: int = 0, count: int | None = None, comparison: str = "CurrentCulture"
) -> int:
    wanted = needs(part)
    _starting(text, start)
    if count is not None and not 0 <= count <= len(text) - start:
        raise out_of_range("count")
    within, wanted = pair(text, wanted, comparison)
    return within.find(wanted, start, len(text) if count is None else start + count)


def _last(text: str, unit: int, start: int | None = None) -> int:
    if start is None:
        return text.rfind(chr(unit))
    if not text:
        return -1
    if not 0 <= start < len(text):
        raise out_of_range("startIndex")
    return text.rfind(chr(unit), 0, start + 1)


def _last_text(text: str, part: str | None, comparison: str = "CurrentCulture") -> int:
    wanted = needs(part)
    if not wanted:
        raise NotImplementedError("LastIndexOf of an empty string")
    within, wanted = pair(text, wanted, comparison)
    return within.rfind(wanted)


def _any_of(text: str, units: list[int] | None, start: int = 0) -> int:
    if units is None:
        raise argument_null("anyOf")
    _starting(text, start)
    return next((n for n in range(start, len(text)) if ord(text[n]) in units), -1)


def _last_any_of(text: str, units: list[int] | None) -> int:
    if units is None:
        raise argument_null("anyOf")
    return next((n for n in reversed(range(len(text))) if ord(text[n]) in units), -1)


def _repeat(unit: int, count: int) -> str:
    if count < 0:
        raise out_of_range("count")
    return chr(unit) * within(count)


def _padded(text: str, width: int, unit: int = 32, *, left: bool) -> str:
    if width < 0:
        raise out_of_range("totalWidth")
    return text.rjust(within(width), chr(unit)) if left else text.ljust(within(width), chr(unit))


def _insert(text: str, index: int, part: str | None) -> str:
    if part is None:
        raise argument_null("value")
    if not 0 <= index <= len(text):
        raise out_of_range("startIndex")
    return text[:index] + part + text[index:]


def _remove(text: str, start: int, count: int | None = None) -> str:
    if start < 0 or (count is None and start >= len(text)):
        raise out_of_range("startIndex")
    if count is None:
        return text[:start]
    if count < 0 or start + count > len(text):
        raise out_of_range("count")
    return text[:start] + text[start + count :]


def _units(text: str, start: int = 0, length: int | None = None) -> list[int]:
    if length is not None and (not 0 <= start <= len(text) or not 0 <= length <= len(text) - start):
        raise out_of_range("startIndex")
    return [ord(unit) for unit in (text if length is None else text[start : start + length])]


def _trimming(strip: Callable[[str, str], str]) -> list[Method]:
    def units(text: str, given: list[int] | None) -> str:
        return strip(text, "".join(map(chr, given)) if given else WHITE)

    return [
        Method((), STRING, lambda text: strip(text, WHITE)),
        Method((CHAR,), STRING, lambda text, unit: strip(text, chr(unit))),
        Method((_CHARS,), STRING, units),
        Method((), STRING, units, rest=CHAR),
    ]


def _join(separator: str | None, items: Iterable[Any] | None) -> str:
    if items is None:
        raise argument_null("values")
    return (separator or "").join([text_of(item) for item in iterate(items)])


def _join_units(separator: str | None, items: Iterable[int] | None) -> str:
    if items is None:
        raise argument_null("values")
    return (separator or "").join([chr(item) for item in iterate(items)])


def _join_some(separator: str | None, items: list[str | None] | None, start: int, count: int) -> str:
    if items is None:
        raise argument_null("value")
    if start < 0 or count < 0 or start + count > len(items):
        raise out_of_range("startIndex")
    return (separator or "").join([item or "" for item in items[start : start + count]])


def _joins(*before: Type) -> list[Method]:
    """string.Join, and string.Concat without a separator, of sequences by their elements."""

    def start(join: Callable[..., str]) -> Callable[..., str]:
        return join if before else lambda items: join(None, items)

    kinds: list[Method] = []
    for element in (STRING, OBJECT, JTOKEN, Type("JValue")):
        kinds.append(
            Method((*before, generic("IEnumerable", element)), STRING, start(_join), inferred=element != STRING)
        )
    for element in (CHAR,):
        kinds.append(Method((*before, generic("IEnumerable", element)), STRING, start(_join_units), inferred=True))
    for name in ("int", "long", "double", "bool", "byte", "Guid", "decimal"):
        element = Type(name)

        def of_values(*given: Any, element: Type = element) -> str:
            items = given[-1]
            return start(_join)(*given[:-1], Sequence(lambda: [boxed(item, element) for item in iterate(items)]))

        kinds.append(Method((*before, generic("IEnumerable", element)), STRING, of_values, inferred=True))
    return kinds


_STRING = Model(
    methods={
        **{name: [Method((), STRING, upper)] for name in ("ToUpper", "ToUpperInvariant")},
        **{name: [Method((), STRING, lower)] for name in ("ToLower", "ToLowerInvariant")},
        "Trim": _trimming(lambda text, units: text.strip(units)),
        "TrimEnd": _trimming(lambda text, units: text.rstrip(units)),
        "TrimStart": _trimming(lambda text, units: text.lstrip(units)),
        "Substring": [Method((INT,), STRING, _substring), Method((INT, INT), STRING, _substring)],
        "Replace": [
            Method((CHAR, CHAR), STRING, lambda text, old, new: text.replace(chr(old), chr(new))),
            Method((STRING, STRING), STRING, _replace),
        ],
        "Split": [
            Method((CHAR,), STRINGS, lambda text, unit: by_units(text, [unit])),
            Method((CHAR, OPTIONS), STRINGS, lambda text, unit, options: by_units(text, [unit], ALL, options)),
            Method((CHAR, INT, OPTIONS), STRINGS, lambda text, unit, count, options: by_units(text, [unit], count, options), optional=("None",)),
            Method((STRING, OPTIONS), STRINGS, lambda text, part, options: by_texts(text, [part], ALL, options), optional=("None",)),
            Method((STRING, INT, OPTIONS), STRINGS, lambda text, part, count, options: by_texts(text, [part], count, options), optional=("None",)),
            Method((_CHARS,), STRINGS, by_units),
            Method((_CHARS, INT), STRINGS, by_units),
            Method((_CHARS, OPTIONS), STRINGS, lambda text, units, options: by_units(text, units, ALL, options)),
            Method((_CHARS, INT, OPTIONS), STRINGS, by_units),
            Method((STRINGS, OPTIONS), STRINGS, lambda text, parts, options: by_texts(text, parts, ALL, options)),
            Method((STRINGS, INT, OPTIONS), STRINGS, by_texts),
            Method((), STRINGS, by_units, rest=CHAR),
        ],
        "StartsWith": [
            Method((STRING,), BOOL, lambda text, part: (p := pair(text, needs(part), "CurrentCulture"))[0].startswith(p[1])),
            Method((STRING, COMPARISON), BOOL, lambda text, part, how: (p := pair(text, needs(part), how))[0].startswith(p[1])),
            Method((CHAR,), BOOL, lambda text, unit: text.startswith(chr(unit))),
        ],
        "EndsWith": [
            Method((STRING,), BOOL, lambda text, part: (p := pair(text, needs(part), "CurrentCulture"))[0].endswith(p[1])),
            Method((STRING, COMPARISON), BOOL, lambda text, part, how: (p := pair(text, needs(part), how))[0].endswith(p[1])),
            Method((CHAR,), BOOL, lambda text, unit: text.endswith(chr(unit))),
        ],
        "Contains": [
            Method((STRING,), BOOL, lambda text, part: needs(part) in text),
            Method((STRING, COMPARISON), BOOL, lambda text, part, how: (p := pair(text, needs(part), how))[1] in p[0]),
            Method((CHAR,), BOOL, lambda text, unit: chr(unit) in text),
        ],
        "IndexOf": [
            Method((CHAR,), INT, _index),
            Method((CHAR, INT), INT, _index),
            Method((CHAR, INT, INT), INT, _index),
            Method((STRING,), INT, _search),
            Method((STRING, INT), INT, _search),
            Method((STRING, INT, INT), INT, _search),
            Method((STRING, COMPARISON), INT, lambda text, part, how: _search(text, part, 0, None, how)),
            Method((STRING, INT, COMPARISON), INT, lambda text, part, start, how: _search(text, part, start, None, how)),
        ],
        "IndexOfAny": [Method((_CHARS,), INT, _any_of), Method((_CHARS, INT), INT, _any_of)],
        "LastIndexOf": [
            Method((CHAR,), INT, _last),
            Method((CHAR, INT), INT, _last),
            Method((STRING,), INT, _last_text),
            Method((STRING, COMPARISON), INT, _last_text),
        ],
        "LastIndexOfAny": [Method((_CHARS,), INT, _last_any_of)],
        "Insert": [Method((INT, STRING), STRING, _insert)],
        "Remove": [Method((INT,), STRING, _remove), Method((INT, INT), STRING, _remove)],
        "PadLeft": [
            Method((INT,), STRING, lambda text, width: _padded(text, width, left=True)),
            Method((INT, CHAR), STRING, lambda text, width, unit: _padded(text, width, unit, left=True)),
        ],
        "PadRight": [
            Method((INT,), STRING, lambda text, width: _padded(text, width, left=False)),
            Method((INT, CHAR), STRING, lambda text, width, unit: _padded(text, width, unit, left=False)),
        ],
        "Equals": [
            Method((STRING, COMPARISON), BOOL, lambda text, other, how: other is not None and same(text, other, how)),
            Method((STRING,), BOOL, lambda text, other: text == other),
            Method((OBJECT,), BOOL, lambda text, other: isinstance(other, str) and text == other),
        ],
        "CompareTo": [Method((STRING,), INT, culture.compare)],
        "ToString": [Method((), STRING, lambda text: text), Method((PROVIDER,), STRING, lambda text, culture: text)],
        "Clone": [Method((), OBJECT, lambda text: text)],
        "CopyTo": [Method((INT, _CHARS, INT, INT), VOID, _copied)],
        "ToCharArray": [Method((), _CHARS, _units), Method((INT, INT), _CHARS, _units)],
    },
    properties={"Length": Property(INT, len)},
    statics={
        "Join": [
            Method((STRING, STRINGS), STRING, _join),
            Method((STRING, array(OBJECT)), STRING, _join),
            Method((STRING, STRINGS, INT, INT), STRING, _join_some),
            Method((STRING,), STRING, _join, rest=STRING),
            Method((STRING,), STRING, _join, rest=OBJECT),
            *_joins(STRING),
        ],
        "Concat": [
            Method((STRING, STRING), STRING, lambda *parts: "".join(part or "" for part in parts)),
            Method((STRING, STRING, STRING), STRING, lambda *parts: "".join(part or "" for part in parts)),
            Method((STRING, STRING, STRING, STRING), STRING, lambda *parts: "".join(part or "" for part in parts)),
            Method((STRINGS,), STRING, lambda items: _join(None, items)),
            Method((OBJECT,), STRING, text_of),
            Method((OBJECT, OBJECT), STRING, lambda *parts: "".join(map(text_of, parts))),
            Method((OBJECT, OBJECT, OBJECT), STRING, lambda *parts: "".join(map(text_of, parts))),
            *_joins(),
            Method((), STRING, lambda items: _join(None, items), rest=STRING),
            Method((), STRING, lambda items: _join(None, items), rest=OBJECT),
        ],
        "Format": [
            Method((STRING, array(OBJECT)), STRING, composite),
            Method((STRING,), STRING, composite, rest=OBJECT),
            Method((PROVIDER, STRING, array(OBJECT)), STRING, lambda culture, form, items: composite(form, items)),
            Method((PROVIDER, STRING), STRING, lambda culture, form, items: composite(form, items), rest=OBJECT),
        ],
        "IsNullOrEmpty": [Method((STRING,), BOOL, lambda text: not text)],
        "IsNullOrWhiteSpace": [Method((STRING,), BOOL, lambda text: text is None or not text.strip(WHITE))],
        "Equals": [
            Method((STRING, STRING), BOOL, lambda one, two: one == two),
            Method((STRING, STRING, COMPARISON), BOOL, same),
        ],
        "Compare": [
            Method((STRING, STRING), INT, culture.compare),
            Method((STRING, STRING, BOOL), INT, lambda one, two, fold: culture.compare(one, two, fold=fold)),
            Method((STRING, STRING, COMPARISON), INT, compare),
            Method((STRING, INT, STRING, INT, INT, COMPARISON), INT, _compared),
        ],
        "CompareOrdinal": [
            Method((STRING, STRING), INT, lambda one, two: compare(one, two, "Ordinal")),
            Method((STRING, INT, STRING, INT, INT), INT, lambda one, at, two, second, count: _compared(one, at, two, second, count, "Ordinal")),
        ],
        "Copy": [Method((STRING,), STRING, lambda text: needs(text, "str"))],
    },
    static_properties={"Empty": Property(STRING, lambda: "")},
    constructors=[
        Method((CHAR, INT), STRING, _repeat),
        Method((_CHARS,), STRING, lambda units: "".join(map(chr, units or []))),
    ],
    indexer=Method((INT,), CHAR, _item),
)  # fmt: skip


MODELS: dict[str, Model] = {"string": _STRING}
NAMES: dict[str, str] = {}
