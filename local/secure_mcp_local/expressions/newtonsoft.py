"""Newtonsoft.Json's token tree: what it reads, how it converts, what it writes."""

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.text import utf16

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7})\d*)?(Z|[+-]\d\d(?::?\d\d)?)?\Z", re.ASCII)
_MICROSOFT_DATE = re.compile(r"/Date\((-?[0-9]+)([+-][0-9]{2}(?:[0-9]{2})?)?\)/\Z")
_DEPTH = 64
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}  # fmt: skip
_TO_ESCAPE = re.compile('["\\\\\x00-\x1f\x85\u2028\u2029]')


class JToken:
    """Base of all tokens. `parent` decides whether an assignment clones."""

    __slots__ = ("parent",)
    kind = "None"

    def __init__(self) -> None:
        self.parent: JToken | None = None

    def children(self) -> "list[JToken]":
        return []

    def clone(self) -> "JToken":
        raise NotImplementedError

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        """JSON text; compact without `indent`."""
        raise NotImplementedError


class Date:
    """A date that was recognised in a JSON string."""

    __slots__ = ("kind", "moment", "ticks")

    def __init__(self, moment: datetime, kind: str, fraction: str) -> None:
        self.moment, self.kind, self.ticks = moment, kind, fraction

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Date) and (self.moment, self.ticks) == (other.moment, other.ticks)

    def __hash__(self) -> int:
        return hash(self.moment)

    def json(self) -> str:
        fraction = self.ticks.rstrip("0")
        text = f"{self.moment.year:04}{self.moment:-%m-%dT%H:%M:%S}" + (f".{fraction}" if fraction else "")
        return text + {"utc": "Z", "local": "+00:00", "unspecified": ""}[self.kind]

    def text(self) -> str:
        return f"{self.moment:%m/%d/}{self.moment.year:04}{self.moment: %H:%M:%S}"


