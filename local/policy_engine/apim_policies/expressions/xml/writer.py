"""Trees as texts, as XmlWriter writes them for `ToString()`: indented where no text stands between the elements."""

import re

from apim_policies.expressions.newtonsoft.texts import NEWLINE
from apim_policies.expressions.xml.names import XML, XMLNS, XName
from apim_policies.expressions.xml.nodes import (
    XAttribute,
    XCData,
    XComment,
    XDocument,
    XElement,
    XNode,
    XObject,
    XProcessingInstruction,
    XText,
)

_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ATTRIBUTE = {**_TEXT, '"': "&quot;", "\r": "&#xD;", "\n": "&#xA;", "\t": "&#x9;"}
_INVALID = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
)
_RESERVED = {XMLNS: "xmlns", XML: "xml"}
_LINE = re.compile("\r\n|\r|\n")


def written(node: XObject) -> str:
    """`ToString()`."""
    if isinstance(node, XAttribute):
        return _attribute_text(node)
    writer = _Writer(node)
    assert isinstance(node, XNode)
    for one in node.nodes if isinstance(node, XDocument) else [node]:
        writer.node(one)
    return "".join(writer.out)


def _escaped(text: str, table: dict[str, str], newline: str | None) -> str:
    if _INVALID.search(text):
        raise NotImplementedError("characters in XML that XML does not have")
    plain = text if newline is None else _LINE.sub("\n", text)
    result = "".join(table.get(unit, unit) for unit in plain)
    return result if newline is None else result.replace("\n", newline)


def _attribute_text(attribute: XAttribute) -> str:
    name, uri = attribute.name.local, attribute.name.namespace.uri
    if uri == XMLNS:
        name = f"xmlns:{name}"
    elif uri == XML:
        name = f"xml:{name}"
    elif uri:
        parent = attribute.parent
        found = _Prefixes(parent if isinstance(parent, XElement) else None).of(uri, default=False)
        if found is None:
            raise NotImplementedError("an XML attribute whose namespace has no prefix")
        name = f"{found}:{name}"
    return f'{name}="{_escaped(attribute.value, _ATTRIBUTE, None)}"'


class _Prefixes:
    """The declared prefixes around a node: the last declaration of a namespace counts."""

    def __init__(self, element: XElement | None) -> None:
        self.declared: list[tuple[str, str]] = []
        around = list(element.ancestors(itself=True))[::-1] if element is not None else []
        for each in around:
            self.enter(each)
        self.outside = len(self.declared)
        """How many of them are not in what is written."""

    def enter(self, element: XElement) -> int:
        before = len(self.declared)
        for attribute in element.attributes:
            if attribute.declares:
                prefix = attribute.name.local if attribute.name.namespace.uri else ""
                self.declared.append((prefix, attribute.value))
        return before

    def leave(self, before: int) -> None:
        del self.declared[before:]

    def of(self, uri: str, *, default: bool) -> str | None:
        seen: set[str] = set()
        found: list[tuple[str, bool]] = []
        for n, (prefix, value) in reversed(list(enumerate(self.declared))):
            if value == uri and prefix not in seen and (prefix or default):
                found.append((prefix, n < self.outside))
            seen.add(prefix)
        if len(found) > 1 and any(outside for _, outside in found):
            raise NotImplementedError("one of several prefixes for an XML namespace")
        return found[0][0] if found else None


