"""Policy documents in the `rawxml` format: XML in which attribute values and texts may be C# expressions, written as they are.

A value is an expression if its first characters other than blanks are `@(` or `@{`; it ends where its brackets do, so that quotes,
`<` and `&` in it need no escaping. People escape them all the same, in some values of a document or in all: an entity outside the
literals of C# can be nothing else, and then all entities of the value are.
"""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apim_policies.errors import DocumentError
from apim_policies.expressions.scanner import Lines, position, scan_expression
from apim_policies.expressions.values.failures import ExpressionError

_NAME = re.compile(r"[A-Za-z_][\w:.-]*")
_BLANK = re.compile(r"\s*")
NAMED_VALUE = re.compile(r"\{\{\s*([A-Za-z0-9._-]+)\s*\}\}")
_OPENING = re.compile(r"\{\{")
_ENTITY = re.compile(r"&(?!(?:quot|apos|amp|lt|gt|#\d+|#x[0-9a-fA-F]+);)")
_ESCAPED = re.compile(r"&(?:quot|apos|amp|lt|gt|#\d+|#x[0-9a-fA-F]+);")
_LITERAL = re.compile(r'\$?@"(?:[^"]|"")*"|"(?:[^"\\\n]|\\.)*"')
_CDATA = "<![CDATA["
_LIQUID = re.compile(r"""<set-body\b[^<>]*\btemplate\s*=\s*["']liquid["'][^<>]*(?<!/)>(.*?)</set-body""", re.DOTALL)


@dataclass(frozen=True)
class Value:
    """An attribute's or element's text, or the expression that it is."""

    text: str
    expression: bool
    line: int
    column: int


@dataclass
class Element:
    name: str
    line: int
    column: int
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])
    children: list["Element"] = field(default_factory=list["Element"])
    text: Value | None = None
    start: int = 0
    """Index of its `<` in the document without a byte order mark."""
    end: int = 0
    """Index behind it."""


