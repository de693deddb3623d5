"""Where an expression ends in raw text: matching brackets, aware of C# literals and comments.

The rules are those that policy documents need before any XML is parsed: strings (`"..."`, `@"..."`, `$"..."`,
`$@"..."` with nested holes), characters, and both kinds of comments hide brackets.
"""

import re
from bisect import bisect_right

from apim_policies.expressions.values.failures import ExpressionError

_CLOSING = {"(": ")", "{": "}", "[": "]"}
_PLAIN = re.compile(r"""[^(){}\[\]"@$'/]*""")
"""What neither opens nor closes anything."""


def scan_expression(text: str, start: int) -> int:
    """The index after the closing bracket of the expression whose `@(` or `@{` stands at `start`.

    Raises:
        ExpressionError: there is no expression at `start`, or it does not end; with line and column in `text`.
    """
    if text[start : start + 2] not in ("@(", "@{"):
        raise _error("an expression starts with '@(' or '@{'", text, start)
    return _Scan(text, start).balanced(start + 2, _CLOSING[text[start + 1]])


def position(text: str, index: int) -> tuple[int, int]:
    """Line and column (from 1) of an index of `text`."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


class Lines:
    """Positions in one text that are asked for again and again: each takes the logarithm of its size."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(newline.end() for newline in re.finditer("\n", text))]

    def position(self, index: int) -> tuple[int, int]:
        """Line and column (from 1) of an index of the text."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


def _error(message: str, text: str, index: int) -> ExpressionError:
    line, column = position(text, index)
    return ExpressionError(message, line=line, column=column, kind="syntax")


class _Scan:
    def __init__(self, text: str, start: int) -> None:
        self.text, self.start = text, start

    def balanced(self, i: int, closing: str) -> int:
        """From `i`, inside an open bracket, to the index after the bracket that closes it."""
        text, n = self.text, len(self.text)
        stack = [closing]
        while i < n:
            c = text[i]
            if c in "({[":
                stack.append(_CLOSING[c])
                i += 1
            elif c in ")}]":
                if c != stack[-1]:
                    raise _error(f"'{c}' where the expression needs '{stack[-1]}'", text, i)
                stack.pop()
                i += 1
                if not stack:
                    return i
            elif c == '"':
                i = self._string(i, i + 1, verbatim=False, holes=False)
            elif c in "@$":
                i = self._prefixed(i)
            elif c == "'":
                i = self._character(i)
            elif text.startswith("//", i):
                end = text.find("\n", i)
                i = n if end < 0 else end + 1
            elif text.startswith("/*", i):
                end = text.find("*/", i + 2)
                if end < 0:
                    raise _error("the comment does not end", text, i)
                i = end + 2
            else:
                i = _PLAIN.match(text, i + 1).end()  # pyright: ignore[reportOptionalMemberAccess]  (nothing matches, too)
        raise _error("the expression does not end", text, self.start)

    def _prefixed(self, i: int) -> int:
        text = self.text
        if text[i : i + 3] in ('$@"', '@$"'):
            return self._string(i, i + 3, verbatim=True, holes=True)
        if text[i : i + 2] == '@"':
            return self._string(i, i + 2, verbatim=True, holes=False)
        if text[i : i + 2] == '$"':
            return self._string(i, i + 2, verbatim=False, holes=True)
        return i + 1

    def _string(self, start: int, i: int, *, verbatim: bool, holes: bool) -> int:
        text, n = self.text, len(self.text)
        while i < n:
            c = text[i]
            if c == '"':
                if not verbatim or text[i + 1 : i + 2] != '"':
                    return i + 1
                i += 2
            elif c == "\\" and not verbatim:
                i += 2
            elif holes and c in "{}":
                if text[i + 1 : i + 2] == c:
                    i += 2
                elif c == "{":
                    i = self.balanced(i + 1, "}")
                else:
                    raise _error("'}' in an interpolated string is written '}}'", text, i)
            elif c in "\r\n" and not verbatim:
                raise _error('the string ends at the end of its line only if it is verbatim (@"...")', text, start)
            else:
                i += 1
        raise _error("the string does not end", text, start)

    def _character(self, start: int) -> int:
        text, n = self.text, len(self.text)
        i = start + 1
        if text[i : i + 1] == "\\":
            i += 2
            while i < n and text[i] not in "'\r\n":
                i += 1
        else:
            i += 1
        if text[i : i + 1] != "'":
            raise _error("a character literal holds one character", text, start)
        return i + 1
