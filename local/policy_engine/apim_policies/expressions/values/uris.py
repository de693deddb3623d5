"""System.Uri: absolute URIs whose parts .NET and everybody else tell the same way."""

import re

from apim_policies.errors import NotModelled
from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import joined

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

    type = Type("Uri")

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
