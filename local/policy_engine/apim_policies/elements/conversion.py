"""Bodies in another form: xml-to-json, json-to-xml, jsonp, redirect-content-urls."""

import json
import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from apim_policies.documents.document import Element
from apim_policies.elements.model import BOOL, LITERAL, LITERAL_BOOL, NEEDED, Attribute, Declared, Model, PolicyElement
from apim_policies.expressions.context import Headers
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.xml.nodes import XElement, XText
from apim_policies.expressions.xml.reader import parse_element
from apim_policies.pipeline.bodies import is_request, message_body, response_body, set_message_body
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_NO_ERRORS = frozenset({"inbound", "outbound"})


def _headers(call: Call) -> Headers:
    return call.context.request.headers if is_request(call) else call.response.headers


def _wanted(call: Call, kind: str, considers: bool) -> bool:
    """Whether the client wants this kind; without an Accept it takes any."""
    accept = (call.context.request.headers.get("Accept") or "").lower()
    return not considers or not accept or kind in accept or "*/*" in accept


class XmlToJson:
    """A body of XML as JSON.

    The documentation names two forms without saying what they look like: `direct` is what Newtonsoft.Json makes of XML
    (attributes with @), `javascript-friendly` the same without the marks.

    https://learn.microsoft.com/azure/api-management/xml-to-json-policy
    """

    def __init__(self, kind: Compiled, apply: Compiled, considers: Compiled, arrays: Compiled) -> None:
        self._kind, self._apply, self._considers, self._arrays = kind, apply, considers, arrays

    async def run(self, call: Call) -> None:
        headers = _headers(call)
        kind = (headers.get("Content-Type") or "").lower()
        if self._apply.text(call) == "content-type-xml" and "xml" not in kind:
            return
        if not is_request(call) and not _wanted(call, "json", self._considers.boolean(call)):
            return
        text = (await message_body(call)).decode("utf-8", "replace")
        if not text.strip():
            return
        try:
            root = parse_element(text)
        except CSharpException as error:
            raise Failure("XmlToJsonFailure", "the body is no XML") from error
        mark = "@" if self._kind.text(call) == "direct" else ""
        value = {_name(root): _json_of(root, mark, arrays=self._arrays.boolean(call))}
        set_message_body(call, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        headers.set("Content-Type", "application/json")


def _name(element: XElement) -> str:
    return element.name.local


def _json_of(element: XElement, mark: str, *, arrays: bool) -> Any:
    children = list(element.elements())
    attributes = list(element.each_attribute())
    text = "".join(node.value for node in element.each_node() if isinstance(node, XText))
    if not children and not attributes:
        return text or None
    found: dict[str, Any] = {mark + attribute.name.local: attribute.value for attribute in attributes}
    for child in children:
        value = _json_of(child, mark, arrays=arrays)
        name = _name(child)
        if name not in found:
            found[name] = [value] if arrays else value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if text.strip():
        found["#text"] = text
    return found


def _xml_to_json(source: Source, element: Element) -> Policy:
    return XmlToJson(
        source.attribute(element, "kind"),
        source.attribute(element, "apply"),
        source.attribute(element, "consider-accept-header", "true"),
        source.attribute(element, "always-array-child-elements", "false"),
    )


XML_TO_JSON = PolicyElement(
    "xml-to-json",
    Model(
        {
            "kind": Attribute(required=True, one_of=("javascript-friendly", "direct")),
            "apply": Attribute(required=True, one_of=("always", "content-type-xml")),
            "consider-accept-header": BOOL,
            "always-array-child-elements": BOOL,
        },
        beyond=frozenset({"preserve-whitespace-nodes", "empty-values", "trim-values"}),
    ),
    _xml_to_json,
)


class JsonToXml:
    """A body of JSON as XML, in an element `Document` unless it has one member only.

    https://learn.microsoft.com/azure/api-management/json-to-xml-policy
    """

    def __init__(self, apply: Compiled, considers: Compiled, prefix: str) -> None:
        self._apply, self._considers, self._prefix = apply, considers, prefix

    async def run(self, call: Call) -> None:
        headers = _headers(call)
        kind = (headers.get("Content-Type") or "").lower()
        if self._apply.text(call) == "content-type-json" and "json" not in kind:
            return
        if not is_request(call) and not _wanted(call, "xml", self._considers.boolean(call)):
            return
        text = (await message_body(call)).decode("utf-8", "replace")
        if not text.strip():
            return
        try:
            value = json.loads(text)
        except ValueError as error:
            raise Failure("JsonToXmlFailure", "the body is no JSON") from error
        whole = isinstance(value, dict) and len(value) == 1 and not isinstance(next(iter(value.values())), list)
        name, inner = next(iter(value.items())) if whole else ("Document", value)
        set_message_body(call, "".join(self._written(str(name), inner)).encode())
        headers.set("Content-Type", "text/xml")

    def _written(self, name: str, value: Any) -> list[str]:
        tag = _element_name(name)
        if isinstance(value, list):
            return [part for item in value for part in self._written(name, item)]
        if not isinstance(value, dict):
            text = escape(_text(value))
            return [f"<{tag}>{text}</{tag}>" if text else f"<{tag} />"]
        attributes = "".join(
            f" {_element_name(key.removeprefix(self._prefix))}={quoteattr(_text(item))}"
            for key, item in value.items()
            if self._prefix and key.startswith(self._prefix) and not isinstance(item, dict | list)
        )
        inner = [
            part
            for key, item in value.items()
            if not (self._prefix and key.startswith(self._prefix))
            for part in ([escape(_text(item))] if key == "#text" else self._written(key, item))
        ]
        return [f"<{tag}{attributes}>", *inner, f"</{tag}>"] if inner else [f"<{tag}{attributes} />"]


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _element_name(name: str) -> str:
    """A name that XML takes: what it does not take is written by its number, as .NET's XmlConvert does."""
    encoded = "".join(character if re.match(r"[\w.-]", character) else f"_x{ord(character):04X}_" for character in name)
    return encoded if re.match(r"[A-Za-z_]", encoded) else f"_x{ord(encoded[0]):04X}_{encoded[1:]}" if encoded else "_"


def _json_to_xml(source: Source, element: Element) -> Policy:
    return JsonToXml(
        source.attribute(element, "apply"),
        source.attribute(element, "consider-accept-header", "true"),
        source.literal(element, "attribute-prefix") or "",
    )


JSON_TO_XML = PolicyElement(
    "json-to-xml",
    Model(
        {
            "apply": Attribute(required=True, one_of=("always", "content-type-json")),
            "consider-accept-header": BOOL,
            "parse-date": LITERAL_BOOL,
            "attribute-prefix": LITERAL,
        },
        beyond=frozenset(
            {
                "attribute-block-name", "namespace-block-name", "namespace-separator", "namespace-prefix",
                "invalid-character-replacement", "null-values", "trim-values", "empty-values",
            }
        ),
    ),
    _json_to_xml,
)  # fmt: skip

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]*")


