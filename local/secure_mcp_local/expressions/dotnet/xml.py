"""Namespace System.Xml.Linq, and System.Xml's XmlNodeType."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from secure_mcp_local.expressions.containers import Array, Dictionary, HashSet, List
from secure_mcp_local.expressions.conversions import boxed
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property
from secure_mcp_local.expressions.failing import argument_null
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.newtonsoft.texts import number_text
from secure_mcp_local.expressions.numbers import Char
from secure_mcp_local.expressions.runtime import type_of
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.types import BOOL, DOUBLE, OBJECT, STRING, VOID, Type, generic
from secure_mcp_local.expressions.xml.names import (
    NONE,
    XML,
    XMLNS,
    XName,
    XNamespace,
    name_in,
    name_of,
    space_of,
)
from secure_mcp_local.expressions.xml.nodes import (
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
from secure_mcp_local.expressions.xml.reader import parse_document, parse_element
from secure_mcp_local.expressions.xml.writer import written

_NAME, _SPACE, _OBJECT, _NODE = XName.type, XNamespace.type, XObject.type, XNode.type
_ELEMENT, _ATTRIBUTE, _DOCUMENT, _CONTAINER = XElement.type, XAttribute.type, XDocument.type, XContainer.type
_DECLARATION = XDeclaration.type
_KIND = Type("XmlNodeType")
_ELEMENTS, _ATTRIBUTES, _NODES = (generic("IEnumerable", type) for type in (_ELEMENT, _ATTRIBUTE, _NODE))


def content_of(value: Any) -> Any:
    """What content is made of: nodes, texts and attributes as they are, other objects as texts, sequences as lists."""
    match value:
        case None | XNode() | XAttribute():
            return value
        case str():
            return value
        case Dictionary() | bytearray():
            raise NotImplementedError("this object as XML content")
        case Array() | List() | Sequence() | HashSet():
            type_ = getattr(value, "type", None)
            element = type_.args[0] if type_ is not None else value.element  # type: ignore[union-attr]
            if element is None:
                raise NotImplementedError("the items of this sequence as XML")
            return [boxed(item, element) for item in value]
        case _:
            return _content_text(value)


def _content_text(value: Any) -> str:
    """A number or the like as XML has it."""
    if value is None:
        raise argument_null("value")
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Char():
            return chr(value)
        case int() | Decimal() | UUID():
            return number_text(value)
        case float():
            if not math.isfinite(value) or type_of(value) != DOUBLE:
                raise NotImplementedError("this number as XML content")
            return number_text(value)
        case _:
            raise NotImplementedError(f"a {type_of(value) or value.__class__.__name__} as XML content")


def _new_element(name: XName | None, contents: Any = ()) -> XElement:
    made = XElement(name)
    for content in contents:
        made.add(content, content_of)
    return made


def _new_document(contents: Any) -> XDocument:
    made = XDocument()
    for content in contents:
        made.add(content, content_of)
    return made


def _declared_document(declaration: XDeclaration | None, contents: Any) -> XDocument:
    made = _new_document(contents)
    made.declaration = declaration
    return made


def _copy(other: XElement | None) -> XElement:
    if other is None:
        raise argument_null("other")
    return other.clone()


def _new_attribute(name: XName | None, value: Any) -> XAttribute:
    if name is None or value is None:
        raise argument_null("name" if name is None else "value")
    text = _content_text(value)
    if name.namespace.uri == XMLNS or name.local == "xmlns":
        if not text:
            raise NotImplementedError("an empty namespace declaration")
        if text in (XML, XMLNS) or name.local == "xml" or (name.local == "xmlns" and name.namespace.uri):
            raise NotImplementedError(f"a declaration of the namespace {text}")
    return XAttribute(name, text)


def _set_attribute(attribute: XAttribute, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    if attribute.declares:
        raise NotImplementedError("a change of a namespace declaration")
    attribute.value = value


def _set_text(node: XText | XComment, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    node.value = value


def _set_value(element: XElement, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    element.remove_nodes()
    element.add(value, content_of)


def _set_object(element: XElement, value: Any) -> None:
    if value is None:
        raise argument_null("value")
    _set_value(element, _content_text(value))


def _set_name(element: XElement, name: XName | None) -> None:
    if name is None:
        raise argument_null("value")
    element.name = name


def _set_attribute_value(element: XElement, name: XName | None, value: Any) -> None:
    found = element.attribute(name)
    if value is None:
        if found is not None:
            found.remove()
    elif found is None:
        element.add_attribute(_new_attribute(name, value))
    else:
        _set_attribute(found, _content_text(value))


def _set_element_value(element: XElement, name: XName | None, value: Any) -> None:
    found = element.first_element(name)
    if value is None:
        if found is not None:
            found.remove()
    elif found is None:
        element.add(_new_element(name, [_content_text(value)]), content_of)
    else:
        _set_value(found, _content_text(value))


def _appended(container: XContainer, content: Any) -> None:
    container.add(content, content_of)


def _appended_all(container: XContainer, contents: Any) -> None:
    for content in contents:
        container.add(content, content_of)


def _put_first(container: XContainer, content: Any) -> None:
    _put_first_all(container, [content])


def _put_first_all(container: XContainer, contents: Any) -> None:
    _inserted(container, 0, contents)


def _inserted(container: XContainer, at: int, contents: Any) -> None:
    first = container.nodes[at] if at < len(container.nodes) else None
    for content in contents:
        made = content_of(content)
        if isinstance(first, XText) and isinstance(made, str | list):
            raise NotImplementedError("a text put before another one in XML")
        at += container.add(made, content_of, at)


def _beside(step: int) -> Callable[[XNode, Any], None]:
    def add(node: XNode, contents: Any) -> None:
        parent = node.detached()
        _inserted(parent, parent.place(node) + step, contents)

    return add


def _replaced(node: XNode, contents: Any) -> None:
    parent = node.detached()
    at = parent.place(node)
    node.remove()
    _inserted(parent, at, contents)


def _one(action: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    return lambda owner, content: action(owner, [content])


def _remove_all(element: XElement) -> None:
    element.remove_nodes()
    _remove_attributes(element)


def _remove_attributes(element: XElement) -> None:
    for attribute in list(element.attributes):
        attribute.remove()


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
_ADDING = {"Add": _varied(_appended, _appended_all), "AddFirst": _varied(_put_first, _put_first_all)}

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
            "AddAfterSelf": _varied(_one(_beside(1)), _beside(1)),
            "AddBeforeSelf": _varied(_one(_beside(0)), _beside(0)),
            "ReplaceWith": _varied(_one(_replaced), _replaced),
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
            "SetAttributeValue": [Method((_NAME, OBJECT), VOID, _set_attribute_value)],
            "SetElementValue": [Method((_NAME, OBJECT), VOID, _set_element_value)],
            "SetValue": [Method((OBJECT,), VOID, _set_object)],
            "RemoveAll": [Method((), VOID, _remove_all)],
            "RemoveAttributes": [Method((), VOID, _remove_attributes)],
            "GetNamespaceOfPrefix": [Method((STRING,), _SPACE, _space_of_prefix)],
            "GetDefaultNamespace": [Method((), _SPACE, _default_space)],
        },
        properties={
            "Name": Property(_NAME, lambda element: element.name, put=_set_name),
            "Value": Property(STRING, XElement.value_text, put=_set_value),
            "HasElements": Property(BOOL, lambda element: any(isinstance(node, XElement) for node in element.nodes)),
            "HasAttributes": Property(BOOL, lambda element: bool(element.attributes)),
            "IsEmpty": Property(BOOL, lambda element: not element.nodes and not element.full),
            "FirstAttribute": Property(_ATTRIBUTE, lambda element: element.attributes[0] if element.attributes else None),
            "LastAttribute": Property(_ATTRIBUTE, lambda element: element.attributes[-1] if element.attributes else None),
        },
        statics={"Parse": [Method((STRING,), _ELEMENT, parse_element)]},
        constructors=[
            Method((_ELEMENT,), _ELEMENT, _copy),
            Method((_NAME,), _ELEMENT, _new_element),
            Method((_NAME, OBJECT), _ELEMENT, lambda name, content: _new_element(name, [content])),
            Method((_NAME,), _ELEMENT, _new_element, rest=OBJECT),
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
            Method((), _DOCUMENT, _new_document, rest=OBJECT),
            Method((_DECLARATION,), _DOCUMENT, _declared_document, rest=OBJECT),
        ],
    ),
    "XAttribute": Model(
        methods={
            **_TO_STRING,
            "Remove": [Method((), VOID, XAttribute.remove)],
            "SetValue": [Method((OBJECT,), VOID, lambda attribute, value: _set_attribute(attribute, _content_text(value)))],
        },
        properties={
            "Name": Property(_NAME, lambda attribute: attribute.name),
            "Value": Property(STRING, lambda attribute: attribute.value, put=_set_attribute),
            "IsNamespaceDeclaration": Property(BOOL, lambda attribute: attribute.declares),
        },
        constructors=[Method((_NAME, OBJECT), _ATTRIBUTE, _new_attribute)],
    ),
    "XText": Model(
        methods=_TO_STRING,
        properties={"Value": Property(STRING, lambda node: node.value, put=_set_text)},
        constructors=[Method((STRING,), XText.type, lambda text: XText(_given(text)))],
    ),
    "XCData": Model(constructors=[Method((STRING,), XCData.type, lambda text: XCData(_given(text)))]),
    "XComment": Model(
        methods=_TO_STRING,
        properties={"Value": Property(STRING, lambda node: node.value, put=_set_text)},
        constructors=[Method((STRING,), XComment.type, lambda text: XComment(_given(text)))],
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


def _given(text: str | None) -> str:
    if text is None:
        raise argument_null("value")
    return text


NAMES = dict.fromkeys(MODELS, "System.Xml.Linq")
