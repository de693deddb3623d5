"""Namespace System.Text.RegularExpressions."""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, overload

from apim_policies.errors import NotModelled
from apim_policies.expressions.dotnet.patterns import Pattern, pattern
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import (
    BOOL,
    INT,
    STRING,
    STRINGS,
    TIMESPAN,
    Type,
)
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import SECOND, TimeSpan

_MATCH = Type("Match")
_GROUP = Type("Group")
_GROUPS = Type("GroupCollection")
_REGEX = Type("Regex")
_MATCHES = Type("MatchCollection")
_CAPTURES = Type("CaptureCollection")
_CAPTURE = Type("Capture")
_OPTIONS = Type("RegexOptions")
_FLAGS = {"IgnoreCase": "i", "Multiline": "m", "Singleline": "s", "IgnorePatternWhitespace": "x"}


@lru_cache(1024)
def _compiled(source: str | None, options: str = "None") -> Pattern:
    if source is None:
        raise argument_null("pattern")
    names = set(options.split(", ")) - {"None", "Compiled", "CultureInvariant"}
    if names - _FLAGS.keys():
        raise NotModelled(f"RegexOptions.{', '.join(sorted(names - _FLAGS.keys()))} is not modelled by the local cloud")
    flags = "".join(_FLAGS[name] for name in sorted(names))
    return pattern(f"(?{flags}){source}" if flags else source)


def _text(text: str | None) -> str:
    if text is None:
        raise argument_null("input")
    return text


class _Limited:
    """A pattern whose matches may take so many seconds."""

    def __init__(self, compiled: Any, seconds: float) -> None:
        self._compiled, self._seconds = compiled, seconds
        self.groups, self.groupindex = compiled.groups, compiled.groupindex

    def search(self, text: str, start: int = 0) -> Any:
        try:
            return self._compiled.search(text, start, timeout=self._seconds)
        except TimeoutError:
            raise CSharpException(
                "System.Text.RegularExpressions.RegexMatchTimeoutException",
                "The RegEx engine has timed out while trying to match a pattern to an input string.",
            ) from None


def _limited(compiled: Pattern, timeout: TimeSpan) -> Pattern:
    if timeout.ticks == -SECOND // 1000:
        # Regex.InfiniteMatchTimeout
        return compiled
    if not 0 < timeout.ticks <= _LONGEST_TIMEOUT:
        raise out_of_range("matchTimeout")
    limited = copy(compiled)
    limited.compiled = _Limited(compiled.compiled, timeout.ticks / SECOND)
    return limited


_LONGEST_TIMEOUT = (2**31 - 2) * SECOND // 1000


class Found:
    """A Match: successful or not, never null."""

    type = _MATCH

    def __init__(self, pattern: Pattern, text: str, match: Any) -> None:
        self.pattern, self.source, self.match = pattern, text, match

    @property
    def value(self) -> str:
        return self.match.group() if self.match is not None else ""

    @property
    def index(self) -> int:
        return self.match.start() if self.match is not None else 0

    def text(self) -> str:
        return self.value

    def group(self, key: int | str) -> "_Group":
        return _Group(self, self.pattern.group(key))

    def captures(self) -> "_Captures":
        return _Captures(self.source, [self.match.span()] if self.match is not None else [], self)

    def groups(self) -> "list[Found | _Group]":
        """All groups in .NET's order, the whole match first."""
        if self.match is None:
            return [self]
        others = (_Group(self, self.pattern.group(n)) for n in range(1, self.pattern.compiled.groups + 1))
        return [self, *others]


class _Groups:
    """A GroupCollection. The first group is the match itself."""

    type = _GROUPS

    def __init__(self, found: Found) -> None:
        self.found = found

    def __iter__(self) -> "Iterator[Found | _Group]":
        return iter(self.found.groups())

    def __len__(self) -> int:
        return len(self.found.groups())

    def group(self, key: int | str) -> "Found | _Group":
        return self.found if key in {0, "0"} else self.found.group(key)


