"""Changes of the request or the response: headers, body, method, status, address, variables."""

import re
from collections.abc import Sequence
from http.client import responses
from typing import TYPE_CHECKING
from urllib.parse import quote

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    BOTH_REQUEST,
    EXISTS,
    LITERAL_BOOL,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions import to_python
from apim_policies.expressions.context import Backend, Body, Headers, form_decode
from apim_policies.pipeline.bodies import message_body, set_message_body
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

if TYPE_CHECKING:
    from apim_policies.elements.liquid import Template

_PARAMETER = re.compile(r"\{([^{}]+)\}")


class SetVariable:
    """Keeps the value as it is: a bool stays a bool, null stays null."""

    def __init__(self, name: str, value: Compiled) -> None:
        self._name, self._value = name, value

    def run(self, call: Call) -> None:
        call.context.variables[self._name] = self._value.evaluate(call)


def _set_variable(source: Source, element: Element) -> Policy:
    return SetVariable(element.attributes["name"].text, source.attribute(element, "value"))


SET_VARIABLE = PolicyElement("set-variable", Model({"name": NEEDED_LITERAL, "value": NEEDED}), _set_variable)


class SetHeader:
    def __init__(self, name: Compiled, action: str, values: Sequence[Compiled]) -> None:
        self._name, self._action, self._values = name, action, values

    def run(self, call: Call) -> None:
        request_side = call.section in {"inbound", "backend"}
        self.apply(call, call.context.request.headers if request_side else call.response.headers)

    def apply(self, call: Call, headers: Headers) -> None:
        """Changes some headers, whoever's they are."""
        name = self._name.text(call)
        values = [_one_line(value.text(call)) for value in self._values]
        match self._action:
            case "delete":
                headers.delete(name)
            case "append":
                for value in values:
                    headers.append(name, value)
            case "skip":
                if name not in headers:
                    headers.set(name, values)
            case _:
                headers.set(name, values)


class DeleteHeader(SetHeader):
    """A header with a name that stands in the document is taken away, as gateways do with dozens of them."""

    def __init__(self, name: Compiled, literal: str) -> None:
        super().__init__(name, "delete", ())
        self._key = literal.lower()

    def apply(self, call: Call, headers: Headers) -> None:
        if call.trace.detailed:
            self._name.text(call)
        headers.drop(self._key)


def set_header(source: Source, element: Element) -> SetHeader:
    name = element.attributes["name"]
    if not name.expression and not element.children and source.literal(element, "exists-action") == "delete":
        return DeleteHeader(source.attribute(element, "name"), name.text)
    return SetHeader(
        source.attribute(element, "name"),
        source.literal(element, "exists-action") or "override",
        [source.content(value) for value in element.children],
    )


SET_HEADER = PolicyElement(
    "set-header", Model({"name": NEEDED, "exists-action": EXISTS}, (Child("value"),)), set_header
)


class SetBody:
    def __init__(self, content: Compiled) -> None:
        self._content = content

    async def run(self, call: Call) -> None:
        content = self.content(call)
        if call.section in {"inbound", "backend"}:
            call.context.request.body = Body(content)
        else:
            await call.drop_backend_response()
            call.response.body = Body(content)

    def content(self, call: Call) -> bytes:
        """The bytes: of a text, UTF-8."""
        value = to_python(self._content.evaluate(call))
        if isinstance(value, bytes):
            return value
        return self._content.text(call).encode("utf-8", "replace") if not isinstance(value, str) else _utf8(value)


class SetLiquidBody(SetBody):
    """A body that a Liquid template gives."""

    def __init__(self, template: "Template", origin: Compiled) -> None:
        super().__init__(origin)
        self._template = template

    async def run(self, call: Call) -> None:
        await message_body(call)
        await super().run(call)

    def content(self, call: Call) -> bytes:
        return self._template.render(call).encode("utf-8", "replace")


