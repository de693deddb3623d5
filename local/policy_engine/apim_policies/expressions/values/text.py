"""Strings as .NET has them: sequences of UTF-16 units.

While an expression runs, a C# string is a Python str whose characters are UTF-16 units: lengths, indexes and slices
are then .NET's. Characters outside the basic plane are pairs of surrogates; `utf16` and `joined` convert.
"""

import re

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = re.compile("[\ud800-\udfff]")


def _split(match: re.Match[str]) -> str:
    code = ord(match.group()) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _join(match: re.Match[str]) -> str:
    high, low = match.group()
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + ord(low) - 0xDC00)


def utf16(text: str) -> str:
    """The UTF-16 units of ordinary text."""
    return text if text.isascii() else _ASTRAL.sub(_split, text)


def joined(text: str) -> str:
    """Ordinary text of UTF-16 units; lone surrogates stay."""
    return text if text.isascii() else _PAIR.sub(_join, text)


def encode_utf8(text: str) -> bytes:
    """UTF-8 of UTF-16 units; lone surrogates become U+FFFD, as in .NET."""
    if text.isascii():
        return text.encode("ascii")
    return _LONE.sub("\ufffd", joined(text)).encode("utf-8")
