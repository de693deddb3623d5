"""Namespaces System and System.Net: strings, numbers, dates, Guid, Uri, Convert, WebUtility."""

import base64
import binascii
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions.conversions import iterate, text_of
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property, out
from secure_mcp_local.expressions.failing import argument_null, format_error, out_of_range
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.moments import Moment
from secure_mcp_local.expressions.text import encode_utf8, joined, utf16
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    BYTES,
    CHAR,
    DOUBLE,
    EXCEPTION,
    INT,
    INTEGRAL,
    LONG,
    STRING,
    STRINGS,
    Type,
    array,
    generic,
)

PROFILE = 1
_COMPARISON = Type("StringComparison")
_SPLIT = Type("StringSplitOptions")
_OFFSET, _DATETIME, _GUID, _URI = Type("DateTimeOffset"), Type("DateTime"), Type("Guid"), Type("Uri")
_ENUMERABLE_OF_STRING = generic("IEnumerable", STRING)

# char.IsWhiteSpace: what Trim() removes.
_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_ORDINAL, _IGNORE_CASE = "Ordinal", "OrdinalIgnoreCase"


def _fold(text: str) -> str:
    """Ordinal comparison without case: each unit by its simple upper case."""
    return "".join(upper if len(upper := unit.upper()) == 1 else unit for unit in text)


def _pair(one: str, two: str, comparison: str) -> tuple[str, str]:
    if comparison == _IGNORE_CASE:
        return _fold(one), _fold(two)
    return one, two


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


def _split(text: str, separators: list[int], options: str = "None") -> list[str]:
    if not separators:
        parts = re.split(f"[{re.escape(_WHITE)}]", text)
    else:
        parts = re.split("[" + "".join(re.escape(chr(unit)) for unit in separators) + "]", text)
    return [part for part in parts if part] if options == "RemoveEmptyEntries" else parts


def _item(text: str, index: int) -> int:
    if not 0 <= index < len(text):
        raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return ord(text[index])


def _needs(text: str | None) -> str:
    if text is None:
        raise argument_null()
    return text


def _upper(text: str) -> str:
    """ToUpperInvariant: each character by its simple mapping; the dotless i stays."""
    return utf16("".join(_simple_upper(c) for c in joined(text)))


def _simple_upper(character: str) -> str:
    if character == "\u0131":
        return character
    # Where the full mapping is longer, the title case is the simple mapping.
    return next((one for one in (character.upper(), character.title()) if len(one) == 1), character)


def _lower(text: str) -> str:
    """ToLowerInvariant: the capital I with a dot stays."""
    lowered = (c if c == "\u0130" else c.lower() for c in joined(text))
    return utf16("".join(lowered))


def _repeat(unit: int, count: int) -> str:
    if count < 0:
        raise out_of_range("count")
    return chr(unit) * count