def set_body(source: Source, element: Element) -> SetBody:
    if source.literal(element, "template") == "liquid":
        from apim_policies.elements.liquid import Template  # noqa: PLC0415  (few stacks have one)

        text = element.text
        if text is not None and text.expression:
            raise source.error(element, "a Liquid template is no expression")
        return SetLiquidBody(Template(text.text if text is not None else "", source, element), source.content(element))
    return SetBody(source.content(element))


SET_BODY = PolicyElement(
    "set-body",
    Model(
        {
            "template": Attribute("refused", one_of=("none", "liquid")),
            "xsi-nil": Attribute("refused", one_of=("blank", "null")),
            "parse-date": LITERAL_BOOL,
        },
        text=True,
        beyond=frozenset({"html-decode-expression"}),
    ),
    set_body,
)


class SetStatus:
    """Without a reason: the phrase of the standard. What Azure sends then is not documented, and HTTP/2 sends none."""

    def __init__(self, code: Compiled, reason: Compiled | None) -> None:
        self._code, self._reason = code, reason

    def run(self, call: Call) -> None:
        code = int(self._code.number(call))
        call.response.status_code = code
        reason = self._reason.text(call) if self._reason is not None else responses.get(code, "")
        call.response.status_reason = _one_line(reason)


def _set_status(source: Source, element: Element) -> Policy:
    return SetStatus(source.attribute(element, "code"), source.optional(element, "reason"))


SET_STATUS = PolicyElement("set-status", Model({"code": NEEDED_NUMBER, "reason": ANY}), _set_status)


class FindAndReplace:
    """A text in the body, with another one in all its places.

    https://learn.microsoft.com/azure/api-management/find-and-replace-policy
    """

    def __init__(self, wanted: Compiled, other: Compiled) -> None:
        self._wanted, self._other = wanted, other

    async def run(self, call: Call) -> None:
        content = await message_body(call)
        wanted = self._wanted.text(call).encode("utf-8", "replace")
        if content and wanted:
            set_message_body(call, content.replace(wanted, self._other.text(call).encode("utf-8", "replace")))


def _find_and_replace(source: Source, element: Element) -> Policy:
    return FindAndReplace(source.attribute(element, "from"), source.attribute(element, "to"))


FIND_AND_REPLACE = PolicyElement("find-and-replace", Model({"from": NEEDED, "to": NEEDED}), _find_and_replace)


class SetMethod:
    def __init__(self, method: Compiled) -> None:
        self._method = method

    def run(self, call: Call) -> None:
        call.context.request.method = self._method.text(call)


def _set_method(source: Source, element: Element) -> Policy:
    return SetMethod(source.content(element))


SET_METHOD = PolicyElement("set-method", Model(text=True, sections=frozenset({"inbound", "on-error"})), _set_method)


class SetQueryParameter:
    def __init__(self, name: Compiled, action: str, values: Sequence[Compiled]) -> None:
        self._name, self._action, self._values = name, action, values

    def run(self, call: Call) -> None:
        url = call.context.request.url
        name = self._name.text(call)
        parts = [part for part in url.query_string.removeprefix("?").split("&") if part]
        others = [part for part in parts if form_decode(part.partition("=")[0]).lower() != name.lower()]
        own = [f"{quote(name, safe='')}={quote(value.text(call), safe='')}" for value in self._values]
        match self._action:
            case "delete":
                parts = others
            case "append":
                parts += own
            case "skip":
                parts = parts if len(others) < len(parts) else parts + own
            case _:
                parts = others + own
        url.query_string = "?" + "&".join(parts) if parts else ""


def _set_query_parameter(source: Source, element: Element) -> Policy:
    return SetQueryParameter(
        source.attribute(element, "name"),
        source.literal(element, "exists-action") or "override",
        [source.content(value) for value in element.children],
    )


SET_QUERY_PARAMETER = PolicyElement(
    "set-query-parameter",
    Model({"name": NEEDED, "exists-action": EXISTS}, (Child("value"),), BOTH_REQUEST),
    _set_query_parameter,
)


