"""Namespaces System.Text and System.Text.RegularExpressions."""

import re as plain_re
from functools import lru_cache
from typing import Any

import regex

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property
from secure_mcp_local.expressions.failing import argument_null
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.text import encode_utf8, utf16
from secure_mcp_local.expressions.types import BOOL, BYTES, INT, STRING, Type

_ENCODING, _MATCH, _GROUP, _GROUPS = Type("Encoding"), Type("Match"), Type("Group"), Type("GroupCollection")


class _Encoding:
    def __init__(self, name: str) -> None:
        self.name = name

    def get_bytes(self, text: str | None) -> bytearray:
        if text is None:
            raise argument_null("s")
        if self.name == "utf-8":
            return bytearray(encode_utf8(text))
        return bytearray(ord(unit) if ord(unit) < 128 else 63 for unit in text)

    def get_string(self, data: bytearray | None) -> str:
        if data is None:
            raise argument_null("bytes")
        if self.name == "utf-8":
            return utf16(data.decode("utf-8", "replace"))
        return "".join(chr(byte) if byte < 128 else "?" for byte in data)


# What .NET reads otherwise than the regex package does, or what is not modelled.
_OTHERWISE = plain_re.compile(r"\\[GKXpP]|\(\?<-|\(\?P|\(\?[+|R&>]|\[[^\]]*-\[|\(\?\(|\\[ZzA]?\{")


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> Any:
    if _OTHERWISE.search(pattern):
        raise NotModelled(f"the regular expression {pattern!r} uses something that the local cloud does not model")
    # \z is the end, \Z the end or a line break before it; the other engine calls the first one \Z.
    translated = plain_re.sub(
        r"\\(.)", lambda m: {"z": r"\Z", "Z": r"(?=\n?\Z)"}.get(m[1], m[0]), pattern, flags=plain_re.DOTALL
    )
    try:
        return regex.compile(translated, regex.VERSION0)
    except regex.error as error:
        raise CSharpException(
            "System.Text.RegularExpressions.RegexParseException", f"Invalid pattern '{pattern}': {error}"
        ) from None


def _search(text: str | None, pattern: str | None) -> Any:
    if text is None:
        raise argument_null("input")
    if pattern is None:
        raise argument_null("pattern")
    return _pattern(pattern).search(text)


_REFERENCE = plain_re.compile(r"\$(?:(\$)|(&)|([0-9]+)|\{(\w+)\}|([`'+_]))")


def _replace(text: str | None, pattern: str | None, replacement: str | None) -> str:
    if text is None or pattern is None or replacement is None:
        raise argument_null("input" if text is None else "pattern" if pattern is None else "replacement")
    compiled = _pattern(pattern)

    def expand(match: Any) -> str:
        def part(reference: Any) -> str:
            dollar, whole, number, name, other = reference.groups()
            if other:
                raise NotModelled(f"the replacement {replacement!r} uses ${other}")
            if dollar:
                return "$"
            if whole:
                return match.group()
            key: Any = int(number) if number else int(name) if name.isdigit() else name
            if (isinstance(key, int) and key > compiled.groups) or (
                isinstance(key, str) and key not in compiled.groupindex
            ):
                return reference.group()
            return match.group(key) or ""

        return _REFERENCE.sub(part, replacement)

    return compiled.sub(expand, text)


class _Group:
    def __init__(self, match: Any, index: int | str) -> None:
        self.value: str | None = match.group(index) if match is not None else None


def _group(match: Any, index: int | str) -> _Group:
    if match is None:
        return _Group(None, 0)
    if isinstance(index, int) and not 0 <= index <= match.re.groups:
        return _Group(None, 0)
    if isinstance(index, str) and index not in match.re.groupindex:
        return _Group(None, 0)
    return _Group(match, index)


class _Found:
    """A Match: successful or not, never null."""

    def __init__(self, match: Any) -> None:
        self.match = match


MODELS: dict[str, Model] = {
    "Encoding": Model(
        methods={
            "GetBytes": [Method((STRING,), BYTES, _Encoding.get_bytes)],
            "GetString": [Method((BYTES,), STRING, _Encoding.get_string)],
        },
        static_properties={
            "UTF8": Property(_ENCODING, lambda: _Encoding("utf-8")),
            "ASCII": Property(_ENCODING, lambda: _Encoding("ascii")),
        },
    ),
    "Regex": Model(
        statics={
            "IsMatch": [Method((STRING, STRING), BOOL, lambda text, pattern: _search(text, pattern) is not None)],
            "Match": [Method((STRING, STRING), _MATCH, lambda text, pattern: _Found(_search(text, pattern)))],
            "Replace": [Method((STRING, STRING, STRING), STRING, _replace)],
        }
    ),
    "Match": Model(
        properties={
            "Success": Property(BOOL, lambda found: found.match is not None),
            "Value": Property(STRING, lambda found: found.match.group() if found.match is not None else ""),
            "Index": Property(INT, lambda found: found.match.start() if found.match is not None else 0),
            "Length": Property(INT, lambda found: len(found.match.group()) if found.match is not None else 0),
            "Groups": Property(_GROUPS, lambda found: found),
        }
    ),
    "GroupCollection": Model(indexer=Method((INT,), _GROUP, lambda found, index: _group(found.match, index))),
    "Group": Model(
        properties={
            "Success": Property(BOOL, lambda group: group.value is not None),
            "Value": Property(STRING, lambda group: group.value or ""),
        }
    ),
}
NAMES = {
    "Encoding": "System.Text",
    "Regex": "System.Text.RegularExpressions",
    "Match": "System.Text.RegularExpressions",
    "Group": "System.Text.RegularExpressions",
}
