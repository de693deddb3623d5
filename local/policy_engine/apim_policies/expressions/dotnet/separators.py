"""string.Split."""

import re

from apim_policies.expressions.objects.converting import WHITE
from apim_policies.expressions.types import (
    Type,
)
from apim_policies.expressions.values.failing import out_of_range

OPTIONS = Type("StringSplitOptions")
ALL = 2**31 - 1


def _places(text: str, separators: list[str]) -> list[tuple[int, int]]:
    """Where separators are, and their lengths; the first that fits is taken at each place."""
    if not separators:
        separators = list(WHITE)
    pattern = "|".join(re.escape(separator) for separator in separators)
    return [(match.start(), len(match.group())) for match in re.finditer(pattern, text)]


def _divide(text: str, separators: list[str], count: int, options: str) -> list[str]:
    """string.Split, as .NET's own code has it."""
    if count < 0:
        raise out_of_range("count")
    omit = options == "RemoveEmptyEntries"
    if count == 0 or (omit and not text):
        return []
    if len(separators) == 1 and count == ALL and not omit:
        return text.split(separators[0])
    places = _places(text, separators) if count > 1 else []
    if not places:
        return [text]
    parts: list[str] = []
    at = 0
    if not omit:
        for start, length in places[: count - 1]:
            parts.append(text[at:start])
            at = start + length
        return [*parts, text[at:]]
    index = 0
    while index < len(places) and at < len(text):
        start, length = places[index]
        if start > at:
            parts.append(text[at:start])
        at = start + length
        if len(parts) == count - 1:
            while index < len(places) - 1:
                index += 1
                if places[index][0] != at:
                    break
                at += places[index][1]
            break
        index += 1
    return [*parts, text[at:]] if at < len(text) else parts


def by_units(text: str, units: list[int] | None, count: int = ALL, options: str = "None") -> list[str]:
    return _divide(text, [chr(unit) for unit in units or []], count, options)


def by_texts(text: str, separators: list[str | None] | None, count: int = ALL, options: str = "None") -> list[str]:
    if separators and not any(separators):
        if count < 0:
            raise out_of_range("count")
        # None is a separator, but they are there.
        return [text] if count and (text or options == "None") else []
    return _divide(text, [separator for separator in separators or [] if separator], count, options)