class JValue(JToken):
    __slots__ = ("null_kind", "value")

    def __init__(self, value: object, null_kind: str = "Null") -> None:
        super().__init__()
        self.value = value
        self.null_kind = null_kind
        """The type that a null has: a null string is still a String."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        match self.value:
            case None:
                return self.null_kind
            case bool():
                return "Boolean"
            case str():
                return "String"
            case int():
                return "Integer"
            case float():
                return "Float"
            case Date():
                return "Date"
            case bytes():
                return "Bytes"
            case _:
                raise TypeError(self.value)

    def clone(self) -> "JValue":
        return JValue(self.value, self.null_kind)

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        match self.value:
            case None:
                return "null"
            case bool():
                return "true" if self.value else "false"
            case str():
                return quoted(self.value)
            case int():
                return str(int(self.value))
            case float():
                return _float(self.value)
            case Date():
                return f'"{self.value.json()}"'
            case _:
                raise TypeError(self.value)

    def text(self) -> str:
        """`ToString()` of the value alone."""
        match self.value:
            case None:
                return ""
            case bool():
                return "True" if self.value else "False"
            case float():
                return _number(self.value)
            case Date():
                return self.value.text()
            case int():
                return str(int(self.value))
            case _:
                return str(self.value)


class JArray(JToken):
    __slots__ = ("items",)
    kind = "Array"

    def __init__(self) -> None:
        super().__init__()
        self.items: list[JToken] = []

    def add(self, token: JToken | None) -> None:
        self.items.append(_adopted(token, self))

    def children(self) -> list[JToken]:
        return self.items

    def clone(self) -> "JArray":
        copy = JArray()
        for item in self.items:
            copy.add(item.clone())
        return copy

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        if not self.items:
            return "[]"
        if indent is None:
            return "[" + ",".join(item.write() for item in self.items) + "]"
        inner = newline + indent * (level + 1)
        parts = [inner + item.write(indent, newline, level + 1) for item in self.items]
        return "[" + ",".join(parts) + newline + indent * level + "]"


class JObject(JToken):
    __slots__ = ("members",)
    kind = "Object"

    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, JToken] = {}

    def get(self, name: str) -> JToken | None:
        return self.members.get(name)

    def set(self, name: str, token: JToken | None) -> None:
        self.members[name] = _adopted(token, self)

    def children(self) -> list[JToken]:
        return [JProperty(name, value) for name, value in self.members.items()]

    def clone(self) -> "JObject":
        copy = JObject()
        for name, value in self.members.items():
            copy.set(name, value.clone())
        return copy

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        if not self.members:
            return "{}"
        if indent is None:
            return "{" + ",".join(f"{quoted(name)}:{value.write()}" for name, value in self.members.items()) + "}"
        inner = newline + indent * (level + 1)
        parts = [
            f"{inner}{quoted(name)}: {value.write(indent, newline, level + 1)}" for name, value in self.members.items()
        ]
        return "{" + ",".join(parts) + newline + indent * level + "}"


class JProperty(JToken):
    __slots__ = ("name", "value")
    kind = "Property"

    def __init__(self, name: str, value: JToken) -> None:
        super().__init__()
        self.name, self.value = name, value

    def clone(self) -> "JProperty":
        return JProperty(self.name, self.value.clone())

    def children(self) -> list[JToken]:
        return [self.value]

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        separator = ":" if indent is None else ": "
        return f"{quoted(self.name)}{separator}{self.value.write(indent, newline, level)}"


def _adopted(token: JToken | None, parent: JToken) -> JToken:
    """The token itself if it belongs to nobody and is not what it is put into, else a copy; null becomes a null value."""
    token = JValue(None) if token is None else token
    root = parent
    while root.parent is not None:
        root = root.parent
    if token.parent is not None or token is root or token is parent:
        token = token.clone()
    token.parent = parent
    return token


def to_text(token: JToken) -> str:
    """`token.ToString()`: values without quotes, containers indented."""
    return token.text() if isinstance(token, JValue) else token.write("  ")


def quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda m: _ESCAPES.get(m.group()) or f"\\u{ord(m.group()):04x}", text) + '"'


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if 1e15 <= abs(value) < 1e17:
        # The runtimes disagree on where the exponent begins.
        raise NotImplementedError(f"the text of {value}")
    text = repr(value)
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.removesuffix('.0')}E{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-'):0>2}"
    return text.removesuffix(".0")


def _float(value: float) -> str:
    text = _number(value)
    if math.isnan(value) or math.isinf(value):
        return f'"{text}"'
    return text if "." in text or "E" in text else text + ".0"


def conversion_error(token: JToken, wanted: str) -> CSharpException:
    return CSharpException("System.ArgumentException", f"Can not convert {token.kind} to {wanted}.")


def as_string(token: JToken | None) -> str | None:
    """The explicit conversion `(string)token`."""
    if token is None:
        return None
    token = token.value if isinstance(token, JProperty) else token
    if not isinstance(token, JValue):
        raise conversion_error(token, "String")
    return None if token.value is None else token.text()


def as_integer(token: JToken | None, wanted: str, low: int, high: int) -> int:
    """The explicit conversions `(int)token` and `(long)token`."""
    if token is None:
        raise CSharpException("System.ArgumentNullException", "Value cannot be null.")
    if not isinstance(token, JValue) or token.value is None or isinstance(token.value, Date):
        raise conversion_error(token, wanted)
    value = token.value
    if isinstance(value, str):
        if not re.fullmatch(r"[ \t\r\n\v\f]*[+-]?[0-9]+[ \t\r\n\v\f]*\0*", value):
            raise CSharpException("System.FormatException", "Input string was not in a correct format.")
        value = int(value.strip(" \t\r\n\v\f\0"))
    elif isinstance(value, float):
        value = round(value)
    value = int(value)  # type: ignore[call-overload]
    if not low <= value <= high:
        raise CSharpException("System.OverflowException", f"Value was either too large or too small for an {wanted}.")
    return value


def as_double(token: JToken | None) -> float:
    """The explicit conversion `(double)token`."""
    if token is None:
        raise CSharpException("System.ArgumentNullException", "Value cannot be null.")
    if isinstance(token, JValue):
        if isinstance(token.value, bool | int | float):
            return float(token.value)
        if isinstance(token.value, str):
            raise NotImplementedError("(double) of a JSON string")
    raise conversion_error(token, "Double")


def as_bool(token: JToken | None) -> bool:
    if token is None:
        raise CSharpException("System.ArgumentNullException", "Value cannot be null.")
    if isinstance(token, JValue):
        if isinstance(token.value, bool | int | float):
            return bool(token.value)
        if isinstance(token.value, str):
            lowered = token.value.strip().lower()
            if lowered in {"true", "false"}:
                return lowered == "true"
            raise CSharpException("System.FormatException", "String was not recognized as a valid Boolean.")
    raise conversion_error(token, "Boolean")


def parse(text: str, wanted: str = "JToken") -> JToken:
    """`JToken.Parse`, `JObject.Parse`, `JArray.Parse`.

    Raises:
        CSharpException: JsonReaderException.
    """
    reader = _Reader(text)
    token = reader.document()
    if wanted not in ("JToken", token.__class__.__name__):
        found = token.kind
        raise _error(
            f"Error reading {wanted} from JsonReader. Current JsonReader item is not an {wanted[1:].lower()}: {found}."
        )
    return token


def _error(message: str) -> CSharpException:
    return CSharpException("Newtonsoft.Json.JsonReaderException", message)


class _Reader:
    """Reads as leniently as Newtonsoft does: comments, single quotes, bare names, trailing commas in arrays."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def fail(self, what: str = "Unexpected character encountered") -> CSharpException:
        return _error(f"{what}, position {self.at}.")

    def document(self) -> JToken:
        self._blank()
        if self.at >= len(self.text):
            raise self.fail("Error reading JToken from JsonReader")
        token = self.value(1)
        self._blank()
        if self.at < len(self.text):
            raise self.fail("Additional text encountered after finished reading JSON content")
        return token

    def value(self, depth: int) -> JToken:
        if depth > _DEPTH + 1:
            raise self.fail(f"The reader's MaxDepth of {_DEPTH} has been exceeded")
        c = self.text[self.at : self.at + 1]
        if c == "{":
            return self.object(depth)
        if c == "[":
            return self.array(depth)
        if c in {'"', "'"} and c:
            return JValue(_with_dates(self.string(c)))
        word = re.compile(r"[A-Za-z]+|[-+.0-9][0-9A-Za-z.+-]*").match(self.text, self.at)
        if word is None:
            raise self.fail()
        self.at = word.end()
        if word.group() in {"undefined", "new"}:
            raise NotImplementedError(f"'{word.group()}' in JSON")
        literals: dict[str, Any] = {"null": None, "true": True, "false": False,
                                    "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # fmt: skip
        if word.group() in literals:
            return JValue(literals[word.group()])
        return JValue(self.number(word.group()))

    def number(self, text: str) -> int | float:
        if re.fullmatch(r"-?(?:0|[1-9][0-9]*)", text):
            return int(text)
        if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,15}|0[0-7]{1,20}", text):
            return int(text, 16) if text[1] in "xX" else int(text, 8)
        if re.match(r"-0[0-9xX]|0[xX]", text):
            raise NotImplementedError(f"the number {text} in JSON")
        if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?", text) and re.search("[0-9]", text):
            if text[0] == "+" or re.match(r"-?0[0-9]", text):
                raise self.fail("Input string is not a valid number")
            try:
                return float(text)
            except ValueError:
                pass
        raise self.fail("Input string is not a valid number")

    def string(self, quote: str) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            end = re.compile(f"[\\\\{quote}\0]").search(self.text, self.at)
            if end is None:
                raise self.fail("Unterminated string")
            parts.append(self.text[self.at : end.start()])
            self.at = end.end()
            if end.group() == quote:
                return "".join(parts)
            if end.group() == "\0":
                parts.append("\0")
                continue
            escape = self.text[self.at : self.at + 1]
            self.at += 1
            if escape == "u":
                parts.append(self._unit())
            else:
                simple = {
                    "b": "\b",
                    "t": "\t",
                    "n": "\n",
                    "f": "\f",
                    "r": "\r",
                    "\\": "\\",
                    '"': '"',
                    "'": "'",
                    "/": "/",
                }
                if escape not in simple:
                    raise self.fail("Bad JSON escape sequence")
                parts.append(simple[escape])

    def _unit(self) -> str:
        """The unit of a `\\u` escape; surrogates without their other half become U+FFFD."""
        unit = self._digits()
        replaced = ""
        while "\ud800" <= unit <= "\udbff":
            if not self.text.startswith("\\u", self.at):
                return replaced + "\ufffd"
            self.at += 2
            following = self._digits()
            if "\udc00" <= following <= "\udfff":
                return replaced + unit + following
            replaced, unit = replaced + "\ufffd", following
        return replaced + ("\ufffd" if "\udc00" <= unit <= "\udfff" else unit)

    def _digits(self) -> str:
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch("[0-9A-Fa-f]{4}", digits):
            raise self.fail("Invalid Unicode escape sequence")
        self.at += 4
        return chr(int(digits, 16))

    def object(self, depth: int) -> JObject:
        self.at += 1
        result = JObject()
        self._blank()
        if self._take("}"):
            return result
        while True:
            self._blank()
            c = self.text[self.at : self.at + 1]
            if c and c in "\"'":
                name = self.string(c)
            else:
                bare = re.compile(r"[A-Za-z0-9_$]+").match(self.text, self.at)
                if bare is None:
                    raise self.fail("Invalid property identifier character")
                name = bare.group()
                self.at = bare.end()
            self._spaces()
            if not self._take(":"):
                raise self.fail("Invalid character after parsing property name")
            self._blank()
            value = self.value(depth + 1)
            # A repeated name keeps its place and takes the last value.
            result.set(name, value)
            self._blank()
            if self._take("}"):
                return result
            if not self._take(","):
                raise self.fail("After parsing a value an unexpected character was encountered")
            self._blank()
            if self._take("}"):
                return result

    def array(self, depth: int) -> JArray:
        self.at += 1
        result = JArray()
        self._blank()
        while not self._take("]"):
            if self.text[self.at : self.at + 1] == ",":
                raise NotImplementedError("'undefined' (an empty place in an array) in JSON")
            result.add(self.value(depth + 1))
            self._blank()
            if self._take(","):
                self._blank()
            elif self.text[self.at : self.at + 1] != "]":
                raise self.fail("After parsing a value an unexpected character was encountered")
        return result

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += 1
            return True
        return False

    def _spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _blank(self) -> None:
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r\n" or self.text[self.at].isspace():
                self.at += 1
            elif self.text.startswith("//", self.at):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at)
                if end < 0:
                    raise self.fail("Unexpected end while parsing comment")
                self.at = end + 2
            else:
                return


