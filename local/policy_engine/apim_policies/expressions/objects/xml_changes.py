"""Changes of trees: what is put where, set and taken out."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.objects.xml_content import content_of, content_text
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.xml.names import (
    XML,
    XMLNS,
    XName,
)
from apim_policies.expressions.xml.nodes import (
    XAttribute,
    XComment,
    XContainer,
    XDeclaration,
    XDocument,
    XElement,
    XNode,
    XText,
)


def new_element(name: XName | None, contents: Any = ()) -> XElement:
    made = XElement(name)
    for content in contents:
        made.add(content, content_of)
    return made


def new_document(contents: Any) -> XDocument:
    made = XDocument()
    for content in contents:
        made.add(content, content_of)
    return made


def declared_document(declaration: XDeclaration | None, contents: Any) -> XDocument:
    made = new_document(contents)
    made.declaration = declaration
    return made


def copy_of(other: XElement | None) -> XElement:
    if other is None:
        raise argument_null("other")
    return other.clone()


def new_attribute(name: XName | None, value: Any) -> XAttribute:
    if name is None or value is None:
        raise argument_null("name" if name is None else "value")
    text = content_text(value)
    if name.namespace.uri == XMLNS or name.local == "xmlns":
        if not text:
            raise NotImplementedError("an empty namespace declaration")
        if text in (XML, XMLNS) or name.local == "xml" or (name.local == "xmlns" and name.namespace.uri):
            raise NotImplementedError(f"a declaration of the namespace {text}")
    return XAttribute(name, text)


def set_attribute(attribute: XAttribute, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    if attribute.declares:
        raise NotImplementedError("a change of a namespace declaration")
    attribute.value = value


def set_text(node: XText | XComment, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    node.value = value


def set_value(element: XElement, value: str | None) -> None:
    if value is None:
        raise argument_null("value")
    element.remove_nodes()
    element.add(value, content_of)


def set_object(element: XElement, value: Any) -> None:
    if value is None:
        raise argument_null("value")
    set_value(element, content_text(value))


def set_name(element: XElement, name: XName | None) -> None:
    if name is None:
        raise argument_null("value")
    element.name = name


def set_attribute_value(element: XElement, name: XName | None, value: Any) -> None:
    found = element.attribute(name)
    if value is None:
        if found is not None:
            found.remove()
    elif found is None:
        element.add_attribute(new_attribute(name, value))
    else:
        set_attribute(found, content_text(value))


def set_element_value(element: XElement, name: XName | None, value: Any) -> None:
    found = element.first_element(name)
    if value is None:
        if found is not None:
            found.remove()
    elif found is None:
        element.add(new_element(name, [content_text(value)]), content_of)
    else:
        set_value(found, content_text(value))


def append(container: XContainer, content: Any) -> None:
    container.add(content, content_of)


def append_all(container: XContainer, contents: Any) -> None:
    for content in contents:
        container.add(content, content_of)


def put_first(container: XContainer, content: Any) -> None:
    put_first_all(container, [content])


def put_first_all(container: XContainer, contents: Any) -> None:
    _inserted(container, 0, contents)


def _inserted(container: XContainer, at: int, contents: Any) -> None:
    first = container.nodes[at] if at < len(container.nodes) else None
    for content in contents:
        made = content_of(content)
        if isinstance(first, XText) and isinstance(made, str | list):
            raise NotImplementedError("a text put before another one in XML")
        at += container.add(made, content_of, at)


def beside(step: int) -> Callable[[XNode, Any], None]:
    def add(node: XNode, contents: Any) -> None:
        parent = node.detached()
        _inserted(parent, parent.place(node) + step, contents)

    return add


def replace_with(node: XNode, contents: Any) -> None:
    parent = node.detached()
    at = parent.place(node)
    node.remove()
    _inserted(parent, at, contents)


def alone(action: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    return lambda owner, content: action(owner, [content])


def remove_all(element: XElement) -> None:
    element.remove_nodes()
    remove_attributes(element)


def remove_attributes(element: XElement) -> None:
    for attribute in list(element.attributes):
        attribute.remove()


def needed_text(text: str | None) -> str:
    if text is None:
        raise argument_null("value")
    return text