_STRING = Model(
    methods={
        "ToLowerInvariant": [Method((), STRING, _lower)],
        "ToUpperInvariant": [Method((), STRING, _upper)],
        "Trim": [
            Method((), STRING, lambda text: text.strip(_WHITE)),
            Method((CHAR,), STRING, lambda text, unit: text.strip(chr(unit))),
        ],
        "TrimEnd": [
            Method((), STRING, lambda text: text.rstrip(_WHITE)),
            Method((CHAR,), STRING, lambda text, unit: text.rstrip(chr(unit))),
        ],
        "TrimStart": [
            Method((), STRING, lambda text: text.lstrip(_WHITE)),
            Method((CHAR,), STRING, lambda text, unit: text.lstrip(chr(unit))),
        ],
        "Substring": [Method((INT,), STRING, _substring), Method((INT, INT), STRING, _substring)],
        "Replace": [
            Method((CHAR, CHAR), STRING, lambda text, old, new: text.replace(chr(old), chr(new))),
            Method((STRING, STRING), STRING, _replace),
        ],
        "Split": [
            Method((CHAR,), STRINGS, lambda text, unit: _split(text, [unit])),
            Method((array(CHAR),), STRINGS, _split),
            Method((array(CHAR), _SPLIT), STRINGS, _split),
        ],
        "StartsWith": [
            Method((STRING, _COMPARISON), BOOL, lambda text, part, how: (p := _pair(text, _needs(part), how))[0].startswith(p[1])),
        ],
        "EndsWith": [
            Method((STRING, _COMPARISON), BOOL, lambda text, part, how: (p := _pair(text, _needs(part), how))[0].endswith(p[1])),
        ],
        "Contains": [Method((STRING,), BOOL, lambda text, part: _needs(part) in text)],
        "IndexOf": [
            Method((CHAR,), INT, lambda text, unit: text.find(chr(unit))),
            Method((STRING, _COMPARISON), INT, lambda text, part, how: (p := _pair(text, _needs(part), how))[0].find(p[1])),
        ],
        "Equals": [Method((STRING, _COMPARISON), BOOL, lambda text, other, how: other is not None and (p := _pair(text, other, how))[0] == p[1])],
        "ToString": [Method((), STRING, lambda text: text)],
        "ToCharArray": [Method((), array(CHAR), lambda text: [ord(unit) for unit in text])],
    },
    properties={"Length": Property(INT, len)},
    statics={
        "Join": [
            Method((STRING, STRINGS), STRING, lambda separator, items: (separator or "").join(item or "" for item in iterate(items))),
            Method((STRING, _ENUMERABLE_OF_STRING), STRING, lambda separator, items: (separator or "").join(item or "" for item in iterate(items))),
        ],
        "IsNullOrEmpty": [Method((STRING,), BOOL, lambda text: not text)],
        "IsNullOrWhiteSpace": [Method((STRING,), BOOL, lambda text: text is None or not text.strip(_WHITE))],
        "Equals": [
            Method((STRING, STRING), BOOL, lambda one, two: one == two),
            Method((STRING, STRING, _COMPARISON), BOOL, lambda one, two, how: one == two if one is None or two is None else (p := _pair(one, two, how))[0] == p[1]),
        ],
        "Concat": [Method((STRING, STRING), STRING, lambda one, two: (one or "") + (two or ""))],
    },
    static_properties={"Empty": Property(STRING, lambda: "")},
    constructors=[
        Method((CHAR, INT), STRING, _repeat),
        Method((array(CHAR),), STRING, lambda units: "".join(map(chr, units or []))),
    ],
    indexer=Method((INT,), CHAR, _item),
)  # fmt: skip

_NUMBER = re.compile(r"[\t\n\v\f\r ]*[+-]?[0-9]+[\t\n\v\f\r ]*\0*", re.ASCII)


def _parse(low: int, high: int) -> Any:
    def parse(text: str | None) -> int:
        if text is None:
            raise argument_null("s")
        if not _NUMBER.fullmatch(text):
            raise format_error()
        value = int(text.strip("\t\n\v\f\r \0"))
        if not low <= value <= high:
            raise CSharpException("System.OverflowException", "Value was either too large or too small.")
        return value

    return parse


def _integer(type: Type) -> Model:
    low, high = INTEGRAL[type]
    parse = _parse(low, high)

    def try_parse(text: str | None) -> tuple[bool, int]:
        try:
            return True, parse(text)
        except CSharpException:
            return False, 0

    return Model(
        methods={"ToString": [Method((), STRING, str)]},
        statics={"Parse": [Method((STRING,), type, parse)], "TryParse": [Method((STRING, out(type)), BOOL, try_parse)]},
        static_properties={"MaxValue": Property(type, lambda: high), "MinValue": Property(type, lambda: low)},
    )


def _byte() -> Model:
    model = _integer(BYTE)
    texts = [*model.methods["ToString"], Method((STRING,), STRING, _hexadecimal)]
    return replace(model, methods={**model.methods, "ToString": texts})


def _from_base64(text: str | None) -> bytearray:
    if text is None:
        raise argument_null("s")
    plain = re.sub(r"[ \t\r\n]", "", text)
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", plain) or len(plain) % 4:
        raise format_error("The input is not a valid Base-64 string.")
    try:
        return bytearray(base64.b64decode(plain))
    except binascii.Error:
        raise format_error("The input is not a valid Base-64 string.") from None


def _needs_bytes(data: bytearray | None) -> bytearray:
    if data is None:
        raise argument_null("inArray")
    return data


