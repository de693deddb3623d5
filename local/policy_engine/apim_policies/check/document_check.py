"""What Azure would refuse, or what the local cloud cannot run, in one policy document: all of it, without running anything."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from apim_policies.documents.document import NAMED_VALUE, Element, NamedValues, parse, substitute, undeclared
from apim_policies.elements.builder import Builder
from apim_policies.elements.model import SECTIONS
from apim_policies.elements.schema import problems_of_fragment, problems_of_policies
from apim_policies.errors import DocumentError, DocumentNotModelled
from apim_policies.expressions import ExpressionError, compile_expression
from apim_policies.expressions.scanner import position
from apim_policies.pipeline.values import Compile, Source

LARGEST = 512 * 1024
"""Bytes of a policy document or fragment on the classic and v2 tiers."""

_RULES = {
    "syntax": "expression-syntax",
    "compile": "expression-type",
    "refused": "forbidden-type",
    "not modelled": "not-modelled",
}
"""The rule for each kind of `ExpressionError`."""


def check_document(
    text: str,
    document: str,
    *,
    named_values: Mapping[str, str | None] | None = None,
    fragments: Mapping[str, str] | None = None,
    compile: Compile = compile_expression,
) -> list[DocumentError]:
    """Everything that is wrong with a `<policies>` or `<fragment>` document in the `rawxml` format, in order.

    Each has a `rule`; what Azure would take and the local cloud does not model has the rule `not-modelled`.

    Args:
        text: The document.
        document: Its name in what is found.
        named_values: Declared named values; None for a value that is not known or secret. None: not known here, so
            every name is one.
        fragments: Texts of the declared fragments by id. None: not known here, so every id is one.
        compile: Compiles expressions.
    """
    problems: list[DocumentError] = []
    if (size := len(text.encode("utf-8", "surrogatepass"))) > LARGEST:
        message = f"the document has {size} bytes; {LARGEST} are allowed"
        problems.append(DocumentError(message, document=document, line=1, column=1, rule="size"))
    problems += undeclared(text, named_values, document)
    values = _Values(named_values)
    if undeclared(text, None, document):
        # What is no name at all cannot be replaced.
        return _named(problems, "named-value")
    _named(problems, "named-value")
    found: list[DocumentError] = []
    try:
        root = parse(substitute(text, values, document), document)
    except DocumentError as error:
        found = _named([error], "well-formed")
    else:
        problems_of = problems_of_fragment if root.name == "fragment" else problems_of_policies
        found += problems_of(root, document)
        found += _problems_of_expressions(root, document, compile)
        found += _problems_of_fragments(root, document, fragments)
        found += _problems_of_building(root, document, fragments, values, compile, found)
        unknown = _Unknown(text, values, root)
        found = [
            one for one in _named(found, "value-combination") if one.document != document or not unknown.decides(one)
        ]
    places = _Places(text, values)
    for problem in found:
        if problem.document == document:
            problem.line, problem.column = places.original(problem.line, problem.column)
    problems += _named(found, "value-combination")
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _named(problems: list[DocumentError], rule: str) -> list[DocumentError]:
    """The problems, each with the rule that it breaks: this one, if it has none of its own."""
    for problem in problems:
        if isinstance(problem, ExpressionError):
            problem.rule = _RULES[problem.kind]
        elif isinstance(problem, DocumentNotModelled):
            problem.rule = "not-modelled"
        else:
            problem.rule = problem.rule or rule
    return problems


class _Values(NamedValues):
    """The known values; for any other name zeros, which are a number, and a text between quotes."""

    def __init__(self, declared: Mapping[str, str | None] | None) -> None:
        super().__init__({name: value for name, value in (declared or {}).items() if value is not None})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def knows(self, name: str) -> bool:
        """Whether the value is the declared one."""
        return super().__contains__(name)

    def __missing__(self, name: str) -> str:
        return "0" * (len(name) + 4)


_OF_VALUES = frozenset({"attribute-value", "value-combination", "unexpected-text"})
_OF_EXPRESSIONS = frozenset(_RULES.values())
_LITERAL = re.compile(r'\$?@"(?:[^"]|"")*"|\$?"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


class _Unknown:
    """Where named values stand whose values nobody knows here: what hangs on them is no mistake of the document."""

    def __init__(self, text: str, values: _Values, root: Element) -> None:
        """`root`: of the document with every named value filled in."""
        text = text.removeprefix("\ufeff")
        self._spans: list[tuple[int, int]] = []
        shift = 0
        for match in NAMED_VALUE.finditer(text):
            length = len(values[match[1]])
            if not values.knows(match[1]):
                self._spans.append((match.start() + shift, match.start() + shift + length))
            shift += length - len(match[0])
        self._text = NAMED_VALUE.sub(lambda match: values[match[1]], text)
        self._starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        self._root = root

    def decides(self, problem: DocumentError) -> bool:
        """Whether the problem may be one of the value that stands in for an unknown one."""
        if not self._spans or problem.rule not in _OF_VALUES | _OF_EXPRESSIONS:
            return False
        at = self._index(problem.line, problem.column)
        element = self._around(at)
        if element is None:
            return False
        for value in [*element.attributes.values(), *([element.text] if element.text else [])]:
            start = self._index(value.line, value.column)
            if start <= at < self._end(start, value.text):
                return self._fills(start, self._end(start, value.text), value.text if value.expression else "")
        return problem.rule in _OF_VALUES and self._fills(element.start, element.end, "")

    def _fills(self, start: int, end: int, expression: str) -> bool:
        """Whether an unknown value stands there; in an expression, outside of its literals, where it is code."""
        inside = [(first - start, last - start) for first, last in self._spans if start <= first < end]
        literals = [match.span() for match in _LITERAL.finditer(expression)]
        return any(not any(first >= low and last <= high for low, high in literals) for first, last in inside)

    def _end(self, start: int, text: str) -> int:
        """Where a value ends: behind what it reads, or, where it is written with entities, at what ends it."""
        if self._text.startswith(text, start):
            return start + max(1, len(text))
        quote = self._text[start - 1]
        end = self._text.find(quote if quote in {'"', "'"} else "<", start)
        return end if end > 0 else len(self._text)

    def _around(self, at: int) -> Element | None:
        found: Element | None = None
        for element in _elements(self._root):
            if element.start <= at < element.end:
                found = element
        return found

    def _index(self, line: int, column: int) -> int:
        return self._starts[min(line, len(self._starts)) - 1] + column - 1


class _Places:
    """Where a place of the document with its named values filled in stands in the document as it is written."""

    def __init__(self, text: str, values: Mapping[str, str]) -> None:
        self._text = text
        self._filled = NAMED_VALUE.sub(lambda match: values[match[1]], text)
        self._matches = [(match.start(), match.end(), len(values[match[1]])) for match in NAMED_VALUE.finditer(text)]

    def original(self, line: int, column: int) -> tuple[int, int]:
        if not self._matches:
            return line, column
        lines = self._filled.split("\n")
        index = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1
        shift = 0
        for start, end, length in self._matches:
            if index < start + shift:
                break
            if index < start + shift + length:
                return position(self._text, start)
            shift += length - (end - start)
        return position(self._text, index - shift)


def _problems_of_expressions(root: Element, document: str, compile: Compile) -> Iterator[DocumentError]:
    for element in _elements(root):
        for value in [*element.attributes.values(), *([element.text] if element.text else [])]:
            if value.expression:
                try:
                    compile(value.text, document=document, line=value.line, column=value.column)
                except DocumentError as error:
                    yield error


def _problems_of_fragments(
    root: Element, document: str, fragments: Mapping[str, str] | None
) -> Iterator[DocumentError]:
    for element in _elements(root):
        id = element.attributes.get("fragment-id")
        if element.name == "include-fragment" and id and fragments is not None and id.text not in fragments:
            message = f"the policy fragment {id.text!r} is not declared; declare a PolicyFragment with this id"
            yield DocumentError(message, document=document, line=id.line, column=id.column, rule="fragment")


def _problems_of_building(
    root: Element,
    document: str,
    fragments: Mapping[str, str] | None,
    values: Mapping[str, str],
    compile: Compile,
    found: list[DocumentError],
) -> Iterator[DocumentError]:
    """What only shows when the policies are built: fragments in the wrong section, values that do not fit together.

    Each policy that has no problem yet is built alone, so that the first one does not hide the others.
    """
    known: dict[str, tuple[Element, Source]] = {}
    for element in _elements(root):
        if element.name == "include-fragment" and "fragment-id" in element.attributes:
            id = element.attributes["fragment-id"].text
            known[id] = _fragment(id, fragments, values, compile)
    policies = [
        (section, policy)
        for section in ([root] if root.name == "fragment" else root.children)
        for policy in section.children
        if root.name == "fragment" or (root.name == "policies" and section.name in SECTIONS)
    ]
    starts = [(policy.line, policy.column) for _, policy in policies] + [(1 << 60, 0)]
    wrong = {(problem.line, problem.column) for problem in found}
    for (section, policy), (start, end) in zip(policies, pairwise(starts), strict=True):
        if any(start <= place < end for place in wrong):
            continue
        builder = Builder(Source(document, compile), known)
        alone = Element(root.name, 1, 1, children=[Element(section.name, 1, 1, children=[policy])])
        build: Callable[[], object] = (
            (lambda builder=builder, policy=policy: builder.policies([policy]))
            if root.name == "fragment"
            else (lambda builder=builder, alone=alone: builder.sections(alone))
        )
        try:
            build()
        except DocumentError as error:
            yield error


def _fragment(
    id: str, fragments: Mapping[str, str] | None, values: Mapping[str, str], compile: Compile
) -> tuple[Element, Source]:
    """The fragment and what compiles it; one without policies if it is not known or has problems of its own."""
    name = f"fragments/{id}.xml"
    text = (fragments or {}).get(id)
    root: Element | None = None
    if text is not None:
        with contextlib.suppress(DocumentError):
            root = _whole(substitute(text, values, name), name, compile)
    return root or Element("fragment", 1, 1), Source(name, compile)


@lru_cache(maxsize=256)
def _whole(text: str, name: str, compile: Compile) -> Element | None:
    """A fragment without problems; None if it has some. Every document that includes it asks.

    Raises:
        DocumentError: it is not well-formed.
    """
    root = parse(text, name)
    if [*problems_of_fragment(root, name), *_problems_of_expressions(root, name, compile)]:
        return None
    return root


def _elements(root: Element) -> Iterator[Element]:
    yield root
    for child in root.children:
        yield from _elements(child)
