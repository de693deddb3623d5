"""Mistakes that somebody could make in a policy document, one at a time: what tests should notice.

A mutant is the text of a document with one thing changed in it:

- an element is gone: a policy, an `<otherwise>`, an `<audience>`, a `<base />`;
- a condition is the other way round, also inside expressions: `==` and `!=`, `&&` and `||`, `<` and `>=`, `true` and `false`, `!`;
- an attribute or a text has another value: the other one of two, the next number, another word.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from apim_policies.documents.document import NAMED_VALUE, Element, Value, parse
from apim_policies.elements.model import SECTIONS
from apim_policies.elements.table import ELEMENTS
from apim_policies.errors import DocumentError
from apim_policies.expressions.scanner import position

_TOKEN = re.compile(
    r"""
    (?P<literal> \$?@"(?:[^"]|"")*" | @\$"(?:[^"]|"")*" | \$?"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)+' | //[^\n]* | /\*.*?\*/ )
    | (?P<operator> => | \?\? | == | != | <= | >= | && | \|\| | ! | (?<=\s)<(?=\s) | (?<=\s)>(?=\s) | \b(?:true|false)\b )
    """,
    re.VERBOSE | re.DOTALL,
)
"""Literals and comments, of which nothing is changed, and what is. `<` alone may begin type arguments: with blanks it does not."""
_OTHER = {
    "==": "!=", "!=": "==", "&&": "||", "||": "&&", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
    "true": "false", "false": "true", "!": "",
}  # fmt: skip
_WORD = "-changed"
_SILENT = frozenset({"trace", "emit-metric", "message", "metadata"})
"""What only tells of a request: nobody has to notice when it is gone."""


@dataclass(frozen=True)
class Mutant:
    """A document with one mistake."""

    document: str
    """Its name."""
    line: int
    column: int
    what: str
    """The mistake in words."""
    text: str
    policies: tuple[int, ...]
    """Lines of the elements around the mistake, innermost first, itself among them."""
    inherits: str = ""
    """Of a `<base />` that is gone, the section; empty for all else."""


def mutants(name: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a document, in the order of its lines; none of one that cannot be read."""
    text = text.removeprefix("\ufeff")
    # Named values may stand anywhere: of the same length, so that every place stays what it is.
    readable = NAMED_VALUE.sub(lambda match: "0" * len(match[0]), text)
    try:
        root = parse(readable, name)
    except DocumentError:
        return
    found = list(_Document(name, text).of(root, (), "" if root.name == "policies" else root.name))
    yield from sorted(found, key=lambda one: (one.line, one.column))


class _Document:
    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def of(self, element: Element, around: tuple[int, ...], parent: str) -> Iterator[Mutant]:
        here = (element.line, *around)
        if element.name in _SILENT:
            return
        if parent and element.name not in SECTIONS:
            gone = self._mutant(element.start, element.end, "", f"<{_shown(element)}> is gone", here)
            yield replace(gone, inherits=parent) if element.name == "base" else gone
        model = ELEMENTS.get(element.name)
        for name, value in element.attributes.items():
            attribute = model.attributes.get(name) if model is not None else None
            values = attribute.one_of if attribute is not None else ()
            yield from self._value(value, f"{name} of <{element.name}>", here, values, condition=name == "condition")
        if element.text is not None:
            yield from self._value(element.text, f"the text of <{element.name}>", here, (), condition=False)
        for child in element.children:
            yield from self.of(child, here, element.name)

    def _value(
        self, value: Value, where: str, here: tuple[int, ...], values: tuple[str, ...], *, condition: bool
    ) -> Iterator[Mutant]:
        start = self._starts[value.line - 1] + value.column - 1
        end = start + len(value.text)
        written = self._text[start:end]
        if NAMED_VALUE.sub(lambda match: "0" * len(match[0]), written) != value.text:
            # Written with entities: it is not what it reads.
            return
        if value.expression:
            if condition and written.startswith("@("):
                yield self._mutant(start + 2, end - 1, f"!({written[2:-1]})", f"{where} is the other way round", here)
            yield from self._expression(start, written, where, here)
            return
        text = written.strip()
        start += len(written) - len(written.lstrip())
        for other in _others(text, values):
            yield self._mutant(start, start + len(text), other, f"{where} is {other!r} instead of {text!r}", here)

    def _expression(self, start: int, written: str, where: str, here: tuple[int, ...]) -> Iterator[Mutant]:
        for match in _TOKEN.finditer(written):
            operator = match["operator"]
            if operator in _OTHER:
                other = _OTHER[operator]
                what = f"{other or 'nothing'} instead of {operator} in {where}"
                yield self._mutant(start + match.start(), start + match.end(), other, what, here)

    def _mutant(self, start: int, end: int, other: str, what: str, here: tuple[int, ...]) -> Mutant:
        line, column = position(self._text, start)
        return Mutant(self._name, line, column, what, self._text[:start] + other + self._text[end:], here)


def _others(text: str, values: tuple[str, ...]) -> Iterator[str]:
    """What a literal could be instead."""
    if not text or NAMED_VALUE.search(text):
        return
    if values:
        yield from (one for one in values if one != text)
    elif text.lower() in {"true", "false"}:
        yield "false" if text.lower() == "true" else "true"
    elif text.isdecimal():
        yield str(int(text) + 1)
    else:
        yield text + _WORD


def _shown(element: Element) -> str:
    """Name of an element, and what tells it from others of its kind."""
    labels: Mapping[str, Value] = element.attributes
    label = next((labels[key].text for key in ("name", "variable-name", "fragment-id") if key in labels), "")
    return f"{element.name} {label}".strip()
