"""Newtonsoft.Json's token tree: what it reads, how it converts, what it writes."""

import base64
import math
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.moments import EPOCH_TICKS, DateTime, DateTimeOffset, TimeSpan
from secure_mcp_local.expressions.numbers import Float, single_digits
from secure_mcp_local.expressions.text import utf16

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7})\d*)?(Z|[+-]\d\d(?::?\d\d)?)?\Z", re.ASCII)
_MICROSOFT_DATE = re.compile(r"/Date\((-?[0-9]+)([+-][0-9]{2}(?:[0-9]{2})?)?\)/\Z")
_DEPTH = 64
NEWLINE: ContextVar[str] = ContextVar("NEWLINE", default="\r\n")
"""`Environment.NewLine` of the expression that runs: it is seen wherever a container becomes text."""
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

    def replace(self, child: "JToken", token: "JToken | None") -> None:
        """Put another token into the place of a child."""
        raise NotImplementedError

    def discard(self, child: "JToken") -> None:
        """Take a child out."""
        raise NotImplementedError


class JValue(JToken):
    """A string, number, date or the like: `value` as an object of C# (a long is a plain int here)."""

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
            case float() | Decimal():
                return "Float"
            case DateTime() | DateTimeOffset():
                return "Date"
            case bytearray():
                return "Bytes"
            case UUID():
                return "Guid"
            case TimeSpan():
                return "TimeSpan"
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
            case Float():
                text = number_text(self.value)
                return text if "." in text or "E" in text else text + ".0"
            case float():
                return _float(self.value)
            case Decimal():
                text = f"{self.value:f}"
                return text if "." in text else text + ".0"
            case DateTime() | DateTimeOffset():
                return f'"{date_json(self.value)}"'
            case bytearray():
                return f'"{base64_text(self.value)}"'
            case UUID() | TimeSpan():
                return quoted(number_text(self.value))
            case _:
                raise TypeError(self.value)

    def text(self) -> str:
        """`ToString()` of the value alone."""
        return number_text(self.value)


class JArray(JToken):
    __slots__ = ("items",)
    kind = "Array"

    def __init__(self) -> None:
        super().__init__()
        self.items: list[JToken] = []

    def add(self, token: JToken | None) -> None:
        self.items.append(_adopted(token, self))

    def insert(self, index: int, token: JToken | None) -> None:
        self.items.insert(index, _adopted(token, self))

    def put(self, index: int, token: JToken | None) -> None:
        if not _unchanged(self.items[index], token):
            adopted = _adopted(token, self)
            self.items[index].parent = None
            self.items[index] = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        self.put(_index(self.items, child), token)

    def discard(self, child: JToken) -> None:
        del self.items[_index(self.items, child)]
        child.parent = None

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


class JProperty(JToken):
    """A name and a value: what an object consists of."""

    __slots__ = ("name", "value")
    kind = "Property"

    def __init__(self, name: str, value: JToken | None = None) -> None:
        super().__init__()
        self.name = name
        self.value = _adopted(value, self)

    def put(self, token: JToken | None) -> None:
        if not _unchanged(self.value, token):
            adopted = _adopted(token, self)
            self.value.parent = None
            self.value = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        self.put(token)

    def discard(self, child: JToken) -> None:
        raise CSharpException(
            "Newtonsoft.Json.JsonException", "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty."
        )

    def clone(self) -> "JProperty":
        return JProperty(self.name, self.value.clone())

    def children(self) -> list[JToken]:
        return [self.value]

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        separator = ":" if indent is None else ": "
        return f"{quoted(self.name)}{separator}{self.value.write(indent, newline, level)}"


class JObject(JToken):
    __slots__ = ("properties",)
    kind = "Object"

    def __init__(self) -> None:
        super().__init__()
        self.properties: dict[str, JProperty] = {}

    @property
    def members(self) -> dict[str, JToken]:
        """Values by name."""
        return {name: part.value for name, part in self.properties.items()}

    def get(self, name: str) -> JToken | None:
        found = self.properties.get(name)
        return None if found is None else found.value

    def set(self, name: str, token: JToken | None) -> None:
        found = self.properties.get(name)
        if found is None:
            self.add(JProperty(name, token))
        else:
            found.put(token)

    def add(self, part: JProperty) -> None:
        """
        Raises:
            CSharpException: ArgumentException, there is one of this name.
        """
        if part.name in self.properties:
            raise CSharpException(
                "System.ArgumentException",
                f"Can not add property {part.name} to Newtonsoft.Json.Linq.JObject. "
                "Property with the same name already exists on object.",
            )
        adopted = _adopted(part, self)
        assert isinstance(adopted, JProperty)
        self.properties[part.name] = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        raise NotImplementedError("JProperty.Replace")

    def discard(self, child: JToken) -> None:
        assert isinstance(child, JProperty)
        del self.properties[child.name]
        child.parent = None

    def children(self) -> list[JToken]:
        return list(self.properties.values())

    def clone(self) -> "JObject":
        copy = JObject()
        for part in self.properties.values():
            copy.add(part.clone())
        return copy

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        if not self.properties:
            return "{}"
        if indent is None:
            return "{" + ",".join(part.write() for part in self.properties.values()) + "}"
        inner = newline + indent * (level + 1)
        parts = [inner + part.write(indent, newline, level + 1) for part in self.properties.values()]
        return "{" + ",".join(parts) + newline + indent * level + "}"