class Jsonp:
    """An answer of JSON as a call of the function that the client names.

    https://learn.microsoft.com/azure/api-management/jsonp-policy
    """

    def __init__(self, parameter: Compiled) -> None:
        self._parameter = parameter

    async def run(self, call: Call) -> None:
        values = call.context.request.original_url.query().get(self._parameter.text(call), [])
        if not values:
            return
        if not _CALLBACK.fullmatch(values[0]):
            raise Failure("JsonpFailure", "the callback is no name of a function", 400)
        content = await response_body(call)
        set_message_body(call, values[0].encode() + b"(" + content + b")")
        call.response.headers.set("Content-Type", "application/javascript")


def _jsonp(source: Source, element: Element) -> Policy:
    return Jsonp(source.attribute(element, "callback-parameter-name"))


JSONP = PolicyElement("jsonp", Model({"callback-parameter-name": NEEDED}, sections=frozenset({"outbound"})), _jsonp)


class RedirectContentUrls:
    """Addresses of the backend in bodies and Location become those of the gateway, and the other way round.

    https://learn.microsoft.com/azure/api-management/redirect-content-urls-policy
    """

    async def run(self, call: Call) -> None:
        original = call.context.request.original_url
        outer = f"{original.scheme}://{call.context.request.headers.get('Host') or original.host}"
        outer += f"/{call.context.api.path}".rstrip("/")
        inner = (call.service_url or "").rstrip("/")
        if not inner:
            return
        wanted, other = (outer, inner) if is_request(call) else (inner, outer)
        content = await message_body(call)
        if content:
            set_message_body(call, content.replace(wanted.encode(), other.encode()))
        if not is_request(call):
            place = call.response.headers.get("Location")
            if place is not None and place.startswith(inner):
                call.response.headers.set("Location", outer + place.removeprefix(inner))


def _redirect(source: Source, element: Element) -> Policy:
    del source, element
    return RedirectContentUrls()


REDIRECT_CONTENT_URLS = PolicyElement("redirect-content-urls", Model(sections=_NO_ERRORS), _redirect)

ELEMENTS: Sequence[Declared] = (XML_TO_JSON, JSON_TO_XML, JSONP, REDIRECT_CONTENT_URLS)
