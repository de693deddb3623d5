"""Liquid templates of set-body.

https://learn.microsoft.com/azure/api-management/set-body-policy#using-liquid-templates-with-set-body
"""

import json
from collections.abc import Mapping
from typing import Any

from liquid import Environment
from liquid.exceptions import LiquidError

from apim_policies.documents.document import Element
from apim_policies.errors import NotModelled
from apim_policies.expressions import to_python
from apim_policies.expressions.context import Headers, Request, Response, Url
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.xml.nodes import XElement, XText
from apim_policies.expressions.xml.reader import parse_element
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.values import Source

_ENVIRONMENT = Environment()


class Template:
    """One template, read when the document is.

    Args:
        text: As it is written.
        source: The document that it stands in.
        element: Where.

    Raises:
        DocumentError: it is no template.
    """

    def __init__(self, text: str, source: Source, element: Element) -> None:
        try:
            self._template = _ENVIRONMENT.from_string(text.strip())
        except LiquidError as error:
            raise source.error(element, f"the Liquid template cannot be read: {error}") from None

    def render(self, call: Call) -> str:
        """Its text for a request: `body` is that of the message, `context` what the documentation lists.

        Raises:
            Failure: the template fails.
        """
        message = call.context.request if call.section in {"inbound", "backend"} else call.context.response
        try:
            return self._template.render(body=_body(message), context=_context(call))
        except LiquidError as error:
            raise Failure("LiquidTemplateError", str(error)) from error


def _body(message: Request | Response | None) -> Any:
    content = message.body.content if message is not None and message.body is not None else b""
    kind = (message.headers.get("Content-Type") or "").lower() if message is not None else ""
    text = content.decode("utf-8", "replace")
    if "xml" in kind or (not kind and text.lstrip().startswith("<")):
        try:
            root = parse_element(text)
        except CSharpException:
            return text
        return {root.name.local: _element(root)}
    try:
        return json.loads(text)
    except ValueError:
        return text


def _element(element: XElement) -> Any:
    """An element as a template sees it: its children by name, several of a name as a list, or its text."""
    children = list(element.elements())
    if not children:
        return "".join(node.value for node in element.each_node() if isinstance(node, XText))
    found: dict[str, Any] = {}
    for child in children:
        value, name = _element(child), child.name.local
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _context(call: Call) -> Mapping[str, Any]:
    context = call.context
    request, response = context.request, context.response
    return {
        "Request": {
            "Method": request.method,
            "OriginalMethod": request.method,
            "IpAddress": request.ip_address,
            "Url": _url(request.url),
            "OriginalUrl": _url(request.original_url),
            "MatchedParameters": dict(request.matched_parameters),
            "HasBody": request.body is not None and bool(request.body.content),
            "Headers": _headers(request.headers),
        },
        "Response": {
            "StatusCode": response.status_code if response is not None else None,
            "Headers": _headers(response.headers) if response is not None else {},
        },
        "Variables": {name: _variable(value) for name, value in context.variables.items()},
    }


def _variable(value: object) -> Any:
    if isinstance(value, Response):
        return {
            "StatusCode": value.status_code,
            "StatusReason": value.status_reason,
            "Headers": _headers(value.headers),
            "Body": _body(value),
        }
    try:
        return to_python(value)
    except NotModelled:
        return str(value)


def _url(url: Url) -> Mapping[str, Any]:
    return {
        "Scheme": url.scheme,
        "Host": url.host,
        "Port": url.port,
        "Path": url.path,
        "Query": {name: ",".join(values) for name, values in url.query().items()},
        "QueryString": url.query_string,
        "ToString": str(url),
        "ToUri": str(url),
    }


def _headers(headers: Headers) -> Mapping[str, str]:
    return {name: ",".join(values) for name, values in headers.groups()}
