"""Builds the policies that change messages, call others and keep values, from their elements."""

from apim_policies.documents.document import Element
from apim_policies.elements import caching, calls, flow, message, telemetry
from apim_policies.elements.guards import managed_identity
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_IDENTITY = "authentication-managed-identity"


def set_variable(source: Source, element: Element) -> Policy:
    return message.SetVariable(element.attributes["name"].text, source.attribute(element, "value"))


def set_header(source: Source, element: Element) -> message.SetHeader:
    return message.SetHeader(
        source.attribute(element, "name"),
        source.literal(element, "exists-action") or "override",
        [source.content(value) for value in element.children],
    )


def set_query_parameter(source: Source, element: Element) -> Policy:
    return message.SetQueryParameter(
        source.attribute(element, "name"),
        source.literal(element, "exists-action") or "override",
        [source.content(value) for value in element.children],
    )


def set_body(source: Source, element: Element) -> message.SetBody:
    if source.literal(element, "template") == "liquid":
        raise source.not_modelled(element, 'template="liquid"')
    return message.SetBody(source.content(element))


def set_status(source: Source, element: Element) -> Policy:
    if "reason" not in element.attributes:
        # Azure takes it; which phrase it then sends is written nowhere.
        raise source.not_modelled(element, "no reason")
    return message.SetStatus(source.attribute(element, "code"), source.attribute(element, "reason"))


def set_method(source: Source, element: Element) -> Policy:
    return message.SetMethod(source.content(element))


def rewrite_uri(source: Source, element: Element) -> Policy:
    return message.RewriteUri(
        source.attribute(element, "template"),
        copy_unmatched=source.flag(element, "copy-unmatched-params", default=True),
    )


def set_backend_service(source: Source, element: Element) -> Policy:
    return message.SetBackendService(source.attribute(element, "base-url"))


def mock_response(source: Source, element: Element) -> Policy:
    return flow.MockResponse(
        int(source.literal(element, "status-code") or "200"),
        source.literal(element, "content-type") or "application/json",
    )


def send_request(source: Source, element: Element) -> Policy:
    by_name = {child.name: child for child in element.children}
    copy = source.literal(element, "mode") == "copy"
    if "set-url" not in by_name:
        if copy:
            raise source.not_modelled(element, 'mode="copy" but no <set-url>')
        raise source.error(element, "<send-request> of a new request needs <set-url>")
    return calls.SendRequest(
        variable=source.literal(element, "response-variable-name"),
        timeout=source.seconds(element, "60"),
        ignore_error=source.flag(element, "ignore-error"),
        fail_on_error=source.flag(element, "fail-on-error-status-code"),
        copy=copy,
        url=source.content(by_name["set-url"]),
        method=source.content(by_name["set-method"]) if "set-method" in by_name else None,
        headers=[set_header(source, child) for child in element.children if child.name == "set-header"],
        body=set_body(source, by_name["set-body"]) if "set-body" in by_name else None,
        identity=managed_identity(source, by_name[_IDENTITY]) if _IDENTITY in by_name else None,
    )


def forward_request(source: Source, element: Element) -> Policy:
    if source.flag(element, "follow-redirects"):
        raise source.not_modelled(element, 'follow-redirects="true"')
    return calls.ForwardRequest(
        source.seconds(element, "300"),
        source.flag(element, "buffer-response", default=True),
        source.flag(element, "fail-on-error-status-code"),
    )


def cache_lookup(source: Source, element: Element) -> Policy:
    return caching.Lookup(
        source.attribute(element, "key"),
        element.attributes["variable-name"].text,
        source.optional(element, "default-value"),
    )


def cache_store(source: Source, element: Element) -> Policy:
    return caching.Store(
        source.attribute(element, "key"), source.attribute(element, "value"), source.attribute(element, "duration")
    )


def cache_remove(source: Source, element: Element) -> Policy:
    return caching.Remove(source.attribute(element, "key"))


def trace(source: Source, element: Element) -> Policy:
    # The message may also stand in the policy itself, as it did before there was metadata.
    texts = [child for child in element.children if child.name == "message"] or [element] * (element.text is not None)
    return telemetry.Trace(
        element.attributes["source"].text,
        source.literal(element, "severity") or "verbose",
        source.content(texts[0]) if texts else None,
        [
            (child.attributes["name"].text, source.attribute(child, "value"))
            for child in element.children
            if child.name == "metadata"
        ],
    )


def emit_metric(source: Source, element: Element) -> Policy:
    return telemetry.EmitMetric(
        element.attributes["name"].text,
        source.literal(element, "namespace") or "",
        source.attribute(element, "value") if "value" in element.attributes else Compiled("1", None),
        [(child.attributes["name"].text, source.optional(child, "value")) for child in element.children],
    )
