"""The nodes of System.Xml.Linq's trees."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failing import argument_null, invalid_operation
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.xml.names import XMLNS, XName


class XObject:
    """Base of nodes and attributes."""

    __slots__ = ("parent",)
    type = Type("XObject")
    kind = "None"

    def __init__(self) -> None:
        self.parent: XContainer | None = None

    def detached(self) -> "XContainer":
        """The parent of what is to be taken out."""
        if self.parent is None:
            raise invalid_operation("The parent is missing.")
        return self.parent


class XNode(XObject):
    __slots__ = ()
    type = Type("XNode")

    def clone(self) -> "XNode":
        raise NotImplementedError

    def remove(self) -> None:
        parent = self.detached()
        del parent.nodes[parent.place(self)]
        self.parent = None
        if not parent.nodes:
            parent.full = False
        parent.changed()


class XText(XNode):
    __slots__ = ("value",)
    type = Type("XText")
    kind = "Text"

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def clone(self) -> "XText":
        return self.__class__(self.value)


class XCData(XText):
    __slots__ = ()
    type = Type("XCData")
    kind = "CDATA"


class XComment(XNode):
    __slots__ = ("value",)
    type = Type("XComment")
    kind = "Comment"

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def clone(self) -> "XComment":
        return XComment(self.value)


class XProcessingInstruction(XNode):
    __slots__ = ("data", "target")
    type = Type("XProcessingInstruction")
    kind = "ProcessingInstruction"

    def __init__(self, target: str, data: str) -> None:
        super().__init__()
        self.target, self.data = target, data

    def clone(self) -> "XProcessingInstruction":
        return XProcessingInstruction(self.target, self.data)


class XContainer(XNode):
    __slots__ = ("below", "changes", "full", "nodes")
    type = Type("XContainer")

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[XNode] = []
        self.full = False
        """Whether it has an end tag although it is empty."""
        self.changes = 0
        """How often its own nodes changed, and those of all below it."""
        self.below = 0

    def changed(self) -> None:
        self.changes += 1
        at: XContainer | None = self
        while at is not None:
            at.below += 1
            at = at.parent

    def place(self, node: XNode) -> int:
        return next(n for n, each in enumerate(self.nodes) if each is node)

    def elements(self, name: XName | None = None) -> Iterator["XElement"]:
        """The child elements. What changes meanwhile is not modelled: .NET then leaves some out."""
        before = self.changes
        for node in list(self.nodes):
            if isinstance(node, XElement) and (name is None or node.name is name):
                yield node
                if self.changes != before:
                    raise NotImplementedError("a change of XML elements while they are gone through")

    def each_node(self) -> Iterator[XNode]:
        before = self.changes
        for node in list(self.nodes):
            yield node
            if self.changes != before:
                raise NotImplementedError("a change of XML nodes while they are gone through")

    def descendants(self, name: XName | None = None, *, itself: bool = False) -> Iterator["XElement"]:
        before = self.below
        for element in self._descendants(itself):
            if name is None or element.name is name:
                yield element
                if self.below != before:
                    raise NotImplementedError("a change of XML elements while they are gone through")

    def _descendants(self, itself: bool) -> Iterator["XElement"]:
        if itself and isinstance(self, XElement):
            yield self
        for node in self.nodes:
            if isinstance(node, XElement):
                yield from node._descendants(True)

    def add(self, content: Any, texts: Callable[[Any], Any], at: int | None = None) -> int:
        """Puts content at a place, or at the end; says how many nodes came in.

        Args:
            content: A node, a text, or a list of such; null is nothing.
            texts: What makes a node, a text or a list of an object.
            at: The place.
        """
        content = texts(content)
        if content is None:
            return 0
        if isinstance(content, list):
            count = 0
            for one in content:
                count += self.add(one, texts, None if at is None else at + count)
            return count
        if isinstance(content, XAttribute):
            if at is not None:
                # Only at the end, as a part of the element itself.
                raise CSharpException("System.ArgumentException", "An attribute cannot be added to content.")
            self.add_attribute(content)
            return 0
        if isinstance(content, str):
            return self._add_text(content, at)
        self.accept(content)
        root: XContainer = self
        while root.parent is not None:
            root = root.parent
        node = content.clone() if content.parent is not None or content is root else content
        node.parent = self
        self.nodes.insert(len(self.nodes) if at is None else at, node)
        self.changed()
        return 1

    def _add_text(self, text: str, at: int | None) -> int:
        place = len(self.nodes) if at is None else at
        before = self.nodes[place - 1] if place else None
        if before is not None and before.__class__ is XText:
            if text:
                before.value += text  # type: ignore[attr-defined]
            return 0
        if text == "":
            if at is not None and self.nodes:
                raise NotImplementedError("an empty text put before other XML nodes")
            if not self.nodes:
                self.full = True
                self.changed()
            return 0
        self.accept(text)
        node = XText(text)
        node.parent = self
        self.nodes.insert(place, node)
        self.changed()
        return 1

    def accept(self, content: "XNode | str") -> None:
        """
        Raises:
            CSharpException: such content does not belong here.
        """
        if isinstance(content, XDocument):
            raise CSharpException("System.ArgumentException", "A node of type Document cannot be added to content.")

    def add_attribute(self, attribute: "XAttribute") -> None:
        raise CSharpException("System.ArgumentException", "An attribute cannot be added to content.")

    def remove_nodes(self) -> None:
        for node in self.nodes:
            node.parent = None
        self.nodes.clear()
        self.full = False
        self.changed()

    def value_text(self) -> str:
        return "".join(
            node.value if isinstance(node, XText) else node.value_text() if isinstance(node, XElement) else ""
            for node in self.nodes
        )

    def first_element(self, name: XName | None) -> "XElement | None":
        return next(
            (node for node in self.nodes if isinstance(node, XElement) and node.name is name and name is not None), None
        )


class XAttribute(XObject):
    __slots__ = ("name", "value")
    type = Type("XAttribute")
    kind = "Attribute"

    def __init__(self, name: XName, value: str) -> None:
        super().__init__()
        self.name, self.value = name, value

    @property
    def declares(self) -> bool:
        """Whether it is a namespace declaration."""
        return self.name.namespace.uri == XMLNS or (self.name.local == "xmlns" and not self.name.namespace.uri)

    def clone(self) -> "XAttribute":
        return XAttribute(self.name, self.value)

    def remove(self) -> None:
        parent = self.detached()
        assert isinstance(parent, XElement)
        parent.attributes = [each for each in parent.attributes if each is not self]
        parent.attribute_changes += 1
        self.parent = None


class XElement(XContainer):
    __slots__ = ("attribute_changes", "attributes", "name")
    type = Type("XElement")
    kind = "Element"

    def __init__(self, name: XName | None) -> None:
        super().__init__()
        if name is None:
            raise argument_null("name")
        self.name = name
        self.attributes: list[XAttribute] = []
        self.attribute_changes = 0

    def clone(self) -> "XElement":
        copy = XElement(self.name)
        copy.full = self.full
        for attribute in self.attributes:
            copy.add_attribute(attribute.clone())
        for node in self.nodes:
            inner = node.clone()
            inner.parent = copy
            copy.nodes.append(inner)
        return copy

    def attribute(self, name: XName | None) -> XAttribute | None:
        return next((each for each in self.attributes if each.name is name), None)

    def each_attribute(self, name: XName | None = None) -> Iterator[XAttribute]:
        before = self.attribute_changes
        for each in list(self.attributes):
            if name is None or each.name is name:
                yield each
                if self.attribute_changes != before:
                    raise NotImplementedError("a change of XML attributes while they are gone through")

    def add_attribute(self, attribute: XAttribute) -> None:
        if self.attribute(attribute.name) is not None:
            raise invalid_operation("Duplicate attribute.")
        own = attribute.clone() if attribute.parent is not None else attribute
        own.parent = self
        self.attributes.append(own)
        self.attribute_changes += 1

    def ancestors(self, *, itself: bool = False) -> Iterable["XElement"]:
        at: XContainer | None = self if itself else self.parent
        while isinstance(at, XElement):
            yield at
            at = at.parent


class XDeclaration:
    type = Type("XDeclaration")

    def __init__(self, version: str | None, encoding: str | None, standalone: str | None) -> None:
        self.version, self.encoding, self.standalone = version, encoding, standalone

    def text(self) -> str:
        parts = [("version", self.version), ("encoding", self.encoding), ("standalone", self.standalone)]
        return "<?xml" + "".join(f' {name}="{value}"' for name, value in parts if value is not None) + "?>"


class XDocument(XContainer):
    __slots__ = ("declaration",)
    type = Type("XDocument")
    kind = "Document"

    def __init__(self) -> None:
        super().__init__()
        self.declaration: XDeclaration | None = None

    @property
    def root(self) -> XElement | None:
        return next((node for node in self.nodes if isinstance(node, XElement)), None)

    def clone(self) -> "XNode":
        raise NotImplementedError("a copy of an XDocument")

    def accept(self, content: XNode | str) -> None:
        super().accept(content)
        if isinstance(content, str):
            if content.strip(" \t\r\n"):
                raise CSharpException(
                    "System.ArgumentException", "Non-whitespace characters cannot be added to content."
                )
            raise NotImplementedError("white space beside the root of an XDocument")
        if isinstance(content, XCData):
            raise CSharpException("System.ArgumentException", "A node of type CDATA cannot be added to content.")
        if isinstance(content, XText):
            raise NotImplementedError("a text in an XDocument")
        if isinstance(content, XElement) and self.root is not None:
            raise invalid_operation("This operation would create an incorrectly structured document.")
