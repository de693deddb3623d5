"""Context variables that are not there, or not of the type that is asked for."""

from collections.abc import Iterator

from apim_policies.check.csharp import dotted, method, variable_read
from apim_policies.check.document import SETTING, Document, Expression
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, within
from apim_policies.expressions.syntax.tree import Node

TYPE = Rule(
    "variable-type",
    "error",
    "A <set-variable> without an expression sets a text. A cast, or GetValueOrDefault<T>, to anything else throws.",
    'Set it with an expression, value="@(5)" or value="@(true)".',
    source="https://learn.microsoft.com/azure/api-management/api-management-policy-expressions#ContextVariables",
)
UNSET = Rule(
    "unset-variable",
    "warning",
    'context.Variables["x"] throws if nothing has set x, and nothing in this stack does.',
    "Correct the name, or set the variable first.",
)


def _types(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        for node in expression.nodes:
            asked = _asked(expression, node)
            if asked is not None and asked[0] in document.texts and asked[1] not in {"string", "String", "object"}:
                yield within(expression, node, f"the variable {asked[0]} is a text, and is read as {asked[1]}")


def _asked(expression: Expression, node: Node) -> tuple[str, str] | None:
    """Which variable a node converts, and to what."""
    if node.kind == "cast" and node.a.kind == "tname":
        inner = expression.syntax.origin(node.b)
        variable = variable_read(inner) if inner.kind == "index" else None
        return (variable, str(node.a.a)) if variable is not None else None
    if method(node) == "GetValueOrDefault" and node.a.c and node.a.c[0].kind == "tname":
        variable = variable_read(node)
        return (variable, str(node.a.c[0].a)) if variable is not None else None
    return None


def _unset(document: Document) -> Iterator[Found]:
    if not document.complete:
        return
    known = {
        value.text
        for one in document.company
        for placed in one.elements
        for name, value in placed.element.attributes.items()
        if name in SETTING or (name == "name" and placed.element.name == "set-variable")
    }
    for expression in document.expressions:
        for node in expression.nodes:
            name = variable_read(node) if node.kind == "index" else None
            if name is not None and name not in known and not _is_asked_for(document, name):
                yield within(expression, node, f"nothing sets the variable {name}")


def _is_asked_for(document: Document, name: str) -> bool:
    """Whether something in the document asks first whether the variable is there."""
    return any(
        method(node) in {"ContainsKey", "TryGetValue"}
        and dotted(node.a.a) == "context.Variables"
        and node.b
        and node.b[0].a.kind == "string"
        and node.b[0].a.a == name
        for expression in document.expressions
        for node in expression.nodes
    )


LINTS = (Lint(TYPE, _types), Lint(UNSET, _unset))
