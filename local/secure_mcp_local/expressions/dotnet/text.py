"""Namespaces System.Text and System.Text.RegularExpressions."""

import re
from typing import Any

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions.dotnet.patterns import Pattern, pattern
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property
from secure_mcp_local.expressions.failing import argument_null
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


def _search(text: str | None, source: str | None) -> tuple[Pattern, Any]:
    if text is None:
        raise argument_null("input")
    if source is None:
        raise argument_null("pattern")
    compiled = pattern(source)
    return compiled, compiled.compiled.search(compiled.checked(text))


_REFERENCE = re.compile(r"\$(?:(\$)|(&)|([0-9]+)|\{(\w+)\}|([`'+_]))", re.ASCII)


def _replace(text: str | None, source: str | None, replacement: str | None) -> str:
    if text is None or source is None or replacement is None:
        raise argument_null("input" if text is None else "pattern" if source is None else "replacement")
    compiled = pattern(source)

    def expand(match: Any) -> str:
        def part(reference: re.Match[str]) -> str:
            dollar, whole, number, name, other = reference.groups()
            if other:
                raise NotModelled(f"the replacement {replacement!r} uses ${other}, which is not modelled")
            if dollar:
                return "$"
            if whole:
                return match.group()
            place = compiled.group(int(number or name) if (number or name).isdigit() else name)
            if place is None:
                if number and len(number) > 1:
                    raise NotModelled(f"the replacement {replacement!r} uses ${number}, which is not modelled")
                return reference.group()
            return match.group(place) or ""

        return _REFERENCE.sub(part, replacement)

    return compiled.compiled.sub(expand, compiled.checked(text))


class _Group:
    def __init__(self, found: "_Found", key: int | str) -> None:
        place = found.pattern.group(key)
        self.value: str | None = found.match.group(place) if found.match is not None and place is not None else None


class _Found:
    """A Match: successful or not, never null."""

    def __init__(self, found: tuple[Pattern, Any]) -> None:
        self.pattern, self.match = found


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
            "IsMatch": [Method((STRING, STRING), BOOL, lambda text, pattern: _search(text, pattern)[1] is not None)],
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
    "GroupCollection": Model(
        indexer=Method((INT,), _GROUP, _Group),
        second_indexer=Method((STRING,), _GROUP, _Group),
    ),
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