class RewriteUri:
    """Another path and query for the backend.

    https://learn.microsoft.com/azure/api-management/rewrite-uri-policy
    """

    def __init__(self, template: Compiled, *, copy_unmatched: bool) -> None:
        self._template, self._copy_unmatched = template, copy_unmatched

    def run(self, call: Call) -> None:
        request = call.context.request
        template = self._template.text(call)
        matched = {name.lower(): value for name, value in request.matched_parameters.items()}

        def parameter(match: re.Match[str]) -> str:
            if match[1].lower() not in matched:
                raise Failure("RewriteUriFailure", f"the operation has no parameter {match[1]!r}")
            return matched[match[1].lower()]

        path, _, query = _PARAMETER.sub(parameter, template).partition("?")
        if not path.startswith("/"):
            raise Failure("RewriteUriFailure", "the template does not begin with a slash")
        parts = query.split("&") if query else []
        if self._copy_unmatched:
            names = {form_decode(part.partition("=")[0]).lower() for part in parts}
            for part in request.url.query_string.removeprefix("?").split("&"):
                if part and form_decode(part.partition("=")[0]).lower() not in names:
                    parts.append(part)
        call.backend_path = request.url.path = path
        request.url.query_string = "?" + "&".join(parts) if parts else ""


def _rewrite_uri(source: Source, element: Element) -> Policy:
    return RewriteUri(
        source.attribute(element, "template"),
        copy_unmatched=source.flag(element, "copy-unmatched-params", default=True),
    )


REWRITE_URI = PolicyElement(
    "rewrite-uri",
    Model({"template": NEEDED, "copy-unmatched-params": LITERAL_BOOL}, sections=BOTH_REQUEST),
    _rewrite_uri,
)


class SetBackendService:
    """Another base address of the backend, or one of the gateway's backend resources.

    https://learn.microsoft.com/azure/api-management/set-backend-service-policy
    """

    def __init__(self, base_url: Compiled | None, backend: Compiled | None) -> None:
        self._base_url, self._backend = base_url, backend

    def run(self, call: Call) -> None:
        call.backend = call.context.backend = None
        if self._backend is not None:
            call.backend = call.services.backends.find(self._backend.text(call))
            call.context.backend = Backend(call.backend.id, call.backend.type)
            call.service_url = call.backend.url or call.service_url
        elif self._base_url is not None:
            call.service_url = self._base_url.text(call)


def _set_backend_service(source: Source, element: Element) -> Policy:
    if {"base-url", "backend-id"} <= element.attributes.keys():
        raise source.error(element, "<set-backend-service> has base-url or backend-id, not both")
    return SetBackendService(source.optional(element, "base-url"), source.optional(element, "backend-id"))


SET_BACKEND_SERVICE = PolicyElement(
    "set-backend-service",
    Model(
        {
            "base-url": Attribute(required=True, unless=frozenset({"backend-id", "dapr-app-id"})),
            "backend-id": ANY,
        },
        sections=BOTH_REQUEST,
        beyond=frozenset(
            {
                "sf-partition-key",
                "sf-replica-type",
                "sf-resolve-condition",
                "sf-service-instance-name",
                "sf-listener-name",
                "dapr-app-id",
                "dapr-method",
                "dapr-namespace",
            }
        ),
    ),
    _set_backend_service,
)


def _one_line(text: str) -> str:
    """A header value: line breaks would start another header."""
    if "\r" in text or "\n" in text or "\0" in text:
        raise Failure("ExpressionValueEvaluationFailure", "a header value or reason cannot hold a line break")
    return text


def _utf8(text: str) -> bytes:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


ELEMENTS: Sequence[Declared] = (
    SET_VARIABLE,
    SET_HEADER,
    SET_BODY,
    FIND_AND_REPLACE,
    SET_STATUS,
    SET_METHOD,
    SET_QUERY_PARAMETER,
    REWRITE_URI,
    SET_BACKEND_SERVICE,
    Part("value", Model(text=True)),
    Part("set-url", Model(text=True)),
)
