"""Namespace System.Xml.Linq, and System.Xml's XmlNodeType."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.objects.xml_changes import (
    alone,
    append,
    append_all,
    beside,
    copy_of,
    declared_document,
    needed_text,
    new_attribute,
    new_document,
    new_element,
    put_first,
    put_first_all,
    remove_all,
    remove_attributes,
    replace_with,
    set_attribute,
    set_attribute_value,
    set_element_value,
    set_name,
    set_object,
    set_text,
    set_value,
)
from apim_policies.expressions.objects.xml_content import content_text
from apim_policies.expressions.types import BOOL, OBJECT, STRING, VOID, Type, generic
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.xml.names import (
    NONE,
    XML,
    XMLNS,
    XName,
    XNamespace,
    name_in,
    name_of,
    space_of,
)
from apim_policies.expressions.xml.nodes import (
    XAttribute,
    XCData,
    XComment,
    XContainer,
    XDeclaration,
    XDocument,
    XElement,
    XNode,
    XObject,
    XText,
)
from apim_policies.expressions.xml.reader import parse_document, parse_element
from apim_policies.expressions.xml.writer import written

_NAME = XName.type
_SPACE = XNamespace.type
_OBJECT = XObject.type
_NODE = XNode.type
_ELEMENT = XElement.type
_ATTRIBUTE = XAttribute.type
_DOCUMENT = XDocument.type
_CONTAINER = XContainer.type
_DECLARATION = XDeclaration.type
_KIND = Type("XmlNodeType")


_ELEMENTS, _ATTRIBUTES, _NODES = (generic("IEnumerable", type) for type in (_ELEMENT, _ATTRIBUTE, _NODE))


def _sibling(step: int) -> Callable[[XNode], XNode | None]:
    def get(node: XNode) -> XNode | None:
        if node.parent is None:
            return None
        at = node.parent.place(node) + step
        return node.parent.nodes[at] if 0 <= at < len(node.parent.nodes) else None

    return get


def _parent(node: XObject) -> XElement | None:
    return node.parent if isinstance(node.parent, XElement) else None


def _document(node: XObject) -> XDocument | None:
    at: XObject | None = node
    while at is not None and not isinstance(at, XDocument):
        at = at.parent
    return at


def _named(go: Callable[[Any, XName | None], Any], element: Type) -> list[Method]:
    """`Elements()` and its like, with and without a name; null is no name that anything has."""
    type_ = generic("IEnumerable", element)
    return [
        Method((), type_, lambda node: Sequence(lambda: go(node, None), element)),
        Method((_NAME,), type_, lambda node, name: Sequence(lambda: go(node, name) if name is not None else [], element)),
    ]  # fmt: skip


def _varied(one: Callable[[Any, Any], None], all: Callable[[Any, Any], None]) -> list[Method]:
    """`Add(content)` and `Add(params contents)`."""
    return [Method((OBJECT,), VOID, one), Method((), VOID, all, rest=OBJECT)]


def _strings(element: XElement | XAttribute | None) -> str | None:
    """`(string)element`: null for null."""
    if element is None:
        return None
    return element.value if isinstance(element, XAttribute) else element.value_text()


def _space_of_prefix(element: XElement, prefix: str | None) -> XNamespace | None:
    if prefix is None:
        raise argument_null("prefix")
    if not prefix:
        raise CSharpException("System.ArgumentException", f"'{prefix}' is an invalid prefix.")
    if prefix in {"xml", "xmlns"}:
        return space_of(XML if prefix == "xml" else XMLNS)
    for each in element.ancestors(itself=True):
        for attribute in each.attributes:
            if attribute.name.namespace.uri == XMLNS and attribute.name.local == prefix:
                return space_of(attribute.value)
    return None


def _default_space(element: XElement) -> XNamespace:
    for each in element.ancestors(itself=True):
        for attribute in each.attributes:
            if attribute.declares and not attribute.name.namespace.uri:
                return space_of(attribute.value)
    return NONE


_TO_STRING = {"ToString": [Method((), STRING, written)]}
_ADDING = {"Add": _varied(append, append_all), "AddFirst": _varied(put_first, put_first_all)}
MODELS: dict[str, Model] = {
    "XName": Model(
        methods={"ToString": [Method((), STRING, XName.text)]},
        properties={
            "LocalName": Property(STRING, lambda name: name.local),
            "Namespace": Property(_SPACE, lambda name: name.namespace),
            "NamespaceName": Property(STRING, lambda name: name.namespace.uri),
        },
        statics={
            "Get": [
                Method((STRING,), _NAME, name_of),
                Method((STRING, STRING), _NAME, lambda local, uri: name_in(space_of(uri), local)),
            ]
        },
    ),
    "XNamespace": Model(
        methods={
            "ToString": [Method((), STRING, XNamespace.text)],
            "GetName": [Method((STRING,), _NAME, name_in)],
        },
        properties={"NamespaceName": Property(STRING, lambda space: space.uri)},
        statics={"Get": [Method((STRING,), _SPACE, space_of)]},
        static_properties={
            "None": Property(_SPACE, lambda: NONE),
            "Xml": Property(_SPACE, lambda: space_of(XML)),
            "Xmlns": Property(_SPACE, lambda: space_of(XMLNS)),
        },
    ),
    "XObject": Model(
        properties={
            "Parent": Property(_ELEMENT, _parent),
            "Document": Property(_DOCUMENT, _document),
            "NodeType": Property(_KIND, lambda node: node.kind),
        },
    ),
    "XNode": Model(
        methods={
            **_TO_STRING,
            "Remove": [Method((), VOID, XNode.remove)],
            "AddAfterSelf": _varied(alone(beside(1)), beside(1)),
            "AddBeforeSelf": _varied(alone(beside(0)), beside(0)),
            "ReplaceWith": _varied(alone(replace_with), replace_with),
            "Ancestors": _named(
                lambda node, name: (e for e in (node.parent.ancestors(itself=True) if isinstance(node.parent, XElement) else ()) if name is None or e.name is name),
                _ELEMENT,
            ),
        },
        properties={
            "NextNode": Property(_NODE, _sibling(1)),
            "PreviousNode": Property(_NODE, _sibling(-1)),
        },
    ),
    "XContainer": Model(
        methods={
            **_ADDING,
            "Element": [Method((_NAME,), _ELEMENT, XContainer.first_element)],
            "Elements": _named(XContainer.elements, _ELEMENT),
            "Descendants": _named(XContainer.descendants, _ELEMENT),
            "Nodes": [Method((), _NODES, lambda node: Sequence(node.each_node, _NODE))],
            "RemoveNodes": [Method((), VOID, XContainer.remove_nodes)],
        },
        properties={
            "FirstNode": Property(_NODE, lambda node: node.nodes[0] if node.nodes else None),
            "LastNode": Property(_NODE, lambda node: node.nodes[-1] if node.nodes else None),
        },
    ),
    "XElement": Model(
        methods={
            **_TO_STRING,
            **_ADDING,
            "Attribute": [Method((_NAME,), _ATTRIBUTE, XElement.attribute)],
            "Attributes": _named(XElement.each_attribute, _ATTRIBUTE),
            "DescendantsAndSelf": _named(
                lambda node, name: node.descendants(name, itself=True), _ELEMENT
            ),
            "AncestorsAndSelf": _named(
                lambda node, name: (e for e in node.ancestors(itself=True) if name is None or e.name is name), _ELEMENT
            ),
            "SetAttributeValue": [Method((_NAME, OBJECT), VOID, set_attribute_value)],
            "SetElementValue": [Method((_NAME, OBJECT), VOID, set_element_value)],
            "SetValue": [Method((OBJECT,), VOID, set_object)],
            "RemoveAll": [Method((), VOID, remove_all)],
            "RemoveAttributes": [Method((), VOID, remove_attributes)],
            "GetNamespaceOfPrefix": [Method((STRING,), _SPACE, _space_of_prefix)],
            "GetDefaultNamespace": [Method((), _SPACE, _default_space)],
        },
        properties={
            "Name": Property(_NAME, lambda element: element.name, put=set_name),
            "Value": Property(STRING, XElement.value_text, put=set_value),
            "HasElements": Property(BOOL, lambda element: any(isinstance(node, XElement) for node in element.nodes)),
            "HasAttributes": Property(BOOL, lambda element: bool(element.attributes)),
            "IsEmpty": Property(BOOL, lambda element: not element.nodes and not element.full),
            "FirstAttribute": Property(_ATTRIBUTE, lambda element: element.attributes[0] if element.attributes else None),
            "LastAttribute": Property(_ATTRIBUTE, lambda element: element.attributes[-1] if element.attributes else None),
        },
        statics={"Parse": [Method((STRING,), _ELEMENT, parse_element)]},
        constructors=[
            Method((_ELEMENT,), _ELEMENT, copy_of),
            Method((_NAME,), _ELEMENT, new_element),
            Method((_NAME, OBJECT), _ELEMENT, lambda name, content: new_element(name, [content])),
            Method((_NAME,), _ELEMENT, new_element, rest=OBJECT),
        ],
    ),
    "XDocument": Model(
        methods={**_TO_STRING, **_ADDING},
        properties={
            "Root": Property(_ELEMENT, lambda document: document.root),
            "Declaration": Property(
                _DECLARATION, lambda document: document.declaration, put=lambda owner, value: setattr(owner, "declaration", value)
            ),
        },
        statics={"Parse": [Method((STRING,), _DOCUMENT, parse_document)]},
        constructors=[
            Method((), _DOCUMENT, XDocument),
            Method((_DOCUMENT,), _DOCUMENT, copy_of),
            Method((), _DOCUMENT, new_document, rest=OBJECT),
            Method((_DECLARATION,), _DOCUMENT, declared_document, rest=OBJECT),
        ],
    ),
    "XAttribute": Model(
        methods={
            **_TO_STRING,
            "Remove": [Method((), VOID, XAttribute.remove)],
            "SetValue": [Method((OBJECT,), VOID, lambda attribute, value: set_attribute(attribute, content_text(value)))],
        },
        properties={
            "Name": Property(_NAME, lambda attribute: attribute.name),
            "Value": Property(STRING, lambda attribute: attribute.value, put=set_attribute),
            "IsNamespaceDeclaration": Property(BOOL, lambda attribute: attribute.declares),
        },
        constructors=[Method((_NAME, OBJECT), _ATTRIBUTE, new_attribute)],
    ),
    "XText": Model(
        methods=_TO_STRING,
        properties={"Value": Property(STRING, lambda node: node.value, put=set_text)},
        constructors=[Method((STRING,), XText.type, lambda text: XText(needed_text(text)))],
    ),
    "XCData": Model(constructors=[Method((STRING,), XCData.type, lambda text: XCData(needed_text(text)))]),
    "XComment": Model(
        methods=_TO_STRING,
        properties={"Value": Property(STRING, lambda node: node.value, put=set_text)},
        constructors=[Method((STRING,), XComment.type, lambda text: XComment(needed_text(text)))],
    ),
    "XProcessingInstruction": Model(
        properties={
            "Target": Property(STRING, lambda node: node.target),
            "Data": Property(STRING, lambda node: node.data),
        },
    ),
    "XDeclaration": Model(
        methods={"ToString": [Method((), STRING, XDeclaration.text)]},
        properties={
            "Version": Property(STRING, lambda declaration: declaration.version),
            "Encoding": Property(STRING, lambda declaration: declaration.encoding),
            "Standalone": Property(STRING, lambda declaration: declaration.standalone),
        },
        constructors=[Method((STRING, STRING, STRING), _DECLARATION, XDeclaration)],
    ),
}  # fmt: skip


NAMES = dict.fromkeys(MODELS, "System.Xml.Linq")
