"""Regular expressions of .NET for the `regex` package: translated, or refused where the two would differ.

https://learn.microsoft.com/dotnet/standard/base-types/regular-expression-language-quick-reference
"""

import re
from functools import lru_cache
from typing import Any

import regex

from apim_policies.errors import NotModelled
from apim_policies.expressions.values.failures import CSharpException

# Letters, marks without width, digits and connectors; \b counts the two joiners as well.
_WORD = r"\p{L}\p{Mn}\p{Nd}\p{Pc}"
_EDGE = rf"[{_WORD}\u200c\u200d]"
_OUTSIDE = {
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "b": f"(?:(?<={_EDGE})(?!{_EDGE})|(?<!{_EDGE})(?={_EDGE}))",
    "B": f"(?:(?<={_EDGE})(?={_EDGE})|(?<!{_EDGE})(?!{_EDGE}))",
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
}
_INSIDE = {"w": _WORD, "b": r"\x08"}
_NAME = re.compile(r"<([A-Za-z_]\w*)>", re.ASCII)
_SAME = frozenset("dDsStrnfvaA")
_GROUPS = re.compile(r"\?(?::|=|!|<=|<!|>|<[A-Za-z_]\w*>|[imsnx]+(?=[:)])|#)")
_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}")
# Units whose other case .NET and Unicode's case folding see differently.
_OTHER_CASES = re.compile("[\u0130\u0131\u017f]")


class Pattern:
    """A compiled pattern, with the groups numbered as .NET does: those with names after the others."""

    def __init__(self, source: str) -> None:
        self.source = source
        translator = _Translator(source)
        text = translator.pattern()
        try:
            self.compiled: Any = regex.compile(text, regex.VERSION0)
        except regex.error as error:
            raise CSharpException(
                "System.Text.RegularExpressions.RegexParseException", f"Invalid pattern '{source}': {error}"
            ) from None
        self._ascii_only = translator.any_case
        named = sorted(self.compiled.groupindex.values())
        if named and translator.numbered_reference:
            raise _refused(source, "numbered references beside named groups")
        self._places = [0, *[n for n in range(1, self.compiled.groups + 1) if n not in named], *named]

    def checked(self, text: str) -> str:
        """The text, if it has nothing whose letter case is in question."""
        if self._ascii_only and _OTHER_CASES.search(text):
            raise NotModelled(f"{self.source!r} without case on this text is not modelled by the local cloud")
        return text

    def group(self, key: int | str) -> int | None:
        """The engine's number of a group; None if there is no such group."""
        if isinstance(key, int):
            return self._places[key] if 0 <= key < len(self._places) else None
        return self.compiled.groupindex.get(key)

    def names(self) -> list[str]:
        """Names of the groups in .NET's order; those without one go by their number."""
        named = {place: name for name, place in self.compiled.groupindex.items()}
        return [named.get(place, str(number)) for number, place in enumerate(self._places)]


@lru_cache(maxsize=512)
def pattern(source: str) -> Pattern:
    """
    Raises:
        CSharpException: .NET does not accept the pattern.
        NotModelled: it uses something that is not modelled.
    """
    return Pattern(source)


def _refused(source: str, what: str) -> NotModelled:
    return NotModelled(f"the regular expression {source!r} uses {what}, which the local cloud does not model")


