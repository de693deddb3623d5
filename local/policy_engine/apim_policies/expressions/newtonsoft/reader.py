"""Tokens of a text, as leniently as Newtonsoft reads."""

import gc
import json
import math
import re
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, cast

from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JToken, JValue
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import EPOCH_TICKS, DateTime
from apim_policies.expressions.values.text import utf16

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7})\d*)?(Z|[+-]\d\d(?::?\d\d)?)?\Z", re.ASCII)
_MICROSOFT_DATE = re.compile(r"/Date\((-?[0-9]+)([+-][0-9]{2}(?:[0-9]{2})?)?\)/\Z")
_DEPTH = 64
_DIGITS = 380
"""How many digits an integer may have: JsonTextReader.MaximumJavascriptIntegerCharacterLength."""
# No escape of half a surrogate, of which Python's reader and Newtonsoft make different things.
_WHOLE_ESCAPES = re.compile(
    r"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2})*+\Z",
    re.DOTALL,
)
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Brackets as steps down and up, of one signed byte each."""


def parse(text: str, wanted: str = "JToken") -> JToken:
    """`JToken.Parse`, `JObject.Parse`, `JArray.Parse`.

    Raises:
        CSharpException: JsonReaderException.
    """
    token = strictly(text)
    if token is None:
        token = _Reader(text).document()
    if wanted not in ("JToken", token.__class__.__name__):
        found = token.kind
        raise _error(
            f"Error reading {wanted} from JsonReader. Current JsonReader item is not an {wanted[1:].lower()}: {found}."
        )
    return token


def breaks_off(text: str) -> bool:
    """Whether a text cannot be read because its end is missing."""
    reader = _Reader(text)
    try:
        reader.document()
    except CSharpException:
        return reader.at >= len(text.rstrip())
    return False


def _error(message: str) -> CSharpException:
    return CSharpException("Newtonsoft.Json.JsonReaderException", message)


def strictly(text: str) -> JToken | None:
    """What a text says if it keeps to RFC 8259, as nearly all do; None if only the slower reader can tell.

    Python's reader does not make U+FFFD of half a surrogate and has no limit of depth: such texts are not for it.
    """
    if "\\u" in text and _WHOLE_ESCAPES.match(text) is None:
        return None
    # A million new containers are no garbage; to look for some among them takes longer than to read them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        value = _STRICT.decode(text)
        if text.count("[") + text.count("{") > _DEPTH and _is_deep(text):
            return None
    except (ValueError, RecursionError):
        return None
    finally:
        if collecting:
            gc.enable()
    return _token(value)


class _Members(list[tuple[str, Any]]):
    """The members of an object, with repeated names."""


def _not_strict(constant: str) -> None:
    raise ValueError(constant)


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(digits)
    return int(digits)


_STRICT = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_not_strict, parse_int=_integer)


def _is_deep(text: str) -> bool:
    """Whether containers lie deeper in JSON than Newtonsoft reads: brackets outside of strings, added up."""
    steps = (_QUOTED.sub("", text) if '"' in text else text).encode("utf-8", "replace").translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > _DEPTH


def _token(value: Any) -> JToken:
    """The token of a value; what is inside a container is made when somebody looks."""
    match value:
        case str():
            return JValue(_with_dates(utf16(value)))
        case _Members():
            result = JObject()
            # A repeated name keeps its place and takes the last value.
            result.take_later(lambda: ((utf16(name), _token(item)) for name, item in value))
            return result
        case list():
            items = JArray()
            items.take_later(lambda: map(_token, cast("list[Any]", value)))
            return items
        case _:
            return JValue(value)


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
        c = self.text[self.at : self.at + 1]
        if c in {"{", "["} and depth > _DEPTH:
            raise self.fail(f"The reader's MaxDepth of {_DEPTH} has been exceeded")
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
        if word.group() == "new":
            raise NotImplementedError("'new' in JSON")
        if word.group() == "undefined":
            return JValue(None, "Undefined")
        literals: dict[str, Any] = {"null": None, "true": True, "false": False,
                                    "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # fmt: skip
        if word.group() in literals:
            return JValue(literals[word.group()])
        return JValue(self.number(word.group()))

    def number(self, text: str) -> int | float:
        if re.fullmatch(r"-?(?:0|[1-9][0-9]*)", text):
            if len(text) > _DIGITS:
                raise self.fail(f"JSON integer {text[:20]}... is too large to parse")
            return int(text)
        if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,15}|0[0-7]{1,20}", text):
            return int(text, 16) if text[1] in "xX" else int(text, 8)
        if re.match(r"-0[0-9xX]|0[xX]", text):
            raise NotImplementedError(f"the number {text} in JSON")
        if re.fullmatch(r"[-+]?[0-9]*+\.?[0-9]*+(?:[eE][-+]?[0-9]+)?", text) and re.search("[0-9]", text):
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
                # An empty place.
                result.add(JValue(None, "Undefined"))
            else:
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
