"""System.Uri, System.Net.WebUtility and System.Net.IPAddress."""

import re
from collections.abc import Callable
from html.entities import name2codepoint
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes

from apim_policies.errors import NotModelled
from apim_policies.expressions.context import form_decode
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.types import BOOL, BYTES, INT, OBJECT, STRING, STRINGS, Type
from apim_policies.expressions.values.failing import argument_null, format_error
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import encode_utf8, joined, utf16

_URI, _PARTIAL, _ADDRESS = Type("Uri"), Type("UriPartial"), Type("IPAddress")
_UNRESERVED = "-._~"
_RESERVED = ";/?:@&=+$,#[]!*'()"
_LONE = re.compile("[\ud800-\udfff]")


def _escaped(safe: str) -> Callable[[str | None], str]:
    def escape(text: str | None) -> str:
        if text is None:
            raise argument_null("stringToEscape")
        if _LONE.search(joined(text)):
            raise CSharpException(
                "System.UriFormatException", "Invalid URI: There is an invalid sequence in the string."
            )
        return quote(encode_utf8(text), safe=safe)

    return escape


def _unescape(text: str | None) -> str:
    """Uri.UnescapeDataString: what is no UTF-8 stays escaped."""
    if text is None:
        raise argument_null("stringToUnescape")

    def decode(match: re.Match[str]) -> str:
        data = unquote_to_bytes(match.group())
        try:
            return utf16(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise NotImplementedError(f"the unescaping of {match.group()!r}") from None

    return re.sub("(?:%[0-9A-Fa-f]{2})+", decode, text)


_PLAIN_URI = re.compile(
    r"(?i:(https?))://((?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"|(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})|\[::1\])(?::([0-9]{1,5}))?((?=[/?#]|\Z)[!-~]*)"
)
_CUSTOM_URI = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)((?=[/?]|\Z)[A-Za-z0-9/?&=._~-]*)")
_OPAQUE_URI = re.compile(r"([A-Za-z][A-Za-z0-9.-]+):([A-Za-z0-9](?:[A-Za-z0-9_~-]|\.(?=[A-Za-z0-9]))*)")
"""A scheme and one plain word behind it: `urn:x`."""
_KNOWN_SCHEMES = frozenset(
    {
        "file", "ftp", "http", "https", "gopher", "ldap", "mailto", "net.pipe", "net.tcp", "news", "nntp", "telnet", "uuid", "ws",
        "wss", "vsmacros",
    }
)  # fmt: skip
"""Those that .NET has rules of its own for."""
_TAIL = re.compile(r"([^?#]*)(\?[^#]*)?(#.*)?")
_SIMPLE = re.compile(r"(?:[A-Za-z0-9/?&=._~:@!$'()*+,;-]|%[0-9A-F]{2})*(?:#[A-Za-z0-9/?&=._~:@!$'()*+,;-]*)?")
_PORTS = {"http": 80, "https": 443}


class Uri:
    """Absolute http(s) URIs of ASCII with an ordinary host: for all others .NET has too many rules."""

    type = _URI

    def __init__(self, text: str | None) -> None:
        """
        Raises:
            NotModelled: another URI, whether .NET would take it or not.
        """
        if text is None:
            raise argument_null("uriString")
        if not re.match(r"[\s/\\]|[A-Za-z][A-Za-z0-9+.-]*:|[^\x00-\x7f]", text):
            raise CSharpException(
                "System.UriFormatException", "Invalid URI: The format of the URI could not be determined."
            )
        self.original = text
        self.opaque = False
        match = _PLAIN_URI.fullmatch(text)
        if match is not None and int(match[3] or 0) > 65535:
            raise CSharpException("System.UriFormatException", "Invalid URI: Invalid port specified.")
        custom = _CUSTOM_URI.fullmatch(text) if match is None else None
        if custom is not None and custom[1] not in _KNOWN_SCHEMES:
            self.scheme, self.host, self.port, self.tail = custom[1], custom[2], -1, custom[3]
            if re.search(r"\.\.|/\.|[0-9.]$", self.host) or "/." in self.tail or self.host.replace(".", "").isdigit():
                raise NotModelled(
                    f"new Uri({joined(text)!r}) is not modelled by the local cloud; plain http(s) URIs are"
                )
            return
        opaque = _OPAQUE_URI.fullmatch(text) if match is None else None
        if opaque is not None and opaque[1].lower() not in _KNOWN_SCHEMES:
            self.scheme, self.host, self.port, self.tail = opaque[1].lower(), "", -1, opaque[2]
            self.opaque = True
            return
        octets = match[2].split(".") if match and match[2][-1:].isdigit() and match[2][:1].isdigit() else []
        if match is None or (len(octets) == 4 and any(int(n) > 255 for n in octets if n.isdigit())):
            raise NotModelled(f"new Uri({joined(text)!r}) is not modelled by the local cloud; plain http(s) URIs are")
        self.scheme, self.host = match[1].lower(), match[2].lower()
        self.port = int(match[3]) if match[3] else _PORTS[self.scheme]
        self.tail = match[4]

    @classmethod
    def combined(cls, base: "Uri | None", relative: str | None) -> "Uri":
        """`new Uri(base, relative)` of an http(s) URI and a plain path, query or absolute URI."""
        if base is None:
            raise argument_null("baseUri")
        if relative is None:
            raise NotImplementedError("new Uri of a base and null")
        if _PLAIN_URI.fullmatch(relative):
            return cls(relative)
        path, _, _ = base.parts()
        if (
            base.scheme not in _PORTS
            or not re.fullmatch(r"(?!//)(?![^/?#]*:)[A-Za-z0-9/?&=._~-]+", relative)
            or re.search(r"//|\.\.\.|[^/]\.\.|\.\.[^/?]", relative.partition("?")[0])
        ):
            raise NotImplementedError(f"new Uri of a base and {joined(relative)!r}")
        if relative.startswith("/"):
            tail = relative
        elif relative.startswith("?"):
            tail = path + relative
        else:
            tail = path[: path.rindex("/") + 1] + relative
        made = cls(f"{base.scheme}://{base.authority}{tail}")
        made.original = made.absolute
        return made

    def parts(self) -> tuple[str, str, str]:
        """Path, query with its `?` and fragment with its `#`.

        Raises:
            NotModelled: .NET would normalise something of them.
        """
        match = _TAIL.fullmatch(self.tail)
        if match is None or not _SIMPLE.fullmatch(self.tail) or "%" in match[1] or "\\" in match[1]:
            raise NotModelled(f"the parts of the URI {self.original!r} are not modelled by the local cloud")
        path = match[1] or ("/" if self.scheme in _PORTS else "")
        if re.search(r"%(?:2D|2E|5F|7E|3[0-9]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A])", self.tail):
            raise NotModelled(f"the parts of the URI {self.original!r} are not modelled by the local cloud")
        return _without_dots(path), match[2] or "", match[3] or ""

    @property
    def default_port(self) -> bool:
        return self.port == _PORTS.get(self.scheme, -1)

    @property
    def authority(self) -> str:
        return self.host if self.default_port else f"{self.host}:{self.port}"

    @property
    def absolute(self) -> str:
        start = f"{self.scheme}:" if self.opaque else f"{self.scheme}://{self.authority}"
        return f"{start}{''.join(self.parts())}"

    def text(self) -> str:
        """`ToString()`, which unescapes.

        Raises:
            NotModelled: there is something to unescape.
        """
        if "%" in self.tail:
            raise NotModelled(f"the text of the URI {self.original!r} is not modelled by the local cloud")
        return self.absolute

    def left(self, part: str) -> str:
        path, query, _ = self.parts()
        if self.opaque:
            return {"Scheme": f"{self.scheme}:", "Authority": ""}.get(part, self.absolute)
        start = f"{self.scheme}://"
        return {
            "Scheme": start,
            "Authority": start + self.authority,
            "Path": start + self.authority + path,
            "Query": start + self.authority + path + query,
        }[part]

    def segments(self) -> list[str]:
        return re.findall("[^/]*/|[^/]+", self.parts()[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Uri):
            return False
        return (self.scheme, self.host, self.port, *self.parts()[:2]) == (
            other.scheme, other.host, other.port, *other.parts()[:2],
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.scheme, self.host, self.port))


def _same(uri: Uri, other: object) -> bool:
    """`Equals`, which takes the text of a URI for one."""
    if isinstance(other, str):
        try:
            return uri == Uri(other)
        except CSharpException:
            return False
    return uri == other


def _without_dots(path: str) -> str:
    """`a/./b/../c` is `a/c`."""
    if not re.search(r"/\.", path):
        return path
    if re.search(r"/\.[^./]|/\.\.[^/]", path):
        raise NotModelled(f"the URI path {path!r} is not modelled by the local cloud")
    kept: list[str] = []
    parts = path.split("/")[1:]
    for n, part in enumerate(parts):
        last = n == len(parts) - 1
        if part == "..":
            if kept:
                kept.pop()
            if last:
                kept.append("")
        elif part == ".":
            if last:
                kept.append("")
        else:
            kept.append(part)
    return "/" + "/".join(kept)


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


_ENTITY = re.compile(r"&([^;&]*);")


def _html_decode(text: str | None) -> str | None:
    """WebUtility.HtmlDecode: entities of HTML 4 with their semicolon, and numbers."""
    if text is None:
        return None

    def decode(match: re.Match[str]) -> str:
        name = match[1]
        number = re.fullmatch(r"#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,10}))", name)
        if number is not None:
            code = int(number[1], 16) if number[1] else int(number[2])
            if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                return match.group()
            return utf16(chr(code))
        if name.startswith("#"):
            raise NotImplementedError(f"the entity {match.group()!r}")
        if name == "apos":
            return "'"
        code = name2codepoint.get(name)
        return match.group() if code is None else chr(code)

    return _ENTITY.sub(decode, text)


def _url_encode(text: str | None) -> str | None:
    """WebUtility.UrlEncode."""
    if text is None:
        return None
    return quote(encode_utf8(text), safe="-_.!*()").replace("~", "%7E").replace("%20", "+")


def _url_decode(text: str | None) -> str | None:
    return None if text is None else utf16(form_decode(text)) if text.isascii() else _mixed(text)


def _mixed(text: str) -> str:
    raise NotImplementedError(f"WebUtility.UrlDecode of {text!r}")


class _Address:
    type = _ADDRESS

    def __init__(self, address: IPv4Address | IPv6Address) -> None:
        self.address = address

    def text(self) -> str:
        return str(self.address)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Address) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)