class _Group:
    type = _GROUP

    def __init__(self, found: Found, place: int | None) -> None:
        match = found.match
        self.spans: list[tuple[int, int]] = match.spans(place) if match is not None and place is not None else []
        self.source = found.source

    @property
    def value(self) -> str:
        return self.source[slice(*self.spans[-1])] if self.spans else ""

    def text(self) -> str:
        return self.value

    @property
    def index(self) -> int:
        return self.spans[-1][0] if self.spans else 0

    def captures(self) -> "_Captures":
        return _Captures(self.source, self.spans, self)


class _Capture:
    type = _CAPTURE

    def __init__(self, source: str, start: int, end: int) -> None:
        self.value, self.index = source[start:end], start

    def text(self) -> str:
        return self.value


class _Captures(Sequence["_Capture | Found | _Group"]):
    """What a group captured, cut out of the text when somebody looks: often the captures are only counted.

    The last of them is the group itself.
    """

    type = _CAPTURES

    def __init__(self, source: str, spans: list[tuple[int, int]], owner: "Found | _Group") -> None:
        self._source, self._spans, self._owner = source, spans, owner

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> "_Capture | Found | _Group": ...
    @overload
    def __getitem__(self, index: slice) -> "list[_Capture | Found | _Group]": ...
    def __getitem__(self, index: int | slice) -> "_Capture | Found | _Group | list[_Capture | Found | _Group]":
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if index in {len(self) - 1, -1}:
            return self._owner
        return _Capture(self._source, *self._spans[index])


def _search(text: str | None, compiled: Pattern, start: int = 0) -> Found:
    source = compiled.checked(_text(text))
    return Found(compiled, source, compiled.compiled.search(source, start))


def _each(text: str | None, compiled: Pattern) -> Iterator[Found]:
    """All matches, as .NET goes on: after an empty one a unit further."""
    at = 0
    while at <= len(_text(text)):
        found = _search(text, compiled, at)
        if found.match is None:
            return
        yield found
        at = found.match.end() + (found.match.end() == found.match.start())


def _next(found: Found) -> Found:
    if found.match is None:
        return found
    at = found.match.end() + (found.match.end() == found.match.start())
    if at > len(found.source):
        return Found(found.pattern, found.source, None)
    return _search(found.source, found.pattern, at)


_REFERENCE = re.compile(r"\$(?:(\$)|(&)|([0-9]+)|\{(\w+)\}|([`'+_]))", re.ASCII)


def _expanded(found: Found, replacement: str) -> str:
    match, compiled = found.match, found.pattern

    def part(reference: re.Match[str]) -> str:
        dollar, whole, number, name, other = reference.groups()
        if dollar:
            return "$"
        if whole:
            return match.group()
        if other == "`":
            return found.source[: match.start()]
        if other == "'":
            return found.source[match.end() :]
        if other:
            raise NotModelled(f"the replacement {replacement!r} uses ${other}, which is not modelled")
        place = compiled.group(int(number or name) if (number or name).isdigit() else name)
        if place is None:
            if number and len(number) > 1:
                raise NotModelled(f"the replacement {replacement!r} uses ${number}, which is not modelled")
            return reference.group()
        return match.group(place) or ""

    return _REFERENCE.sub(part, replacement)


def _replaced(text: str | None, compiled: Pattern, put: Callable[[Found], str | None], count: int = -1) -> str:
    source = _text(text)
    if count < -1:
        raise out_of_range("count")
    out: list[str] = []
    at = 0
    for number, found in enumerate(_each(source, compiled)):
        if number == count:
            break
        out += [source[at : found.match.start()], put(found) or ""]
        at = found.match.end()
    return "".join(out) + source[at:]


