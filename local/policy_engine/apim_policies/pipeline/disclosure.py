"""What a trace may show of a value: only what is known to be no secret; of everything else its type, its size and a fingerprint."""

import hashlib
import html
import ipaddress
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from apim_policies.expressions.context import Headers, Jwt, Request, Response, Url, form_decode
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JProperty, JToken, JValue
from apim_policies.expressions.values.numbers import Char
from apim_policies.expressions.values.text import joined

LONGEST = 400
"""Characters of a text that is shown."""
_MOST_NODES, _DEEPEST = 60, 5
"""Of a JSON document."""
_FINGERPRINTED = 4096
"""Characters of the longest text that gets a fingerprint: a body may be large."""

# Made anew for each process: whoever sees a fingerprint can compare it with others, and test no guess against it.
_KEY = secrets.token_bytes(32)

# Words of HTTP that say nothing about anybody.
_WORDS = frozenset(
    {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "http", "https", "localhost", "2.0",
        "no-store", "no-cache", "keep-alive", "close", "chunked", "gzip", "nosniff", "no-referrer", "same-origin",
    }
)  # fmt: skip
_PLAIN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "allow", "cache-control", "content-encoding", "content-length",
        "content-type", "date", "retry-after", "transfer-encoding", "user-agent",
        "vary", "x-ms-version", "x-ms-date", "x-content-type-options", "referrer-policy", "content-security-policy",
    }
)  # fmt: skip
"""Headers with a vocabulary of their own. What looks like a credential is hidden in these, too."""
_SCHEMES = frozenset({"basic", "bearer", "digest", "dpop", "negotiate"})
"""Of Authorization and WWW-Authenticate."""

_STRING = re.compile(r'@"((?:[^"]|"")*)"|"((?:[^"\\\n]|\\.)*)"')
"""A C# string, verbatim or not."""
_NAME = re.compile(r"[A-Za-z0-9_.~$:-]+")
_CREDENTIAL = re.compile(
    r"""eyJ[\w-]{8,}\.[\w-]+             # a token
      | (?<![\w/+-])(?=[\w/+-]*[0-9])(?=[\w/+-]*[A-Za-z])[\w/+-]{24,}={0,2}   # letters and digits without a blank
      | (?<![\w/+-])(?=[\w/+-]*[a-z])(?=[\w/+-]*[A-Z])[A-Za-z0-9/+_-]{40,}={0,2}""",
    re.VERBOSE,
)
_SENSITIVE = re.compile(
    r"(?:token|secret|password|passwd|pwd|credentials?|cookies?|authorization|signature|verifier|assertion|api[-_]?key)s?\Z",
    re.IGNORECASE,
)
"""Ends of the names of variables and JSON members that hold credentials."""
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')
_PARAMETERS = re.compile(rf"{_PARAMETER.pattern}(?:, {_PARAMETER.pattern})*")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROSE = re.compile(
    r"[(\"'<]?(?:[A-Za-z]?[a-z]{0,19}|[A-Z]{1,8}|[0-9]{1,3}|[a-z]{1,15}(?:[-_.][a-z]{1,15}){1,5})[)\"'>]?[.,:;!?]{0,2}"
)
"""A word of a message: of one case, short, and without digits that could be a code."""
_SEGMENT = re.compile(r"[a-z]{1,15}(?:[.-][a-z]{1,15}){0,3}")
"""A part of a path that nobody could take for an id."""


@dataclass(frozen=True)
class Vocabulary:
    """Words of the protocols that are spoken through a gateway, which say nothing about anybody."""

    names: Collection[str] = ()
    """Of JSON members and parameters."""
    texts: Collection[str] = ()
    """Whole values, such as the names of methods."""
    headers: Collection[str] = ()
    """In lower case: headers with a vocabulary of their own, whose values are shown unless they look like a credential."""


class Shown(NamedTuple):
    """A value in a trace."""

    type: str
    """Its C# type."""
    text: str
    """What may be shown. Hidden parts stand between ‹ and ›."""


