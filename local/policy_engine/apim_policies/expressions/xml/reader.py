"""XML texts as trees: what XmlReader refuses is an XmlException, document types and names beyond ASCII are not modelled.

The parser of the C library finds what is well-formed; namespaces and white space follow .NET.
"""

import re
from typing import Any
from xml.parsers import expat

from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import joined, utf16
from apim_policies.expressions.xml.names import NONE, XML, XMLNS, XName, XNamespace, name_in, space_of
from apim_policies.expressions.xml.nodes import (
    XAttribute,
    XCData,
    XComment,
    XContainer,
    XDeclaration,
    XDocument,
    XElement,
    XProcessingInstruction,
    XText,
)

_BLANK = " \t\r\n"
_DEPTH = 256


def parse_document(text: str | None) -> XDocument:
    """`XDocument.Parse`.

    Raises:
        CSharpException: ArgumentNullException, XmlException.
    """
    if text is None:
        raise argument_null("text")
    return _Reader().document(text)


def parse_element(text: str | None) -> XElement:
    """`XElement.Parse`: what stands beside the element is not kept."""
    root = parse_document(text).root
    assert root is not None
    for node in [*root.parent.nodes] if root.parent is not None else []:
        node.parent = None
    return root


def _refused(why: object) -> CSharpException:
    return CSharpException("System.Xml.XmlException", f"This is not XML: {why}.")


class _Reader:
    def __init__(self) -> None:
        self.result = XDocument()
        self.at: XContainer = self.result
        self.scopes: list[dict[str, XNamespace]] = [{"": NONE, "xml": space_of(XML)}]
        self.keeps = [False]
        """Whether white space is kept, by xml:space, for the elements around this place."""
        self.parts: list[str] = []
        self.parser = expat.ParserCreate("utf-8")
        self.bytes = b""

    def document(self, text: str) -> XDocument:
        if text.startswith("\ufeff"):
            raise _refused("it begins with a byte order mark")
        plain = joined(text)
        if re.search("[\ud800-\udfff]", plain):
            raise _refused("half a character")
        parser = self.parser
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.parts.append
        parser.StartCdataSectionHandler = self.start_data
        parser.EndCdataSectionHandler = self.end_data
        parser.CommentHandler = self.comment
        parser.ProcessingInstructionHandler = self.instruction
        parser.XmlDeclHandler = self.declaration
        parser.StartDoctypeDeclHandler = self.document_type
        try:
            self.bytes = plain.encode()
            parser.Parse(self.bytes, True)
        except expat.ExpatError as error:
            raise _refused(error) from None
        return self.result

    def document_type(self, *given: Any) -> None:
        raise NotImplementedError("XML with a document type")

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise _refused(f"the version is {version}")
        named = {1: "yes", 0: "no"}.get(standalone)
        self.result.declaration = XDeclaration(version, encoding, named)

    def start(self, name: str, given: list[str]) -> None:
        self.flush()
        if len(self.scopes) > _DEPTH:
            raise NotImplementedError("XML of this depth")
        pairs = list(zip(given[::2], given[1::2], strict=True))
        scope = dict(self.scopes[-1])
        for key, value in pairs:
            prefix = "" if key == "xmlns" else key.removeprefix("xmlns:") if key.startswith("xmlns:") else None
            if prefix is not None:
                self.declare(scope, prefix, value)
        element = XElement(self.name(name, scope, element=True))
        keeps = self.keeps[-1]
        for key, value in pairs:
            attribute = XAttribute(self.name(key, scope, element=False), utf16(value))
            if element.attribute(attribute.name) is not None:
                raise _refused(f"the attribute {key} is there twice")
            if key == "xml:space":
                if value not in {"preserve", "default"}:
                    raise NotImplementedError(f"xml:space={value!r}")
                keeps = value == "preserve"
            attribute.parent = element
            element.attributes.append(attribute)
        element.parent = self.at
        self.at.nodes.append(element)
        self.at = element
        self.scopes.append(scope)
        self.keeps.append(keeps)

    @staticmethod
    def declare(scope: dict[str, XNamespace], prefix: str, uri: str) -> None:
        if prefix and not uri:
            raise _refused("a prefix has no namespace")
        if prefix in {"xml", "xmlns"} or uri in {XML, XMLNS}:
            raise NotImplementedError(f"a declaration of the namespace {uri}")
        scope[prefix] = space_of(utf16(uri))

    @staticmethod
    def name(name: str, scope: dict[str, XNamespace], *, element: bool) -> XName:
        prefix, colon, local = name.rpartition(":")
        if ":" in prefix or (colon and not (prefix and local)):
            raise _refused(f"the name {name}")
        if not name.isascii():
            raise NotImplementedError(f"the XML name {name!r} beyond ASCII")
        if not element and name == "xmlns":
            return name_in(NONE, "xmlns")
        if prefix == "xmlns":
            return name_in(space_of(XMLNS), local)
        if prefix and prefix not in scope:
            raise _refused(f"the prefix {prefix} is not declared")
        return name_in(scope[prefix] if prefix or element else NONE, local)

    def end(self, name: str) -> None:
        self.flush()
        assert self.at.parent is not None
        # The parser stands behind the tag of `<a />`, and before the end tag of `<a></a>`.
        at = self.parser.CurrentByteIndex
        self.at.full = bool(self.at.nodes) or self.bytes[at - 2 : at] != b"/>"
        self.at = self.at.parent
        self.scopes.pop()
        self.keeps.pop()

    def flush(self) -> None:
        text = utf16("".join(self.parts))
        self.parts.clear()
        if text and self.at is not self.result and (self.keeps[-1] or text.strip(_BLANK)):
            self.append_text(XText(text))

    def append_text(self, node: XText) -> None:
        node.parent = self.at
        self.at.nodes.append(node)

    def start_data(self) -> None:
        self.flush()

    def end_data(self) -> None:
        text = utf16("".join(self.parts))
        self.parts.clear()
        self.append_text(XCData(text))

    def comment(self, text: str) -> None:
        self.flush()
        node = XComment(utf16(text))
        node.parent = self.at
        self.at.nodes.append(node)

    def instruction(self, target: str, data: str) -> None:
        self.flush()
        if target.lower() == "xml" or ":" in target:
            raise _refused(f"the processing instruction {target}")
        node = XProcessingInstruction(target, utf16(data))
        node.parent = self.at
        self.at.nodes.append(node)