def _by_text(text: str | None, compiled: Pattern, replacement: str | None, count: int = -1) -> str:
    if text is None or replacement is None:
        raise argument_null("input" if text is None else "replacement")
    return _replaced(text, compiled, lambda found: _expanded(found, replacement), count)


def _by_call(text: str | None, compiled: Pattern, evaluator: Any, count: int = -1) -> str:
    if text is None or evaluator is None:
        raise argument_null("input" if text is None else "evaluator")
    return _replaced(text, compiled, evaluator, count)


def _between(source: str, compiled: Pattern) -> Iterator[str]:
    """The text between matches."""
    at, further, search = 0, 0, compiled.compiled.search
    while further <= len(source) and (match := search(source, further)) is not None:
        start, end = match.span()
        yield source[at:start]
        at, further = end, end + (start == end)
    yield source[at:]


def _split(text: str | None, compiled: Pattern) -> list[str]:
    source = compiled.checked(_text(text))
    if not compiled.compiled.groups:
        return list(_between(source, compiled))
    out: list[str] = []
    at = 0
    for found in _each(source, compiled):
        out.append(source[at : found.match.start()])
        at = found.match.end()
        out.extend(group.value for group in found.groups()[1:] if isinstance(group, _Group) and group.spans)
    return [*out, source[at:]]


def _result(found: Found, replacement: str | None) -> str:
    if replacement is None:
        raise argument_null("replacement")
    if found.match is None:
        raise CSharpException("System.NotSupportedException", "Result cannot be called on a failed Match.")
    return _expanded(found, replacement)


def _escape(text: str | None) -> str:
    if text is None:
        raise argument_null("str")
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    return re.sub(r"[\\*+?|{\[()^$.# \n\r\t\f]", lambda match: named.get(match.group(), "\\" + match.group()), text)


_ESCAPED = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|c([@-_])|([0-7]{1,3})|([tnrfveab])|([^A-Za-z0-9_])|(.|\Z))", re.DOTALL
)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "e": "\x1b", "a": "\a", "b": "\b"}


def _unescape(text: str | None) -> str:
    """Regex.Unescape."""
    if text is None:
        raise argument_null("str")

    def part(match: re.Match[str]) -> str:
        two, four, control, octal, named, other, _ = match.groups()
        if two or four:
            return chr(int(two or four, 16))
        if control:
            return chr(ord(control) - 64)
        if octal:
            raise NotImplementedError("an octal escape in Regex.Unescape")
        if named:
            return _CONTROLS[named]
        if other:
            return str(other)
        raise NotImplementedError(f"Regex.Unescape of {match.group()!r}")

    return _ESCAPED.sub(part, text)


_EVALUATOR = Type("Func", (_MATCH, STRING))


# Name, parameters after the text (and pattern), result, and what does it.
_ACTIONS: tuple[tuple[str, tuple[Type, ...], Type, Callable[..., Any]], ...] = (
    ("IsMatch", (), BOOL, lambda text, compiled: _search(text, compiled).match is not None),
    ("Match", (), _MATCH, _search),
    ("Matches", (), _MATCHES, lambda text, compiled: list(_each(_text(text), compiled))),
    ("Split", (), STRINGS, _split),
    ("Replace", (STRING,), STRING, _by_text),
    ("Replace", (_EVALUATOR,), STRING, _by_call),
)


def _statics() -> dict[str, list[Method]]:
    methods: dict[str, list[Method]] = {
        "Escape": [Method((STRING,), STRING, _escape)],
        "Unescape": [Method((STRING,), STRING, _unescape)],
    }
    for name, params, result, run in _ACTIONS:

        def plain(text: str | None, source: str | None, *given: Any, run: Callable[..., Any] = run) -> Any:
            return run(_text(text), _compiled(source), *given)

        def with_options(text: str | None, source: str | None, *given: Any, run: Callable[..., Any] = run) -> Any:
            return run(_text(text), _compiled(source, given[-1]), *given[:-1])

        def with_timeout(text: str | None, source: str | None, *given: Any, run: Callable[..., Any] = run) -> Any:
            return run(_text(text), _limited(_compiled(source, given[-2]), given[-1]), *given[:-2])

        methods.setdefault(name, []).extend(
            (
                Method((STRING, STRING, *params), result, plain),
                Method((STRING, STRING, *params, _OPTIONS), result, with_options),
                Method((STRING, STRING, *params, _OPTIONS, TIMESPAN), result, with_timeout),
            )
        )
    return methods