class Disclosure:
    """Decides what traces show; everything that is not known is hidden.

    A text is shown if it stands, as a whole, in a policy document of the stack, or is one of the stack's own addresses,
    names and public named values. Parts of addresses and names of JSON members are shown if they stand somewhere in these.

    Args:
        hidden: Secret named values: their names by value.
        known: Texts that are no secrets.
        vocabulary: Of the protocols that are spoken. None: only HTTP.
    """

    def __init__(
        self,
        hidden: Mapping[str, str] | None = None,
        known: Iterable[str] = (),
        vocabulary: Vocabulary | None = None,
    ) -> None:
        spoken = vocabulary or Vocabulary()
        self._plain_headers = _PLAIN_HEADERS | set(spoken.headers)
        self._hidden: dict[str, str] = {}
        for value, name in (hidden or {}).items():
            for spelling in (value, html.unescape(value), html.escape(value)):
                self._hidden[spelling] = name
        self._texts: set[str] = {*_WORDS, *spoken.texts}
        self._names: set[str] = {*_WORDS, *spoken.names}
        self._learned: set[str] = set()
        for text in known:
            self.learn(text)

    def learn(self, text: str) -> None:
        """A text of a policy document or of the stack: no secret, unless it holds one or looks like one."""
        text = text.strip()
        if not text or self._holds_secret(text) or (_CREDENTIAL.search(text) and not _GUID.fullmatch(text)):
            return
        self._texts.add(text)
        self._names.update(_NAME.findall(text))

    def learn_expression(self, text: str) -> None:
        """The strings in a C# expression, of which many stand in several places."""
        if text in self._learned:
            return
        self._learned.add(text)
        for verbatim, plain in _STRING.findall(text):
            self.learn(verbatim.replace('""', '"') or plain)

    def source(self, text: str) -> str:
        """Text of a policy document as its author wrote it: named values that are secret by their names."""
        for value, name in self._hidden.items():
            text = text.replace(value, "{{" + name + "}}")
        return _CREDENTIAL.sub(lambda match: match[0] if self._is_public(match[0]) else hidden(match[0]), text)

    def value(self, value: object) -> Shown:
        """A variable or the value of an expression."""
        match value:
            case None:
                return Shown("null", "null")
            case bool():
                return Shown("bool", "true" if value else "false")
            case Char():
                return Shown("char", hidden(chr(value)))
            case int():
                return Shown("int" if -(2**31) <= value < 2**31 else "long", str(int(value)))
            case float():
                return Shown("double", repr(value))
            case str():
                return Shown("string", self.text(joined(value)))
            case bytes() | bytearray():
                return Shown("byte[]", _hidden_bytes(bytes(value)))
            case UUID():
                return Shown("Guid", self.text(str(value)))
            case JToken() | list() | dict():
                return Shown(_kind(value), _Outline(self).of(value))
            case Response():
                return Shown("IResponse", f"{value.status_code}, {_count(len(value.headers), 'header')}{_body(value)}")
            case Request() | Url():
                return Shown(value.__class__.__name__, "")
            case Jwt():
                return Shown("Jwt", _count(len(value.claims), "claim"))
            case _:
                return Shown(type(value).__name__, "")

    def named(self, name: str, value: object) -> Shown:
        """The value of something with a name that may say that it is secret."""
        if isinstance(value, JValue):
            value = value.value
        if isinstance(value, str) and value and _SENSITIVE.search(name):
            return Shown("string", hidden(joined(value)))
        return self.value(value)

    def text(self, text: str) -> str:
        """A text in quotes, or what may be said of it."""
        if not text or text in self._texts:
            return f'"{text[:LONGEST]}{"…" if len(text) > LONGEST else ""}"'
        if text.startswith(("http://", "https://")):
            return f'"{self.url(text)}"'
        return hidden(text)

    def url(self, text: str) -> str:
        """An address with the parts that are known."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            return hidden(text)
        host = parts.hostname or ""
        if host not in self._names and not _is_loopback(host):
            host = hidden(host)
        user = hidden(parts.netloc.rpartition("@")[0]) + "@" if "@" in parts.netloc else ""
        name = f"[{host}]" if ":" in host and "‹" not in host else host
        return f"{parts.scheme}://{user}{name}{f':{port}' if port else ''}{self._tail(parts)}"

    def path(self, path: str) -> str:
        """The path of a request: parts that could be an id are hidden."""
        parts = path[:2048].split("/")
        return "/".join(part if self._is_name(part) or _SEGMENT.fullmatch(part) else hidden(part) for part in parts)

    def query(self, query: str) -> list[tuple[str, str]]:
        """Names and values of a query string."""
        pairs: list[tuple[str, str]] = []
        for part in query.removeprefix("?").split("&")[:100]:
            if part:
                name, _, value = part.partition("=")
                pairs.append((self.name(form_decode(name)), self._plain(form_decode(value))))
        return pairs

    def header(self, name: str, value: str) -> str:
        """The value of a header; of credentials only the scheme."""
        lower = name.lower()
        if self._holds_secret(value):
            return hidden(value)
        if lower in self._plain_headers:
            return value[:LONGEST] if not _CREDENTIAL.search(value) and value.isprintable() else hidden(value)
        if lower in {"authorization", "proxy-authorization", "www-authenticate"}:
            scheme, blank, rest = value.partition(" ")
            if blank and scheme.lower() in _SCHEMES:
                if lower == "www-authenticate" and _PARAMETERS.fullmatch(rest):
                    rest = _PARAMETER.sub(lambda found: f'{found[1]}="{self._plain(found[2])}"', rest)
                    return f"{scheme} {rest}"
                return f"{scheme} {hidden(rest)}"
        if value in self._names and lower in {"host", "x-forwarded-host"}:
            return value
        return self._plain(value)

    def headers(self, headers: Headers) -> list[tuple[str, str]]:
        """Every header, at most a hundred."""
        shown = [
            (name if len(name) <= 64 and not _CREDENTIAL.search(name) else hidden(name), self.header(name, value))
            for name, value in headers.items()
        ]
        return shown[:100]

    def message(self, text: str) -> str:
        """What a policy wants to be read, in a trace or as an error: its plain words, and ids of people and applications."""
        if text in self._texts:
            return text[:LONGEST]
        if self._holds_secret(text):
            return hidden(text)
        words = text[: 4 * LONGEST].split(" ")
        return " ".join(word if self._is_readable(word) else hidden(word) for word in words)[:LONGEST]

    def _is_readable(self, word: str) -> bool:
        return bool(_PROSE.fullmatch(word) or word in self._texts or _GUID.fullmatch(word))

    def name(self, name: str) -> str:
        """The name of a JSON member or of a parameter."""
        return name if self._is_name(name) else hidden(name)

    def _is_name(self, name: str) -> bool:
        return not name or name in self._names

    def _plain(self, value: str) -> str:
        """A text without quotes."""
        if not value or value in self._texts or _is_loopback(value.rpartition(":")[0]) or _is_loopback(value):
            return value[:LONGEST]
        return self.url(value) if value.startswith(("http://", "https://")) else hidden(value)

    def _tail(self, parts: SplitResult) -> str:
        path = "/".join(part if self._is_name(part) else hidden(part) for part in parts.path[:2048].split("/"))
        query = "&".join(f"{name}={value}" for name, value in self.query(parts.query))
        return path + (f"?{query}" if query else "") + (f"#{hidden(parts.fragment)}" if parts.fragment else "")

    def _holds_secret(self, text: str) -> bool:
        return any(secret in text for secret in self._hidden)

    def _is_public(self, text: str) -> bool:
        return text in self._texts or bool(_GUID.fullmatch(text))


def _kind(value: object) -> str:
    if isinstance(value, JToken):
        return value.__class__.__name__
    return "Dictionary" if isinstance(value, dict) else "array"


class _Outline:
    """JSON with the members that are known, as far as it is short."""

    def __init__(self, disclosure: Disclosure) -> None:
        self._disclosure, self._left = disclosure, _MOST_NODES

    def of(self, value: object, depth: int = 0) -> str:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return "…"
        match value:
            case JObject():
                return self._object(value.members, depth)
            case dict():
                return self._object(value, depth)
            case JArray():
                return self._array(value.items, depth)
            case list():
                return self._array(value, depth)
            case JProperty():
                return self._object({value.name: value.value}, depth)
            case JValue():
                return self._leaf(value.value)
            case _:
                return self._leaf(value)

    def _object(self, members: Mapping[Any, object], depth: int) -> str:
        shown: list[str] = []
        for name, value in members.items():
            if self._left <= 0:
                shown.append("…")
                break
            label = joined(name) if isinstance(name, str) else str(name)
            content = "‹…›" if _SENSITIVE.search(label) else self.of(value, depth + 1)
            shown.append(f'"{self._disclosure.name(label)}": {content}')
        return "{" + ", ".join(shown) + "}"

    def _array(self, items: Sequence[object], depth: int) -> str:
        shown: list[str] = []
        for item in items:
            if self._left <= 0:
                shown.append("…")
                break
            shown.append(self.of(item, depth + 1))
        return "[" + ", ".join(shown) + "]"

    def _leaf(self, value: object) -> str:
        # A number of a message may be a code that somebody typed.
        if isinstance(value, int | float) and not isinstance(value, bool):
            return hidden(str(value))
        return self._disclosure.value(value).text or "‹…›"


def hidden(text: str) -> str:
    """A text that must not be shown: its length, and a fingerprint to tell it from others."""
    if len(text) > _FINGERPRINTED:
        return f"‹{len(text)} chars›"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=_KEY, digest_size=2).hexdigest()
    return f"‹{_count(len(text), 'char')} #{digest}›"


def _hidden_bytes(content: bytes) -> str:
    if len(content) > _FINGERPRINTED:
        return f"‹{len(content)} bytes›"
    digest = hashlib.blake2b(content, key=_KEY, digest_size=2).hexdigest()
    return f"‹{_count(len(content), 'byte')} #{digest}›"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _body(response: Response) -> str:
    return "" if response.body is None else f", {_count(len(response.body.content), 'byte')}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
