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
from apim_policies.expressions.values.uris import Uri

_URI, _PARTIAL, _ADDRESS = Uri.type, Type("UriPartial"), Type("IPAddress")
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


def _same(uri: Uri, other: object) -> bool:
    """`Equals`, which takes the text of a URI for one."""
    if isinstance(other, str):
        try:
            return uri == Uri(other)
        except CSharpException:
            return False
    return uri == other


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


_MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv4 address begins that is written as one of IPv6 (RFC 4291, section 2.5.5.2)."""


class _Address:
    type = _ADDRESS

    def __init__(self, address: IPv4Address | IPv6Address) -> None:
        self.address = address

    def text(self) -> str:
        address = self.address
        if isinstance(address, IPv4Address):
            return str(address)
        # The first twelve bytes are shortened as ever. Those of a mapped address are not left to Python, whose versions differ.
        first, last = address.packed[:12], address.packed[12:]
        shortened = "::ffff:" if first == _MAPPED else str(IPv6Address(first + bytes([1] * 4))).removesuffix("101:101")
        if _ends_as_ipv4(address):
            return f"{shortened}{IPv4Address(last)}{f'%{address.scope_id}' if address.scope_id else ''}"
        return str(address) if first != _MAPPED else f"{shortened}0:{int.from_bytes(last):x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Address) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)


def _ends_as_ipv4(address: IPv6Address) -> bool:
    """Whether .NET writes its last four bytes as an IPv4 address: mapped, translated and such (RFC 5952, section 5; RFC 5214)."""
    groups = [int.from_bytes(address.packed[at : at + 2]) for at in range(0, 16, 2)]
    embedded = not any(groups[:4]) and groups[6] != 0 and groups[4:6] in ([0, 0], [0, 0xFFFF], [0xFFFF, 0])
    return embedded or groups[4:6] == [0, 0x5EFE]


_FAMILY = Type("AddressFamily")
_FAMILIES = {4: "InterNetwork", 6: "InterNetworkV6"}


def _is_loopback(address: _Address | None) -> bool:
    if address is None:
        raise argument_null("address")
    return address.address.is_loopback


def _parse_address(text: str | None) -> _Address:
    if text is None:
        raise argument_null("ipString")
    try:
        if re.fullmatch(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})", text):
            return _Address(IPv4Address(text))
        if ":" in text and re.fullmatch(r"[0-9a-fA-F:.]+(?:%[1-9][0-9]{0,8})?", text):
            return _Address(IPv6Address(text))
    except AddressValueError:
        raise format_error("An invalid IP address was specified.") from None
    # Brackets, ports, named zones, and the short forms of IPv4 are addresses as well.
    if (":" in text and not re.search(r"[%/\[\]]", text)) or re.fullmatch("[g-wyzG-WYZ ]*", text):
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
            "Equals": [Method((OBJECT,), BOOL, lambda address, other: address == other)],
            "GetAddressBytes": [Method((), BYTES, lambda address: bytearray(address.address.packed))],
        },
        properties={"AddressFamily": Property(_FAMILY, lambda address: _FAMILIES[address.address.version])},
        statics={
            "IsLoopback": [Method((_ADDRESS,), BOOL, _is_loopback)],
            "Parse": [Method((STRING,), _ADDRESS, _parse_address)],
            "TryParse": [Method((STRING, out(_ADDRESS)), BOOL, _try_address)],
        },
        static_properties={
            name: Property(_ADDRESS, lambda text=text: _parse_address(text))
            for name, text in (
                ("Any", "0.0.0.0"),  # noqa: S104  (a value, to which nothing is bound)
                ("Loopback", "127.0.0.1"),
                ("Broadcast", "255.255.255.255"),
                ("None", "255.255.255.255"),
                ("IPv6Any", "::"),
                ("IPv6None", "::"),
                ("IPv6Loopback", "::1"),
            )
        },
    ),
}
NAMES = {"Uri": "System", "WebUtility": "System.Net", "IPAddress": "System.Net"}