def _instance() -> dict[str, list[Method]]:
    methods: dict[str, list[Method]] = {"ToString": [Method((), STRING, lambda regex: regex.text())]}
    for name, params, result, run in _ACTIONS:

        def call(regex: "_Regex", text: str | None, *given: Any, run: Callable[..., Any] = run) -> Any:
            return run(text, regex.compiled, *given)

        methods.setdefault(name, []).append(Method((STRING, *params), result, call))
    methods["Replace"] += [
        Method(
            (STRING, STRING, INT), STRING, lambda regex, text, put, count: _by_text(text, regex.compiled, put, count)
        ),
        Method(
            (STRING, _EVALUATOR, INT),
            STRING,
            lambda regex, text, put, count: _by_call(text, regex.compiled, put, count),
        ),
    ]
    methods["GetGroupNames"] = [Method((), STRINGS, lambda regex: regex.compiled.names())]
    return methods


class _Regex:
    type = _REGEX

    def __init__(self, source: str | None, options: str = "None", timeout: TimeSpan | None = None) -> None:
        compiled = _compiled(source, options)
        self.compiled = compiled if timeout is None else _limited(compiled, timeout)
        self.source = source or ""

    def text(self) -> str:
        return self.source


def _at(items: list[Any], index: int) -> Any:
    if not 0 <= index < len(items):
        raise out_of_range("i")
    return items[index]


_CAPTURED = {
    "Value": Property(STRING, lambda found: found.value),
    "Index": Property(INT, lambda found: found.index),
    "Length": Property(INT, lambda found: len(found.value)),
}


MODELS: dict[str, Model] = {
    "Regex": Model(
        methods=_instance(),
        statics=_statics(),
        constructors=[
            Method((STRING,), _REGEX, _Regex),
            Method((STRING, _OPTIONS), _REGEX, _Regex),
            Method((STRING, _OPTIONS, TIMESPAN), _REGEX, _Regex),
        ],
    ),
    "Match": Model(
        methods={
            "Result": [Method((STRING,), STRING, _result)],
            "NextMatch": [Method((), _MATCH, _next)],
            "ToString": [Method((), STRING, Found.text)],
        },
        properties={
            "Success": Property(BOOL, lambda found: found.match is not None),
            **_CAPTURED,
            "Groups": Property(_GROUPS, _Groups),
            "Captures": Property(_CAPTURES, Found.captures),
        },
    ),
    "MatchCollection": Model(properties={"Count": Property(INT, len)}, indexer=Method((INT,), _MATCH, _at)),
    "GroupCollection": Model(
        properties={"Count": Property(INT, len)},
        indexer=Method((INT,), _GROUP, _Groups.group),
        second_indexer=Method((STRING,), _GROUP, _Groups.group),
    ),
    "Group": Model(
        methods={"ToString": [Method((), STRING, lambda group: group.value)]},
        properties={
            "Success": Property(BOOL, lambda group: bool(group.spans)),
            "Captures": Property(_CAPTURES, _Group.captures),
            **_CAPTURED,
        },
    ),
    "CaptureCollection": Model(properties={"Count": Property(INT, len)}, indexer=Method((INT,), _CAPTURE, _at)),
    "Capture": Model(methods={"ToString": [Method((), STRING, lambda one: one.value)]}, properties=_CAPTURED),
}
NAMES = dict.fromkeys(("Regex", "Match", "Group", "Capture"), "System.Text.RegularExpressions")
