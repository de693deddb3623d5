"""Calls of others: how long they may take, and what happens when they fail."""

from collections.abc import Iterator

from apim_policies.check.csharp import arguments, method, text_of, variable_read
from apim_policies.check.document import Document, Expression
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, at
from apim_policies.check.lints.flow import forwarding
from apim_policies.documents.document import Element
from apim_policies.expressions.syntax.tree import Node

TIMEOUT = Rule(
    "send-request-timeout",
    "warning",
    "A call without a timeout may hold a request for 60 seconds: a slow service then makes the whole gateway slow.",
    'Say how long the caller can wait, such as timeout="5".',
)
FORWARD_TIMEOUT = Rule(
    "forward-timeout",
    "warning",
    "Azure's load balancer ends idle connections after four minutes: more than 240 seconds may not be honoured.",
    'Use timeout="240" at most; let what takes longer answer in parts.',
)
IGNORED = Rule(
    "ignored-error",
    "warning",
    "With ignore-error the variable is null after a failed call, and a token is missing: what uses it without asking fails "
    "with an error that hides the real one.",
    'Test context.Variables["name"] == null before it is used, or leave ignore-error out and answer in on-error.',
)
FORWARDED_TWICE = Rule(
    "forwarded-twice",
    "error",
    "A request is forwarded once: <base /> in backend is itself a <forward-request>, and Azure does not support several.",
    "Keep one of them in backend.",
    source="https://learn.microsoft.com/azure/api-management/forward-request-policy#usage",
)


def _timeouts(document: Document) -> Iterator[Found]:
    for placed in document.named("send-request"):
        if not {"timeout", "timeout-ms"} & set(placed.element.attributes):
            yield at(placed.element, "<send-request> has no timeout")


def _forward_timeouts(document: Document) -> Iterator[Found]:
    for placed in document.named("forward-request"):
        for name, most in (("timeout", 240), ("timeout-ms", 240_000)):
            value = placed.element.attributes.get(name)
            if value is not None and value.text.strip().isdecimal() and int(value.text) > most:
                yield at(value, f"{name}={value.text!r} is longer than connections live")


def _ignored(document: Document) -> Iterator[Found]:
    for placed in document.named("authentication-managed-identity", "send-request"):
        ignores = placed.element.attributes.get("ignore-error")
        if ignores is None or ignores.text != "true":
            continue
        identity = placed.element.name == "authentication-managed-identity"
        variable = placed.element.attributes.get("output-token-variable-name" if identity else "response-variable-name")
        if identity:
            if variable is None or not _is_tested(document, variable.text):
                yield at(ignores, "without a token the call is made all the same")
            continue
        if variable is not None and _is_used_blindly(document, variable.text):
            yield at(ignores, f"the variable {variable.text} is used, and nothing asks whether it is null")


def _is_tested(document: Document, variable: str) -> bool:
    """Whether anything asks whether a variable is there: compares it with null, or asks string.IsNullOrEmpty."""
    return any(
        (
            node.kind == "bin"
            and node.a in {"==", "!="}
            and any(_reads(expression, side, variable) for side in (node.b, node.c))
        )
        or (
            node.kind == "call"
            and method(node) in {"IsNullOrEmpty", "IsNullOrWhiteSpace", "ContainsKey"}
            and any(_reads(expression, part, variable) or text_of(part) == variable for part in arguments(node))
        )
        for one in document.company or [document]
        for expression in one.expressions
        for node in expression.nodes
    )


def _is_used_blindly(document: Document, variable: str) -> bool:
    used = False
    for one in document.company or [document]:
        for expression in one.expressions:
            for node in expression.nodes:
                if node.kind == "bin" and node.a in {"==", "!="} and "null" in {node.b.kind, node.c.kind}:
                    side = node.b if node.c.kind == "null" else node.c
                    if _reads(expression, side, variable):
                        return False
                if node.kind in {"cond", "isdecl", "istype"} and _reads(expression, node.a, variable):
                    return False
                if node.kind == "member" and _reads(expression, node.a, variable):
                    used = True
    return used


def _reads(expression: Expression, node: Node, variable: str) -> bool:
    """Whether a node is the variable, perhaps converted or by a local name."""
    node = expression.syntax.origin(node)
    while node.kind in {"cast", "astype"}:
        node = expression.syntax.origin(node.b if node.kind == "cast" else node.a)
    return variable_read(node) == variable


def _forwarded_twice(document: Document) -> Iterator[Found]:
    for placed in document.named("backend"):
        if placed.section or not placed.parents:
            continue
        forwards: list[Element] = [
            child for child in placed.element.children if child.name == "base" or forwarding(child)
        ]
        for child in forwards[1:]:
            yield at(child, f"<{child.name}> after <{forwards[0].name}> forwards the request again")


LINTS = (
    Lint(TIMEOUT, _timeouts),
    Lint(FORWARD_TIMEOUT, _forward_timeouts),
    Lint(IGNORED, _ignored),
    Lint(FORWARDED_TWICE, _forwarded_twice),
)