class _Writer:
    def __init__(self, start: XObject) -> None:
        self.out: list[str] = []
        self.newline = NEWLINE.get()
        self.level = 0
        self.mixed = False
        parent = start.parent
        self.prefixes = _Prefixes(parent if isinstance(parent, XElement) else None)
        """What the tree declares, also around what is written."""
        self.shown: list[dict[str, str]] = [{"": "", "xml": XML}]
        """What is declared in the text so far."""

    def node(self, node: XNode) -> None:
        match node:
            case XElement():
                self.element(node)
            case XCData():
                self.mixed = True
                self.out.append(f"<![CDATA[{self.plain(node.value, ']]>')}]]>")
            case XText():
                self.mixed = True
                self.out.append(_escaped(node.value, _TEXT, self.newline))
            case XComment():
                self.indent()
                self.out.append(f"<!--{self.plain(node.value, '--')}-->")
            case XProcessingInstruction():
                self.indent()
                data = f" {self.plain(node.data, '?>')}" if node.data else ""
                self.out.append(f"<?{node.target}{data}?>")
            case _:
                raise NotImplementedError(f"the text of a {node.__class__.__name__}")

    def plain(self, text: str, end: str) -> str:
        if end in text or (end == "--" and text.endswith("-")) or _INVALID.search(text):
            raise NotImplementedError(f"{end!r} in an XML comment, CDATA or instruction")
        return _LINE.sub(lambda _: self.newline, text)

    def indent(self) -> None:
        if self.out and not self.mixed:
            self.out.append(self.newline + "  " * self.level)

    def element(self, element: XElement) -> None:
        before = self.prefixes.enter(element)
        shown = dict(self.shown[-1])
        own: dict[str, str] = {}
        explicit = {(a.name.local if a.name.namespace.uri else ""): a.value for a in element.attributes if a.declares}
        self.indent()
        name = self.qualified(element.name, shown, own, explicit)
        parts = [f"<{name}"]
        for attribute in element.attributes:
            parts.append(f" {self.attribute(attribute, shown, own, explicit)}")
        for prefix, uri in reversed(own.items()):
            declared = f"xmlns:{prefix}" if prefix else "xmlns"
            parts.append(f' {declared}="{_escaped(uri, _ATTRIBUTE, None)}"')
        self.out.append("".join(parts))
        if element.nodes or element.full:
            self.out.append(">")
            self.shown.append({**shown, **explicit, **own})
            outer = self.mixed
            self.level += 1
            for node in element.nodes:
                self.node(node)
            self.level -= 1
            if element.nodes:
                self.indent()
            self.mixed = outer
            self.shown.pop()
            self.out.append(f"</{name}>")
        else:
            self.out.append(" />")
        self.prefixes.leave(before)

    def qualified(self, name: XName, shown: dict[str, str], own: dict[str, str], explicit: dict[str, str]) -> str:
        """The name of an element, whose namespace is declared in its tag if it is not yet."""
        uri = name.namespace.uri
        prefix = self.prefixes.of(uri, default=True) if uri else ""
        if prefix is None:
            if uri == XML:
                raise NotImplementedError("an XML element in the namespace of xml")
            prefix = next((p for p, u in reversed(shown.items()) if u == uri), "")
        self.settle(prefix, uri, shown, own, explicit)
        return f"{prefix}:{name.local}" if prefix else name.local

    @staticmethod
    def settle(prefix: str, uri: str, shown: dict[str, str], own: dict[str, str], explicit: dict[str, str]) -> None:
        if prefix in explicit:
            if explicit[prefix] != uri:
                raise NotImplementedError("an XML name whose prefix means another namespace there")
        elif shown.get(prefix) != uri:
            if own.get(prefix, uri) != uri:
                raise NotImplementedError("an XML name whose prefix means another namespace there")
            own[prefix] = uri

    def attribute(
        self, attribute: XAttribute, shown: dict[str, str], own: dict[str, str], explicit: dict[str, str]
    ) -> str:
        uri = attribute.name.namespace.uri
        if uri and uri not in (XMLNS, XML):
            prefix = self.prefixes.of(uri, default=False)
            if prefix is None:
                raise NotImplementedError("an XML attribute whose namespace has no prefix")
            self.settle(prefix, uri, shown, own, explicit)
        name = attribute.name.local
        if uri:
            name = f"{_RESERVED.get(uri) or self.prefixes.of(uri, default=False)}:{name}"
        return f'{name}="{_escaped(attribute.value, _ATTRIBUTE, None)}"'