def _with_dates(text: str) -> object:
    """A string, or the date that Newtonsoft takes it for (DateParseHandling.DateTime)."""
    match = _DATE.match(text)
    if match is None:
        old = _MICROSOFT_DATE.match(text)
        return text if old is None else _microsoft_date(old)
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    fraction, zone = (match[7] or "").ljust(7, "0"), match[8]
    midnight = hour == 24 and minute == second == 0 and not fraction.strip("0")
    try:
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second)
        if midnight:
            moment += timedelta(days=1)
        if zone is None:
            return Date(moment, "unspecified", fraction)
        if zone == "Z":
            return Date(moment, "utc", fraction)
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
        return Date(moment - (-offset if zone[0] == "-" else offset), "local", fraction)
    except ValueError:
        return text
    except OverflowError:
        raise NotImplementedError(f"the date {text}") from None


def _microsoft_date(match: re.Match[str]) -> Date:
    """`/Date(milliseconds)/`, the format of ASP.NET AJAX."""
    milliseconds = int(match[1])
    if not -62_135_596_800_000 <= milliseconds <= 253_402_300_799_999:
        raise NotImplementedError(f"the date {match[0]}")
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)
    fraction = f"{milliseconds % 1000:03}0000"
    return Date(moment.replace(microsecond=0), "local" if match[2] else "utc", fraction)


def from_python(value: Any) -> JToken:
    """Plain JSON values as tokens."""
    if isinstance(value, dict):
        result = JObject()
        for name, item in value.items():
            result.set(utf16(str(name)), from_python(item))
        return result
    if isinstance(value, list):
        items = JArray()
        for item in value:
            items.add(from_python(item))
        return items
    return JValue(utf16(value) if isinstance(value, str) else value)


def walk(token: JToken) -> Iterator[JToken]:
    """A token and all below it."""
    yield token
    for child in token.children():
        yield from walk(child)