class NamedValues(dict[str, str]):
    """Values by display name. Azure finds them without regard to case.

    https://learn.microsoft.com/azure/api-management/api-management-howto-properties
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__({name.casefold(): value for name, value in values.items()})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.casefold())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.casefold())


def substitute(text: str, named_values: Mapping[str, str], document: str) -> str:
    """The document with each `{{name}}` replaced, as API Management does before it parses anything.

    Raises:
        DocumentError: a name is not declared: Azure would refuse to save the policy.
    """
    if not isinstance(named_values, NamedValues):
        named_values = NamedValues(named_values)
    for problem in undeclared(text, named_values, document):
        raise problem
    # In Liquid templates {{ }} may also be a variable of the template.
    return NAMED_VALUE.sub(lambda match: named_values[match[1]] if match[1] in named_values else match[0], text)


def undeclared(text: str, named_values: Iterable[str] | None, document: str) -> list[DocumentError]:
    """Every `{{` that names no declared value. Without declared names, each that is no name at all. Not in Liquid templates."""
    problems: list[DocumentError] = []
    if named_values is not None and not isinstance(named_values, NamedValues):
        names = [str(name) for name in named_values]
        named_values = NamedValues(dict.fromkeys(names, ""))
    templates = [match.span(1) for match in _LIQUID.finditer(text)]
    for opening in _OPENING.finditer(text):
        if any(start <= opening.start() < end for start, end in templates):
            continue
        match = NAMED_VALUE.match(text, opening.start())
        if match is None:
            message = (
                "'{{' begins the name of a named value wherever it stands, also in expressions; put a blank between"
            )
        elif named_values is not None and match[1] not in named_values:
            message = f"named value {match[1]!r} is not declared; declare a NamedValue with this display name"
        else:
            continue
        line, column = position(text, opening.start())
        problems.append(DocumentError(message, document=document, line=line, column=column))
    return problems


def parse(text: str, document: str) -> Element:
    """The root element of a policy document.

    Raises:
        DocumentError: it is not well-formed; says where.
    """
    return _Parser(text.removeprefix("\ufeff"), document).parse()


class _Parser:
    def __init__(self, text: str, document: str) -> None:
        self.text, self.document, self.at = text, document, 0
        self._lines = Lines(text)

    def fail(self, message: str, at: int | None = None) -> DocumentError:
        line, column = self._lines.position(self.at if at is None else at)
        return DocumentError(message, document=self.document, line=line, column=column)

    def parse(self) -> Element:
        roots: list[Element] = []
        stack: list[Element] = []
        text = self.text
        while self.at < len(text):
            if text.startswith("<!--", self.at):
                # Behind the opening: the end of `<!-->` is not its own.
                end = text.find("-->", self.at + 4)
                if end < 0:
                    raise self.fail("the comment does not end")
                self.at = end + 3
            elif text.startswith("</", self.at):
                start = self.at
                self.at += 2
                name = self._name("an end tag")
                if not stack or stack[-1].name != name:
                    wanted = f"</{stack[-1].name}>" if stack else "no end tag"
                    raise self.fail(f"</{name}> where {wanted} belongs", start)
                self._blank()
                self._expect(">")
                stack.pop().end = self.at
            elif text[self.at] == "<":
                if text.startswith("<!", self.at) and not text.startswith(_CDATA, self.at):
                    raise self.fail("declarations do not belong in a policy")
                if text.startswith("<?", self.at):
                    self.at = self._end("?>", "the processing instruction")
                elif text.startswith(_CDATA, self.at):
                    self._put(self._data(), stack)
                else:
                    start = self.at
                    element, closed = self._element()
                    element.start, element.end = start, self.at
                    (stack[-1].children if stack else roots).append(element)
                    if not closed:
                        stack.append(element)
                        self._template(element)
            else:
                self._put(self._value("<"), stack)
        if stack:
            raise self.fail(f"<{stack[-1].name}> is not closed")
        if len(roots) != 1:
            raise self.fail("a policy document has exactly one root element")
        return roots[0]

    def _put(self, value: Value | None, stack: list[Element]) -> None:
        if value is None:
            return
        if not stack:
            raise self.fail("text outside the root element")
        if stack[-1].text is not None:
            raise self.fail(f"<{stack[-1].name}> has text in two places")
        stack[-1].text = value

    def _end(self, token: str, what: str) -> int:
        end = self.text.find(token, self.at)
        if end < 0:
            raise self.fail(f"{what} does not end")
        return end + len(token)

    def _data(self) -> Value:
        """CDATA: a text, or an expression, as it is written."""
        start, self.at = self.at + len(_CDATA), self._end("]]>", "CDATA")
        raw = self.text[start : self.at - len("]]>")]
        line, column = self._lines.position(start + len(raw) - len(raw.lstrip()))
        return Value(raw.strip(), True, line, column) if _scans(raw.strip()) else Value(raw, False, line, column)

    def _template(self, element: Element) -> None:
        """The text of a Liquid template may hold any elements: they are no policies."""
        template = element.attributes.get("template")
        if element.name != "set-body" or template is None or template.text != "liquid":
            return
        start = self.at
        end = self.text.find("</set-body", start)
        if end > 0 and "<" in self.text[start:end]:
            line, column = self._lines.position(start)
            element.text, self.at = Value(self.text[start:end], False, line, column), end

    def _element(self) -> tuple[Element, bool]:
        line, column = self._lines.position(self.at)
        self.at += 1
        element = Element(self._name("an element"), line, column)
        while True:
            self._blank()
            if self.text.startswith("/>", self.at):
                self.at += 2
                return element, True
            if self.text.startswith(">", self.at):
                self.at += 1
                return element, False
            start = self.at
            name = self._name(f"an attribute of <{element.name}>")
            if name in element.attributes:
                raise self.fail(f"attribute {name} of <{element.name}> is there twice", start)
            self._blank()
            self._expect("=")
            self._blank()
            quote = self.text[self.at : self.at + 1]
            if quote not in {'"', "'"}:
                raise self.fail(f"attribute {name} of <{element.name}> has no quotes")
            self.at += 1
            line, column = self._lines.position(self.at)
            element.attributes[name] = self._value(quote) or Value("", False, line, column)
            self._expect(quote)

    def _value(self, end: str) -> Value | None:
        """Up to, not including, `end`. None for blanks between elements."""
        start = self.at
        begin = self._skip_blank(start)
        if self.text.startswith(("@(", "@{"), begin):
            line, column = self._lines.position(begin)
            after: int | ExpressionError
            try:
                after = scan_expression(self.text, begin)
            except ExpressionError as error:
                after = error
            escaped = self._escaped(begin, after, end)
            if escaped is not None:
                return Value(escaped, True, line, column)
            if isinstance(after, ExpressionError):
                raise DocumentError(after.message, document=self.document, line=after.line, column=after.column)
            rest = self._skip_blank(after)
            if not self.text.startswith(end, rest):
                raise self.fail("text after an expression: a value is one expression or none", rest)
            self.at = rest
            return Value(self.text[begin:after], True, line, column)
        stop = self.text.find(end, start)
        if stop < 0:
            if end == "<" and not self.text[start:].strip():
                self.at = len(self.text)
                return None
            raise self.fail("the value does not end", start)
        raw = self.text[start:stop]
        if end != "<" and "<" in raw:
            raise self.fail("'<' in an attribute is written &lt;", start + raw.index("<"))
        if (bad := _ENTITY.search(raw)) is not None:
            raise self.fail("'&' is written &amp;", start + bad.start())
        self.at = stop
        if end == "<" and not raw.strip():
            return None
        line, column = self._lines.position(start)
        return Value(html.unescape(raw), False, line, column)

    def _escaped(self, begin: int, after: int | ExpressionError, end: str) -> str | None:
        """The expression at `begin` with its entities decoded, if it is written with entities.

        `after`: where it ends as it is written, or why it does not.
        """
        if isinstance(after, ExpressionError) or not self.text.startswith(end, self._skip_blank(after)):
            # Quotes that are entities do not hide the quote behind the value.
            after = self.text.find(end, begin)
        raw = self.text[begin:after]
        if after < 0 or "&" not in raw or not _ESCAPED.search(_LITERAL.sub('""', raw)):
            return None
        decoded = _ESCAPED.sub(lambda match: html.unescape(match[0]), raw).rstrip()
        if not _scans(decoded):
            return None
        self.at = self._skip_blank(after)
        return decoded

    def _name(self, what: str) -> str:
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self.fail(f"{what} needs a name here")
        self.at = match.end()
        return match.group()

    def _expect(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise self.fail(f"{token!r} is missing here")
        self.at += len(token)

    def _blank(self) -> None:
        self.at = self._skip_blank(self.at)

    def _skip_blank(self, at: int) -> int:
        if " " < self.text[at : at + 1] < "\x7f":
            return at
        match = _BLANK.match(self.text, at)
        assert match is not None
        return match.end()


def _scans(text: str) -> bool:
    """Whether a text is one expression."""
    try:
        return text.startswith(("@(", "@{")) and scan_expression(text, 0) == len(text)
    except ExpressionError:
        return False
