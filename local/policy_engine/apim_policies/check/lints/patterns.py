"""Regular expressions that a request can make run for minutes."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from apim_policies.check.csharp import Syntax, argument, arguments, dotted, first, method
from apim_policies.check.document import Document
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, within
from apim_policies.expressions.syntax.tree import Node

BACKTRACKING = Rule(
    "regex-backtracking",
    "warning",
    "A repetition of something that repeats itself, such as (a+)+, takes time that doubles with each character of some "
    "texts; a pattern that is put together when the policy runs may be any pattern. Without a timeout such a match holds "
    "the gateway.",
    "Repeat one thing only, or give the call a timeout: Regex.IsMatch(text, pattern, RegexOptions.None, "
    "TimeSpan.FromMilliseconds(100)).",
)

# https://learn.microsoft.com/dotnet/standard/base-types/backtracking-in-regular-expressions
OVER_BODY = Rule(
    "regex-over-body",
    "warning",
    "A body may be megabytes of anything. A match that starts anew inside what it has just read, or that gives back what it has "
    "read piece by piece, takes time that grows with the square of its size: 64 KB of the wrong text hold the gateway for a minute.",
    "Read JSON with JObject.Parse and XML with XElement. Where a pattern it must be, begin it with \\A and put each repetition "
    "into an atomic group: (?>...). Or give the call a timeout.",
)

_STATIC = frozenset({"IsMatch", "Match", "Matches", "Replace", "Split"})
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_OPENING = re.compile(r"\((?:\?(?:[:>=!]|<[=!]|<\w[\w-]*>|'\w[\w-]*'|[imnsx-]+:?))?")
_ESCAPE = re.compile(r"\\(?:k<\w+>|[pP]\{\w+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|c.|.)", re.DOTALL)
_TIMES = re.compile(r"[*+?]|\{(\d+)(,?)(\d*)\}")


@dataclass(frozen=True)
class _Item:
    """One thing in a pattern, with how often it may come."""

    group: tuple[tuple["_Item", ...], ...] = ()
    """The alternatives of a group."""
    text: str = ""
    """What it is in the pattern, if it is no group."""
    atomic: bool = False
    """Whether it gives nothing back: a group (?>...)."""
    optional: bool = False
    repeated: bool = False
    """Without an end."""


def _backtracking(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        syntax = expression.syntax
        for node in expression.nodes:
            pattern = _pattern(node)
            if pattern is None or any(_is_time(syntax, part) for part in arguments(node)):
                continue
            text = _constant(syntax, pattern)
            if text is None:
                yield within(expression, first(pattern), "the pattern is not a constant, and the match has no timeout")
            elif doubles(text):
                yield within(
                    expression, first(pattern), "the pattern repeats a repetition, and the match has no timeout"
                )


def _over_body(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        syntax = expression.syntax
        for node in expression.nodes:
            matched = _matched(syntax, node) if node.kind == "call" else None
            if matched is None or any(_is_time(syntax, part) for part in arguments(node)):
                continue
            pattern, text = matched
            constant = _constant(syntax, pattern)
            if constant is not None and _is_of_body(syntax, text) and squares(constant):
                yield within(expression, first(node), "the pattern takes quadratic time for some bodies")


def _matched(syntax: Syntax, node: Node) -> tuple[Node, Node] | None:
    """The pattern and the text of a match, of the class or of an object."""
    pattern, given = _pattern(node), arguments(node)
    if pattern is not None and given:
        return pattern, argument(node, "input") or given[0]
    if method(node) in _STATIC and given:
        made = syntax.origin(node.a.a)
        pattern = _pattern(made) if made.kind == "new" and len(arguments(made)) < 3 else None
        return (pattern, given[0]) if pattern is not None else None
    return None


def _is_of_body(syntax: Syntax, node: Node, depth: int = 8) -> bool:
    """Whether a text comes from a body, by whatever way through local variables."""
    node = syntax.origin(node)
    reads = node.a.a if method(node) == "As" else node.a if node.kind == "cond" else None
    if isinstance(reads, Node) and dotted(syntax.origin(reads)).endswith(".Body"):
        return True
    parts = (node.a, node.b, node.c, node.d) if depth else ()
    inner = [part for some in parts for part in (some if isinstance(some, list | tuple) else (some,))]
    return any(isinstance(part, Node) and _is_of_body(syntax, part, depth - 1) for part in inner)


def _pattern(node: Node) -> Node | None:
    """The pattern of a match or of a new regular expression."""
    if node.kind == "new":
        name, place = str(node.a.a), 0
        if name.rpartition(".")[2] != "Regex":
            return None
    elif node.kind == "call" and dotted(node.a).removeprefix("System.Text.RegularExpressions.").startswith("Regex."):
        if node.a.b not in _STATIC:
            return None
        place = 1
    else:
        return None
    given = arguments(node)
    return argument(node, "pattern") or (given[place] if len(given) > place else None)


def _is_time(syntax: Syntax, node: Node) -> bool:
    origin = syntax.origin(node)
    if origin.kind == "new":
        return str(origin.a.a).endswith("TimeSpan")
    callee = origin.a if origin.kind == "call" else origin
    return dotted(callee).removeprefix("System.").startswith("TimeSpan.")


def _constant(syntax: Syntax, node: Node) -> str | None:
    node = syntax.origin(node)
    if node.kind == "string":
        return str(node.a)
    if node.kind == "bin" and node.a == "+":
        left, right = _constant(syntax, node.b), _constant(syntax, node.c)
        return left + right if left is not None and right is not None else None
    return None


def doubles(pattern: str) -> bool:
    """Whether a pattern repeats, without an end, something that can be nothing but a repetition itself."""
    alternatives, _ = _read(pattern, 0)
    return any(_doubling(item) for items in alternatives for item in items)


def _doubling(item: _Item) -> bool:
    if item.repeated and not item.atomic and any(_repeats(items) for items in item.group):
        return True
    return any(_doubling(inner) for items in item.group for inner in items)


def _repeats(items: Sequence[_Item]) -> bool:
    """Whether nothing in a row must be there besides repetitions."""
    loops = [
        item.repeated or (not item.optional and not item.atomic and any(_repeats(inner) for inner in item.group))
        for item in items
    ]
    return any(loops) and all(loop or item.optional for loop, item in zip(loops, items, strict=True))


_SAMPLE = "".join(map(chr, range(128))) + "\u00e9\u2028\uffff"
_ANCHORS = frozenset({r"\A", r"\G", "^"})


def squares(pattern: str) -> bool:
    """Whether a text can make a match start anew, or try anew, at each unit of what a repetition has read.

    It is enough for that if the pattern is not held to the start of the text, and what it begins with can stand inside a
    repetition that something must follow; or if a repetition stands next to one that takes the same, and something must follow.
    """
    alternatives, _ = _read(pattern, 0)
    return any(_restarts(items) or _shares(items) for items in alternatives)


def _restarts(items: Sequence[_Item]) -> bool:
    if items and items[0].text in _ANCHORS:
        return False
    beginning = frozenset[str]()
    for item in items:
        beginning |= _units(item)
        if not item.optional:
            break
    return any(
        _endless(item) and _fails(items[place + 1 :]) and beginning & _units(item) for place, item in enumerate(items)
    )


def _shares(items: Sequence[_Item]) -> bool:
    items = _flat(items)
    for place, item in enumerate(items):
        if any(_shares(inner) for inner in item.group):
            return True
        if not item.repeated or item.atomic:
            continue
        for further in range(place + 1, len(items)):
            other = items[further]
            if other.repeated and _units(item) & _units(other) and _fails(items[further + 1 :]):
                return True
            if not other.optional:
                break
    return False


def _flat(items: Sequence[_Item]) -> list[_Item]:
    """The items of a row, with those of groups that come once and have no alternatives in their place."""
    flat: list[_Item] = []
    for item in items:
        once = len(item.group) == 1 and not (item.repeated or item.optional or item.atomic)
        flat += _flat(item.group[0]) if once else [item]
    return flat


def _endless(item: _Item) -> bool:
    return item.repeated or any(_endless(inner) for items in item.group for inner in items)


def _fails(items: Sequence[_Item]) -> bool:
    """Whether something must come that may not be there."""
    return any(not item.optional or item.text in {"$", r"\z", r"\Z"} or any(map(_fails, item.group)) for item in items)


def _units(item: _Item) -> frozenset[str]:
    """Which units of a sample an item can take, anywhere in it."""
    if item.group:
        return frozenset(unit for items in item.group for inner in items for unit in _units(inner))
    return _units_of(item.text)


@lru_cache(1024)
def _units_of(text: str) -> frozenset[str]:
    try:
        one = regex.compile(text, regex.VERSION0)
    except regex.error:
        return frozenset(_SAMPLE)
    return frozenset(unit for unit in _SAMPLE if one.fullmatch(unit))


def _read(pattern: str, at: int) -> tuple[tuple[tuple[_Item, ...], ...], int]:
    """The alternatives from here to the end of the group, and where that is."""
    alternatives: list[list[_Item]] = [[]]
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            alternatives.append([])
            at += 1
            continue
        item = _Item()
        opening = _OPENING.match(pattern, at)
        if opening is not None:
            inner, at = _read(pattern, opening.end())
            at += 1
            # What looks around takes no text.
            item = _Item(
                inner, optional=opening.group() in {"(?=", "(?!", "(?<=", "(?<!"}, atomic=opening.group() == "(?>"
            )
        else:
            taken = _CLASS.match(pattern, at) or _ESCAPE.match(pattern, at)
            nowhere = pattern[at] in "^$" or pattern[at : at + 2] in {r"\b", r"\B", r"\A", r"\z", r"\Z", r"\G"}
            end = taken.end() if taken else at + 1
            item = _Item(text=pattern[at:end], optional=nowhere)
            at = end
        times = _TIMES.match(pattern, at)
        if times is not None:
            at = times.end()
            least = times[1] if times[1] is not None else {"*": "0", "+": "1", "?": "0"}[times.group()]
            endless = times.group() in {"*", "+"} or (times[2] == "," and not times[3])
            if pattern[at : at + 1] in {"?", "+"}:
                at += 1
            item = dataclasses.replace(item, optional=item.optional or least == "0", repeated=endless)
        alternatives[-1].append(item)
    return tuple(tuple(items) for items in alternatives), at


LINTS = (Lint(BACKTRACKING, _backtracking), Lint(OVER_BODY, _over_body))
