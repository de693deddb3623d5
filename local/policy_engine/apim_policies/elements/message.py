"""Changes of the request or the response: headers, body, method, status, address, variables."""

import re
from collections.abc import Sequence
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
from apim_policies.expressions.context import Body, Headers, form_decode
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

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


def set_header(source: Source, element: Element) -> SetHeader:
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


def set_body(source: Source, element: Element) -> SetBody:
    if source.literal(element, "template") == "liquid":
        raise source.not_modelled(element, 'template="liquid"')
    return SetBody(source.content(element))


SET_BODY = PolicyElement(
    "set-body",
    Model(
        {"template": Attribute("refused", one_of=("none", "liquid"))},
        text=True,
        beyond=frozenset({"xsi-nil", "parse-date", "html-decode-expression"}),
    ),
    set_body,
)


class SetStatus:
    def __init__(self, code: Compiled, reason: Compiled) -> None:
        self._code, self._reason = code, reason

    def run(self, call: Call) -> None:
        call.response.status_code = int(self._code.number(call))
        call.response.status_reason = _one_line(self._reason.text(call))


def _set_status(source: Source, element: Element) -> Policy:
    if "reason" not in element.attributes:
        # Azure takes it; which phrase it then sends is written nowhere.
        raise source.not_modelled(element, "no reason")
    return SetStatus(source.attribute(element, "code"), source.attribute(element, "reason"))


SET_STATUS = PolicyElement("set-status", Model({"code": NEEDED_NUMBER, "reason": ANY}), _set_status)


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
    """Another base address of the backend."""

    def __init__(self, base_url: Compiled) -> None:
        self._base_url = base_url

    def run(self, call: Call) -> None:
        call.service_url = self._base_url.text(call)


def _set_backend_service(source: Source, element: Element) -> Policy:
    return SetBackendService(source.attribute(element, "base-url"))


SET_BACKEND_SERVICE = PolicyElement(
    "set-backend-service",
    Model(
        {"base-url": Attribute(required=True, unless=frozenset({"backend-id", "dapr-app-id"}))},
        sections=BOTH_REQUEST,
        beyond=frozenset(
            {
                "backend-id",
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
    SET_STATUS,
    SET_METHOD,
    SET_QUERY_PARAMETER,
    REWRITE_URI,
    SET_BACKEND_SERVICE,
    Part("value", Model(text=True)),
    Part("set-url", Model(text=True)),
)