class _Translator:
    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.any_case = False
        self.numbered_reference = False
        self.blanks = False
        """Whether blanks and comments from # to the end of the line are left out: (?x)."""

    def pattern(self) -> str:
        source, out = self.source, list[str]()
        quantified = False
        while self.at < len(source):
            unit = source[self.at]
            if self.blanks and unit in " \t\n\v\f\r#":
                end = source.find("\n", self.at) if unit == "#" else self.at
                self.at = len(source) if end < 0 else end + 1
                continue
            if source.startswith("(?#", self.at):
                end = source.find(")", self.at)
                if end < 0:
                    raise self.wrong("Unterminated (?#...) comment")
                self.at = end + 1
                continue
            quantifier = _QUANTIFIER.match(source, self.at)
            if quantifier is not None:
                if quantified:
                    raise CSharpException(
                        "System.Text.RegularExpressions.RegexParseException",
                        f"Invalid pattern '{source}' at offset {self.at + 1}. Nested quantifier '{unit}'.",
                    )
                quantified = True
                self.at = quantifier.end()
                text = quantifier.group()
                if source.startswith("?", self.at):
                    self.at += 1
                    text += "?"
                out.append(text)
                continue
            quantified = False
            if unit == "\\":
                out.append(self.escape(_OUTSIDE))
            elif unit == "[":
                out.append(self.characters())
            elif unit == "(":
                out.append(self.group())
            elif unit == "{":
                self.at += 1
                out.append(r"\{")
            elif unit == "$":
                # Before a last line break, or at the end.
                self.at += 1
                out.append("$")
            else:
                self.at += 1
                out.append(unit)
        if self.any_case and not source.isascii():
            raise _refused(source, "letters beyond ASCII without case")
        return "".join(out)

    def group(self) -> str:
        start = self.at
        self.at += 1
        if not self.source.startswith("?", self.at):
            return "("
        match = _GROUPS.match(self.source, self.at)
        if match is None or match.group() == "?#":
            raise _refused(self.source, f"'{self.source[start : start + 4]}'")
        text = match.group()
        self.at = match.end()
        if text[1] in "imsn":
            blanks = "x" in text
            if set(text[1:]) - set("imsx") or (blanks and (self.source.startswith(":", self.at) or self.blanks)):
                raise _refused(self.source, f"the option '{text}'")
            self.blanks = self.blanks or blanks
            text = text.replace("x", "")
            if self.source.startswith(")", self.at) and start != 0:
                raise _refused(self.source, f"the option '({text})' after the start")
            self.any_case = self.any_case or "i" in text
            if text == "?":
                self.at += 1
                return ""
        return "(" + text

    def wrong(self, why: str) -> CSharpException:
        return CSharpException(
            "System.Text.RegularExpressions.RegexParseException", f"Invalid pattern '{self.source}'. {why}."
        )

    def escape(self, special: dict[str, str]) -> str:
        following = self.source[self.at + 1 : self.at + 2]
        if following in {"x", "u"}:
            digits = self.source[self.at + 2 : self.at + (4 if following == "x" else 6)]
            if not re.fullmatch(r"[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}", digits):
                raise _refused(self.source, f"'\\{following}{digits}'")
            self.at += 2 + len(digits)
            return regex.escape(chr(int(digits, 16)))
        if following == "c":
            letter = self.source[self.at + 2 : self.at + 3].upper()
            if not letter or not "A" <= letter <= "Z":
                raise _refused(self.source, f"'\\c{letter}'")
            self.at += 3
            return f"\\x{ord(letter) - 64:02x}"
        if following == "k" and special is _OUTSIDE:
            return self.named_reference()
        if following.isascii() and following.isdigit():
            return self.digits(inside=special is _INSIDE)
        self.at += 2
        if following == "e":
            return r"\x1b"
        if following == "G" and special is _OUTSIDE:
            return r"\G"
        if following in special:
            return special[following]
        if following in _SAME and (special is _OUTSIDE or following != "A"):
            return "\\" + following
        # Letters that mean nothing: .NET refuses them. Categories are not modelled.
        if following == "_" or (following.isascii() and following.isalpha() and following not in "pP"):
            raise self.wrong(f"Unrecognized escape sequence \\{following}")
        if not following or following.isalnum():
            raise _refused(self.source, f"'\\{following}'")
        return "\\" + following

    def named_reference(self) -> str:
        match = _NAME.match(self.source, self.at + 2)
        if match is None:
            raise _refused(self.source, "this form of '\\k'")
        if f"(?<{match[1]}>" not in self.source[: self.at]:
            if f"(?<{match[1]}>" in self.source:
                raise _refused(self.source, "a reference to a group behind it")
            raise self.wrong(f"Reference to undefined group name {match[1]}")
        self.at = match.end()
        return f"(?P={match[1]})"

    def digits(self, *, inside: bool) -> str:
        """A reference to a group, or the number of a character in base 8."""
        match = re.compile("[0-9]+", re.ASCII).match(self.source, self.at + 1)
        assert match is not None
        digits = match.group()
        if not inside and digits[0] != "0":
            if len(digits) == 1:
                self.numbered_reference = True
                self.at = match.end()
                return "\\" + digits
            if int(digits) <= self.source.count("("):
                raise _refused(self.source, "a reference of several digits")
        octal = re.match("[0-7]{1,3}", digits)
        if octal is None or int(octal.group(), 8) > 255:
            raise _refused(self.source, f"'\\{digits}'")
        self.at += 1 + octal.end()
        return f"\\x{int(octal.group(), 8):02x}"

    def characters(self) -> str:
        """A class in brackets: `[` is an ordinary character in it, and `-[` would subtract."""
        source = self.source
        self.at += 1
        out = ["["]
        if source.startswith("^", self.at):
            out.append("^")
            self.at += 1
        if source.startswith("]", self.at):
            out.append(r"\]")
            self.at += 1
        while self.at < len(source):
            unit = source[self.at]
            if unit == "]":
                self.at += 1
                return "".join(out) + "]"
            if unit == "[":
                if source[self.at - 1] == "-" or source[self.at + 1 : self.at + 2] == ":":
                    raise _refused(source, "'[' in a class")
                out.append(r"\[")
                self.at += 1
            elif unit == "\\":
                out.append(self.escape(_INSIDE))
            else:
                out.append("\\" + unit if unit in "&|~" else unit)
                self.at += 1
        raise CSharpException(
            "System.Text.RegularExpressions.RegexParseException", f"Invalid pattern '{source}'. Unterminated [] set."
        )
