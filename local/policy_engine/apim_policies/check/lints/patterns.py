"""Regular expressions that a request can make run for minutes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apim_policies.check.csharp import Syntax, argument, arguments, dotted, first
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
    if item.repeated and any(_repeats(items) for items in item.group):
        return True
    return any(_doubling(inner) for items in item.group for inner in items)


def _repeats(items: Sequence[_Item]) -> bool:
    """Whether nothing in a row must be there besides repetitions."""
    loops = [item.repeated or (not item.optional and any(_repeats(inner) for inner in item.group)) for item in items]
    return any(loops) and all(loop or item.optional for loop, item in zip(loops, items, strict=True))


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
            # An atomic group gives nothing back; what looks around takes no text.
            if opening.group() != "(?>":
                item = _Item(inner, optional=opening.group() in {"(?=", "(?!", "(?<=", "(?<!"})
        else:
            taken = _CLASS.match(pattern, at) or _ESCAPE.match(pattern, at)
            item = _Item(optional=pattern[at] in "^$" or pattern[at : at + 2] in {r"\b", r"\A", r"\z", r"\Z", r"\G"})
            at = taken.end() if taken else at + 1
        times = _TIMES.match(pattern, at)
        if times is not None:
            at = times.end()
            least = times[1] if times[1] is not None else {"*": "0", "+": "1", "?": "0"}[times.group()]
            endless = times.group() in {"*", "+"} or (times[2] == "," and not times[3])
            if pattern[at : at + 1] in {"?", "+"}:
                at += 1
            item = _Item(item.group, item.optional or least == "0", endless)
        alternatives[-1].append(item)
    return tuple(tuple(items) for items in alternatives), at


LINTS = (Lint(BACKTRACKING, _backtracking),)