def _index(items: list[JToken], child: JToken) -> int:
    return next(n for n, item in enumerate(items) if item is child)


def _unchanged(current: JToken, token: JToken | None) -> bool:
    """Whether a replacement would change nothing: then the token that is there stays."""
    if not isinstance(current, JValue):
        return False
    if token is None:
        return current.kind == "Null"
    return current is token


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


def date_json(moment: DateTime | DateTimeOffset) -> str:
    return moment.format("yyyy'-'MM'-'dd'T'HH':'mm':'ss.FFFFFFFK")


def number_text(value: object) -> str:
    """`ToString()` with the invariant culture of what a JSON value can hold."""
    match value:
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case Float():
            if math.isnan(value) or math.isinf(value):
                return _number(value)
            return _exponent(single_digits(value), value, 1e9)
        case float():
            return _number(value)
        case int():
            return str(int(value))
        case Decimal():
            return f"{value:f}"
        case DateTime() | DateTimeOffset() | TimeSpan():
            return value.text()
        case bytearray():
            return "System.Byte[]"
        case _:
            return str(value)


def base64_text(data: bytearray) -> str:
    """What bytes are in JSON, and `(string)` of a token of bytes."""
    return base64.b64encode(data).decode()


def deep_equals(one: JToken | None, two: JToken | None) -> bool:
    """`JToken.DeepEquals`."""
    if one is None or two is None:
        return one is two
    match one, two:
        case JValue(), JValue():
            return one is two or (one.kind == two.kind and _same(one.value, two.value))
        case JArray(), JArray():
            return len(one.items) == len(two.items) and all(map(deep_equals, one.items, two.items))
        case JProperty(), JProperty():
            return one.name == two.name and deep_equals(one.value, two.value)
        case JObject(), JObject():
            return one.properties.keys() == two.properties.keys() and all(
                deep_equals(part.value, two.properties[name].value) for name, part in one.properties.items()
            )
        case _:
            return False


def _same(one: object, two: object) -> bool:
    if isinstance(one, float) != isinstance(two, float):
        raise NotImplementedError("the comparison of a double with another number in JSON")
    if isinstance(one, float) and isinstance(two, float):
        # MathUtils.ApproxEquals
        if one == two:
            return True
        limit = (abs(one) + abs(two) + 10.0) * 2.2204460492503131e-016
        return -limit < one - two < limit
    return one == two


def to_text(token: JToken) -> str:
    """`token.ToString()`: values without quotes, containers indented."""
    return token.text() if isinstance(token, JValue) else token.write("  ", NEWLINE.get())


def quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda m: _ESCAPES.get(m.group()) or f"\\u{ord(m.group()):04x}", text) + '"'


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return _exponent(repr(value), value)


def _exponent(text: str, value: float, limit: float = 1e17) -> str:
    """The shortest digits as .NET Core writes them: with an exponent from 1E+17 and below 0.0001."""
    if 1 <= abs(value) < limit and "e" in text:
        text = f"{Decimal(text):f}"
    elif abs(value) >= limit and "e" not in text:
        sign, digits, exponent = Decimal(text).normalize().as_tuple()
        mantissa = "".join(map(str, digits))
        point = f".{mantissa[1:]}" if mantissa[1:] else ""
        text = f"{'-' if sign else ''}{mantissa[0]}{point}e+{int(exponent) + len(digits) - 1}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.removesuffix('.0')}E{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-'):0>2}"
    return text.removesuffix(".0")


def _float(value: float) -> str:
    text = _number(value)
    if math.isnan(value) or math.isinf(value):
        return f'"{text}"'
    return text if "." in text or "E" in text else text + ".0"


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
    fraction, zone = int((match[7] or "").ljust(7, "0")), match[8]
    midnight = hour == 24 and minute == second == fraction == 0
    try:
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second)
        if midnight:
            moment += timedelta(days=1)
        if zone is None:
            return DateTime.of(moment, "Unspecified", fraction)
        if zone == "Z":
            return DateTime.of(moment, "Utc", fraction)
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
        return DateTime.of(moment - (-offset if zone[0] == "-" else offset), "Local", fraction)
    except ValueError:
        return text
    except OverflowError:
        raise NotImplementedError(f"the date {text}") from None


def _microsoft_date(match: re.Match[str]) -> DateTime:
    """`/Date(milliseconds)/`, the format of ASP.NET AJAX."""
    milliseconds = int(match[1])
    if not -62_135_596_800_000 <= milliseconds <= 253_402_300_799_999:
        raise NotImplementedError(f"the date {match[0]}")
    return DateTime(EPOCH_TICKS + milliseconds * 10_000, "Local" if match[2] else "Utc")


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