_CONVERT = Model(
    statics={
        "ToBase64String": [Method((BYTES,), STRING, lambda data: base64.b64encode(_needs_bytes(data)).decode())],
        "FromBase64String": [Method((STRING,), BYTES, _from_base64)],
        "ToByte": [Method((STRING,), BYTE, lambda text: 0 if text is None else _parse(0, 255)(text))],
        "ToInt32": [Method((STRING,), INT, lambda text: 0 if text is None else _parse(*INTEGRAL[INT])(text))],
        "ToInt64": [Method((STRING,), LONG, lambda text: 0 if text is None else _parse(*INTEGRAL[LONG])(text))],
    }
)


def _ticks(unit: int) -> Any:
    """Adding a double number of units, rounded to a millisecond as .NET Framework does."""

    def add(moment: Moment, value: float) -> Moment:
        milliseconds = int(value * unit + (0.5 if value >= 0 else -0.5))
        return moment.plus(milliseconds * 10_000)

    return add


_ADDING = {
    "AddMilliseconds": _ticks(1),
    "AddSeconds": _ticks(1000),
    "AddMinutes": _ticks(60_000),
    "AddHours": _ticks(3_600_000),
    "AddDays": _ticks(86_400_000),
}


def _moment(type: Type, *, offset: bool) -> Model:
    def now(env: list[Any]) -> Moment:
        return Moment.of_unix(env[PROFILE].clock.now(), offset=offset)

    methods = {name: [Method((DOUBLE,), type, add)] for name, add in _ADDING.items()}
    methods["ToString"] = [Method((STRING,), STRING, Moment.format), Method((), STRING, Moment.text)]
    if offset:
        methods["ToUnixTimeSeconds"] = [Method((), LONG, Moment.unix_seconds)]
    statics = {"FromUnixTimeSeconds": [Method((LONG,), type, _from_unix)]} if offset else {}
    return Model(methods=methods, statics=statics, static_properties={"UtcNow": Property(type, now, env=True)})


def _exception(message: str | None = None) -> CSharpException:
    text = "Exception of type 'System.Exception' was thrown." if message is None else message
    return CSharpException("System.Exception", text)


def _guid_text(guid: UUID, form: str | None) -> str:
    match form or "D":
        case "D" | "d":
            return str(guid)
        case "N" | "n":
            return guid.hex
        case _:
            raise NotModelled(f"Guid.ToString({form!r}) is not modelled by the local cloud")


def _hexadecimal(value: int, form: str | None) -> str:
    match = re.fullmatch(r"([xX])([0-9]?)", form or "")
    if match is None:
        raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
    return f"{value:{match[1]}}".rjust(int(match[2] or 0), "0")


def _from_unix(seconds: int) -> Moment:
    if not -62_135_596_800 <= seconds <= 253_402_300_799:
        raise out_of_range("seconds")
    return Moment.of_unix(seconds)


def _guid(env: list[Any]) -> UUID:
    return env[PROFILE].guid()


_GUID_TEXT = re.compile(
    r"(?P<plain>[0-9a-fA-F]{32})|(?P<open>[{(])?(?P<parts>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?P<close>[})])?"
)


def _parse_guid(text: str | None) -> tuple[bool, UUID]:
    """The formats N, D, B and P.

    Raises:
        NotModelled: the text may be of format X.
    """
    stripped = (text or "").strip(_WHITE)
    match = _GUID_TEXT.fullmatch(stripped)
    if match is not None and (match["open"] or "") + (match["close"] or "") in {"", "{}", "()"}:
        return True, UUID(match["plain"] or match["parts"])
    if "x" in stripped.lower():
        raise NotModelled(f"Guid.TryParse of {stripped!r} is not modelled by the local cloud")
    return False, UUID(int=0)


_UNRESERVED = "-._~"
_LONE = re.compile("[\ud800-\udfff]")


def _escape(text: str | None) -> str:
    if text is None:
        raise argument_null("stringToEscape")
    if _LONE.search(joined(text)):
        raise CSharpException("System.UriFormatException", "Invalid URI: There is an invalid sequence in the string.")
    return quote(encode_utf8(text), safe=_UNRESERVED)