def _parse_address(text: str | None) -> _Address:
    if text is None:
        raise argument_null("ipString")
    try:
        if re.fullmatch(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})", text):
            return _Address(IPv4Address(text))
        if re.fullmatch("[0-9a-fA-F:]+", text) and ":" in text and "::ffff" not in text.lower():
            return _Address(IPv6Address(text))
    except AddressValueError:
        raise format_error("An invalid IP address was specified.") from None
    if re.fullmatch("[g-wyzG-WYZ ]+", text) or text == "":
        raise format_error("An invalid IP address was specified.")
    raise NotModelled(f"the IP address {text!r} is not modelled by the local cloud")


def _try_address(text: str | None) -> tuple[bool, _Address | None]:
    if text is None:
        return False, None
    try:
        return True, _parse_address(text)
    except CSharpException:
        return False, None


MODELS: dict[str, Model] = {
    "Uri": Model(
        methods={
            "ToString": [Method((), STRING, Uri.text)],
            "GetLeftPart": [Method((_PARTIAL,), STRING, Uri.left)],
            "Equals": [Method((OBJECT,), BOOL, _same)],
        },
        properties={
            "Host": Property(STRING, lambda uri: uri.host),
            "DnsSafeHost": Property(STRING, lambda uri: uri.host.strip("[]")),
            "Scheme": Property(STRING, lambda uri: uri.scheme),
            "Port": Property(INT, lambda uri: uri.port),
            "IsDefaultPort": Property(BOOL, lambda uri: uri.default_port),
            "IsLoopback": Property(
                BOOL, lambda uri: uri.host in {"localhost", "[::1]", "loopback"} or uri.host.startswith("127.")
            ),
            "IsAbsoluteUri": Property(BOOL, lambda uri: True),
            "Authority": Property(STRING, lambda uri: uri.authority),
            "AbsolutePath": Property(STRING, lambda uri: uri.parts()[0]),
            "LocalPath": Property(STRING, lambda uri: uri.parts()[0]),
            "PathAndQuery": Property(STRING, lambda uri: "".join(uri.parts()[:2])),
            "Query": Property(STRING, lambda uri: uri.parts()[1]),
            "Fragment": Property(STRING, lambda uri: uri.parts()[2]),
            "AbsoluteUri": Property(STRING, lambda uri: uri.absolute),
            "OriginalString": Property(STRING, lambda uri: uri.original),
            "Segments": Property(STRINGS, Uri.segments),
            "UserInfo": Property(STRING, lambda uri: ""),
        },
        statics={
            "EscapeDataString": [Method((STRING,), STRING, _escaped(_UNRESERVED))],
            "EscapeUriString": [Method((STRING,), STRING, _escaped(_UNRESERVED + _RESERVED))],
            "UnescapeDataString": [Method((STRING,), STRING, _unescape)],
        },
        static_properties={
            "UriSchemeHttp": Property(STRING, lambda: "http"),
            "UriSchemeHttps": Property(STRING, lambda: "https"),
        },
        constructors=[Method((STRING,), _URI, Uri), Method((_URI, STRING), _URI, Uri.combined)],
    ),
    "WebUtility": Model(
        statics={
            "HtmlEncode": [Method((STRING,), STRING, _html_encode)],
            "HtmlDecode": [Method((STRING,), STRING, _html_decode)],
            "UrlEncode": [Method((STRING,), STRING, _url_encode)],
            "UrlDecode": [Method((STRING,), STRING, _url_decode)],
        }
    ),
    "IPAddress": Model(
        methods={
            "ToString": [Method((), STRING, _Address.text)],
            "GetAddressBytes": [Method((), BYTES, lambda address: bytearray(address.address.packed))],
        },
        statics={
            "Parse": [Method((STRING,), _ADDRESS, _parse_address)],
            "TryParse": [Method((STRING, out(_ADDRESS)), BOOL, _try_address)],
        },
    ),
}
NAMES = {"Uri": "System", "WebUtility": "System.Net", "IPAddress": "System.Net"}
