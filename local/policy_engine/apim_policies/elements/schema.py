"""Checks policy documents against the models of their elements, before anything runs."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from apim_policies.documents.document import Element, Value
from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import POLICIES, SECTIONS, Attribute, Model
from apim_policies.elements.table import ELEMENTS, STANDALONE
from apim_policies.errors import DocumentError, DocumentNotModelled

_CONTAINERS = frozenset({"choose", "wait"})
"""Their children are in the section that they are in."""

_ID = Attribute("refused")
"""`id`, which every policy may have."""


def check_policies(root: Element, document: str) -> None:
    """Checks a whole `<policies>` document.

    Raises:
        DocumentError: an element, attribute, section or order that API Management would refuse or that is not modelled.
    """
    _raise_first(problems_of_policies(root, document))


def check_fragment(root: Element, document: str) -> None:
    """Checks a `<fragment>`: no sections, no `<base />`, no other fragments.

    Raises:
        DocumentError: as `check_policies`.
    """
    _raise_first(problems_of_fragment(root, document))


def check_section(fragment: Element, section: str, document: str) -> None:
    """Checks that the policies of a fragment may stand in the section that includes it.

    Raises:
        DocumentError: as `check_policies`.
    """
    _raise_first(_in_order(fragment, section, document))


def problems_of_policies(root: Element, document: str) -> Iterator[DocumentError]:
    """All that is wrong with a `<policies>` document, in order."""
    if root.name != "policies":
        yield _error(root, document, f"a policy document is <policies>, not <{root.name}>", "unknown-element")
        return
    yield from _bare(root, document)
    seen: list[str] = []
    for section in root.children:
        if section.name not in SECTIONS:
            message = f"<{section.name}> is no section; the sections are {', '.join(SECTIONS)}"
            yield _error(section, document, message, "unknown-element")
            continue
        if section.name in seen:
            yield _error(section, document, f"<{section.name}> is there twice", "element-count")
        seen.append(section.name)
        yield from _bare(section, document)
        for policy in section.children:
            yield from _policy(policy, section.name, document, direct=True)


def problems_of_fragment(root: Element, document: str) -> Iterator[DocumentError]:
    """All that is wrong with a `<fragment>` document, in order."""
    if root.name != "fragment":
        yield _error(root, document, f"a policy fragment is <fragment>, not <{root.name}>", "unknown-element")
        return
    yield from _bare(root, document)
    yield from _in_order(root, None, document)


def _in_order(parent: Element, section: str | None, document: str) -> Iterator[DocumentError]:
    for policy in parent.children:
        yield from _policy(policy, section, document, direct=False)


def _policy(element: Element, section: str | None, document: str, *, direct: bool) -> Iterator[DocumentError]:
    if element.name in BEYOND:
        yield _beyond(element, document, f"the policy <{element.name}> is not modelled by the local cloud")
        yield from _outline(element, section, document)
    elif element.name not in ELEMENTS:
        message = f"<{element.name}> is no policy of API Management, or is not modelled by the local cloud"
        yield _error(
            element, document, message + _meant(element.name, STANDALONE.keys() | BEYOND.keys()), "unknown-element"
        )
    elif element.name not in STANDALONE:
        yield _error(element, document, f"<{element.name}> is no policy of its own", "element-place")
    elif element.name == "base" and not direct:
        yield _error(element, document, "<base /> stands directly in a section only", "element-place")
    elif element.name == "include-fragment" and section is None:
        yield _error(element, document, "a fragment cannot include another one", "element-place")
    else:
        yield from _element(element, section, document)


def _outline(element: Element, section: str | None, document: str) -> Iterator[DocumentError]:
    """What is wrong with a policy that is not modelled, as far as that can be told."""
    yield from _placed(element, section, BEYOND[element.name].sections, document)
    for name in BEYOND[element.name].needed:
        if name not in element.attributes:
            yield _error(element, document, f"<{element.name}> needs the attribute {name}", "missing-attribute")


def _placed(element: Element, section: str | None, sections: frozenset[str], document: str) -> Iterator[DocumentError]:
    if section is not None and section not in sections:
        allowed = ", ".join(name for name in SECTIONS if name in sections)
        message = f"<{element.name}> does not belong in {section}, only in {allowed}"
        yield _error(element, document, message, "element-place")


def _element(element: Element, section: str | None, document: str) -> Iterator[DocumentError]:
    model = ELEMENTS[element.name]
    yield from _placed(element, section, model.sections, document)
    for name, value in element.attributes.items():
        yield from _attribute(element, name, value, model, document)
    for name, attribute in model.attributes.items():
        if attribute.required and not element.attributes.keys() & {name, *attribute.unless}:
            yield _error(element, document, f"<{element.name}> needs the attribute {name}", "missing-attribute")
    if element.text is not None and not model.text:
        yield _error(element, document, f"<{element.name}> holds no text", "unexpected-text")
    yield from _children(element, model, section, document)


def _attribute(element: Element, name: str, value: Value, model: Model, document: str) -> Iterator[DocumentError]:
    where = f"{name} of <{element.name}>"
    attribute = model.attributes.get(name) or (_ID if name == "id" else None)
    if name in model.beyond:
        yield _beyond(value, document, f"{where} is not modelled by the local cloud")
    elif attribute is None:
        message = f"<{element.name}> has no attribute {name} that the local cloud models"
        yield _error(value, document, message + _meant(name, model.attributes), "unknown-attribute")
    elif value.expression:
        if attribute.expression == "refused":
            yield _error(value, document, f"{where} cannot be an expression", "expression-not-allowed")
        elif attribute.expression == "not modelled":
            yield _beyond(value, document, f"{where} as an expression is not modelled by the local cloud")
    elif attribute.one_of and value.text not in attribute.one_of:
        message = f"{name}={value.text!r} of <{element.name}>: use {', '.join(attribute.one_of)}"
        yield _error(value, document, message, "attribute-value")
    elif attribute.number and not value.text.strip().isdecimal():
        message = f"{name}={value.text!r} of <{element.name}> is no whole number"
        yield _error(value, document, message, "attribute-value")


def _children(element: Element, model: Model, section: str | None, document: str) -> Iterator[DocumentError]:
    if model.children and model.children[0].name == POLICIES:
        yield from _in_order(element, section, document)
        return
    order = [child.name for child in model.children]
    reached = 0
    for child in element.children:
        if child.name in model.beyond or element.name == "set-body":
            yield _beyond(child, document, f"<{child.name}> in <{element.name}> is not modelled by the local cloud")
            continue
        if child.name not in order:
            yield _error(child, document, f"<{child.name}> does not belong in <{element.name}>", "element-place")
            continue
        index = order.index(child.name)
        if model.ordered and index < reached:
            message = f"<{child.name}> comes before <{order[reached]}> in <{element.name}>"
            yield _error(child, document, message, "element-order")
        reached = max(reached, index)
        # What is part of a policy is no policy of its own: set-method in send-request may stand wherever that may.
        yield from _element(child, section if element.name in _CONTAINERS else None, document)
    for child in model.children:
        count = sum(1 for c in element.children if c.name == child.name)
        if not child.least <= count <= child.most:
            wanted = "one" if child.least == child.most == 1 else "at least one" if child.least else "at most one"
            message = f"<{element.name}> needs {wanted} <{child.name}>, it has {count}"
            yield _error(element, document, message, "element-count")


def _bare(element: Element, document: str) -> Iterator[DocumentError]:
    if element.attributes:
        yield _error(element, document, f"<{element.name}> has no attributes", "unknown-attribute")
    if element.text is not None:
        yield _error(element, document, f"<{element.name}> holds no text", "unexpected-text")


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), 1, 0.8)
    return f"; {close[0]} is one" if close else ""


def _raise_first(problems: Iterator[DocumentError]) -> None:
    for problem in problems:
        raise problem


def _error(place: Element | Value, document: str, message: str, rule: str) -> DocumentError:
    return DocumentError(message, document=document, line=place.line, column=place.column, rule=rule)


def _beyond(place: Element | Value, document: str, message: str) -> DocumentNotModelled:
    return DocumentNotModelled(message, document=document, line=place.line, column=place.column)