_PLAIN_URI = re.compile(
    r"(?i:(https?))://((?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"|(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})|\[::1\])(?::([0-9]{1,5}))?(?=[/?#]|\Z)[!-~]*"
)


class _Uri:
    def __init__(self, text: str | None) -> None:
        """Absolute http(s) URIs of ASCII with an ordinary host: for all others .NET has too many rules.

        Raises:
            NotModelled: another URI, whether .NET would take it or not.
        """
        if text is None:
            raise argument_null("uriString")
        if not re.match(r"[\s/\\]|[A-Za-z][A-Za-z0-9+.-]*:|[^\x00-\x7f]", text):
            raise CSharpException(
                "System.UriFormatException", "Invalid URI: The format of the URI could not be determined."
            )
        match = _PLAIN_URI.fullmatch(text)
        if match is not None and int(match[3] or 0) > 65535:
            raise CSharpException("System.UriFormatException", "Invalid URI: Invalid port specified.")
        octets = match[2].split(".") if match and match[2][-1:].isdigit() and match[2][:1].isdigit() else []
        if match is None or (len(octets) == 4 and any(int(n) > 255 for n in octets if n.isdigit())):
            raise NotModelled(f"new Uri({joined(text)!r}) is not modelled by the local cloud; plain http(s) URIs are")
        self.scheme, self.host = match[1].lower(), match[2].lower()


def _html_encode(text: str | None) -> str | None:
    """WebUtility.HtmlEncode: the five characters, U+00A0 to U+00FF, and what is beyond the basic plane."""
    if text is None:
        return None
    named = {"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "&": "&amp;"}
    encoded = [
        named.get(c) or (f"&#{ord(c)};" if 0xA0 <= ord(c) <= 0xFF or ord(c) > 0xFFFF else c)
        for c in _LONE.sub("\ufffd", joined(text))
    ]
    return utf16("".join(encoded))


_MATH = Model(
    statics={
        "Min": [Method((type, type), type, min) for type in (INT, LONG)],
        "Max": [Method((type, type), type, max) for type in (INT, LONG)],
        "Abs": [Method((INT,), INT, abs)],
    }
)


def _enumeration(type: Type, *names: str) -> Model:
    return Model(static_properties={name: Property(type, lambda name=name: name) for name in names})


MODELS: dict[str, Model] = {
    "string": _STRING,
    "bool": Model(methods={"ToString": [Method((), STRING, text_of)]}),
    "char": Model(methods={"ToString": [Method((), STRING, chr)]}),
    "int": _integer(INT),
    "long": _integer(LONG),
    "byte": _byte(),
    "double": Model(methods={"ToString": [Method((), STRING, text_of)]}),
    "object": Model(methods={"ToString": [Method((), STRING, text_of)]}),
    "Convert": _CONVERT,
    "Math": _MATH,
    "DateTimeOffset": _moment(_OFFSET, offset=True),
    "DateTime": _moment(_DATETIME, offset=False),
    "Guid": Model(
        methods={"ToString": [Method((), STRING, str), Method((STRING,), STRING, _guid_text)]},
        statics={
            "NewGuid": [Method((), _GUID, _guid, env=True)],
            "TryParse": [Method((STRING, out(_GUID)), BOOL, _parse_guid)],
        },
    ),
    "Uri": Model(
        properties={
            "Host": Property(STRING, lambda uri: uri.host),
            "Scheme": Property(STRING, lambda uri: uri.scheme),
        },
        statics={"EscapeDataString": [Method((STRING,), STRING, _escape)]},
        constructors=[Method((STRING,), _URI, _Uri)],
    ),
    "WebUtility": Model(statics={"HtmlEncode": [Method((STRING,), STRING, _html_encode)]}),
    "StringComparison": _enumeration(_COMPARISON, _ORDINAL, _IGNORE_CASE),
    "StringSplitOptions": _enumeration(_SPLIT, "None", "RemoveEmptyEntries"),
    "Exception": Model(
        properties={"Message": Property(STRING, lambda error: error.message)},
        constructors=[Method((STRING,), EXCEPTION, _exception), Method((), EXCEPTION, _exception)],
    ),
}
NAMES = {
    name: "System"
    for name in (
        "Convert", "Math", "DateTimeOffset", "DateTime", "Guid", "Uri", "StringComparison", "StringSplitOptions", "Exception",
    )
} | {"WebUtility": "System.Net"}  # fmt: skip
