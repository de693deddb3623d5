"""Bodies that are read where they must not be."""

from collections.abc import Iterator

from apim_policies.check.csharp import argument, dotted, method
from apim_policies.check.document import Document, Expression, Placed
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, at, within
from apim_policies.expressions.syntax.tree import Node

STREAMING = Rule(
    "streaming-body",
    "error",
    "The answers of this API are streams (buffer-response is false). Whatever touches the body of an answer waits for its "
    "end, which for a stream of events never comes.",
    "Leave the body alone in outbound and on-error; status and headers can be read and changed.",
    source="https://learn.microsoft.com/azure/api-management/how-to-server-sent-events",
)
CONSUMED = Rule(
    "body-consumed",
    "warning",
    "A body is read once. Without preserveContent the backend, or the client, gets an empty one.",
    "Write As<T>(preserveContent: true), or set the body again with <set-body>.",
)

_BUFFERING = (
    "validate-content", "find-and-replace", "xml-to-json", "json-to-xml", "cache-store", "redirect-content-urls", "jsonp",
    "xsl-transform",
)  # fmt: skip
_OWN_MESSAGE = ("return-response", "send-request", "send-one-way-request")


def _streaming(document: Document) -> Iterator[Found]:
    if not document.streams:
        return
    for placed in document.elements:
        name = placed.element.name
        if placed.section not in {"outbound", "on-error"} or placed.inside(*_OWN_MESSAGE):
            continue
        if name in _BUFFERING or name == "set-body":
            yield at(placed.element, f"<{name}> holds the answer back until it is complete")
    for expression in document.expressions:
        for node in expression.nodes:
            if node.kind in {"member", "cond"} and dotted(node) == "context.Response.Body":
                yield within(expression, node, "the body of an answer is read")


def _consumed(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        for node in expression.nodes:
            body = _read_once(expression, node)
            if body and _ends_there(expression.owner):
                continue
            if body == "context.Request.Body" and document.forwards and not _set_again(document, "inbound", "backend"):
                yield within(expression, node.a, "the request's body is read, and is then gone for the backend")
            elif (
                body == "context.Response.Body"
                and expression.owner.section == "outbound"
                and not _set_again(document, "outbound")
                and not expression.owner.inside("return-response")
            ):
                yield within(expression, node.a, "the answer's body is read, and is then gone for the client")


def _ends_there(placed: Placed) -> bool:
    """Whether the request is answered behind a policy, in whatever branch it stands: then nobody else wants the body."""
    inner = placed.element
    for parent in reversed(placed.parents):
        at = next((index for index, child in enumerate(parent.children) if child is inner), None)
        behind = parent.children[at:] if at is not None and parent.name not in {"choose", "wait"} else []
        if any(child.name in {"return-response", "mock-response"} for child in behind):
            return True
        inner = parent
    return False


def _read_once(expression: Expression, node: Node) -> str:
    """Which body a node reads without keeping it."""
    if method(node) not in {"As", "AsFormUrlEncodedContent"}:
        return ""
    keeps = argument(node, "preserveContent") or (node.b[0].a if node.b else None)
    if keeps is not None and not (keeps.kind == "bool" and keeps.a is False):
        return ""
    if expression.owner.element.name == "set-body" and not expression.owner.inside(*_OWN_MESSAGE):
        return ""
    return dotted(expression.syntax.origin(node.a.a))


def _set_again(document: Document, *sections: str) -> bool:
    def sets(placed: Placed) -> bool:
        return (not placed.section or placed.section in sections) and not placed.inside(*_OWN_MESSAGE)

    return any(sets(placed) for placed in document.named("set-body"))


LINTS = (Lint(STREAMING, _streaming), Lint(CONSUMED, _consumed))
