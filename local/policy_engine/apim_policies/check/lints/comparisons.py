"""Comparisons that do not compare what they seem to."""

from collections.abc import Iterator

from apim_policies.check.csharp import Syntax, arguments, dotted, method
from apim_policies.check.document import Document
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, within
from apim_policies.expressions.syntax.tree import Node

CULTURE = Rule(
    "culture-compare",
    "warning",
    "The rules of a culture ignore characters (a soft hyphen, for one) and change letters, and differ between machines: "
    "two texts that are not the same may compare as equal.",
    "Use == or give StringComparison.Ordinal or OrdinalIgnoreCase; write ToLowerInvariant and ToUpperInvariant.",
)
REFERENCE = Rule(
    "reference-compare",
    "error",
    "== on an object or a JToken asks whether both are the same object, not whether they are equal: two equal texts are "
    "usually different objects.",
    'Convert first: (string)context.Variables["x"] == "a"; for tokens (string)token["a"], or JToken.DeepEquals.',
    source="the C# specification, reference type equality operators",
)

_BY_ORDER = frozenset({"string.Compare", "String.Compare", "System.String.Compare"})
_CULTURES = tuple(
    f"{type}.{culture}{case}"
    for type in ("StringComparison", "StringComparer")
    for culture in ("CurrentCulture", "InvariantCulture")
    for case in ("", "IgnoreCase")
)
_LITERALS = frozenset({"int", "real", "bool", "char", "null", "default"})
_TOKENS = frozenset({"JToken", "JObject", "JArray", "JValue", "JContainer", "JProperty"})


def _culture(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        for node in expression.nodes:
            if node.kind == "call" and _by_culture(expression.syntax, node):
                name = method(node)
                says = "changes letters" if name.startswith("To") else "compares"
                yield within(expression, node.a, f"{name} {says} by the rules of a culture here", node)
            elif node.kind == "member" and dotted(node).removeprefix("System.") in _CULTURES:
                yield within(expression, node, f"{dotted(node)} is a comparison by the rules of a culture")


def _by_culture(syntax: Syntax, node: Node) -> bool:
    name, given = method(node), arguments(node)
    if name in {"ToLower", "ToUpper"}:
        return not given
    if any(dotted(part).removeprefix("System.").startswith("StringComparison.") for part in given):
        return False
    if dotted(node.a) in _BY_ORDER:
        return len(given) == 2
    if not given:
        return False
    if name in {"StartsWith", "EndsWith"}:
        return len(given) == 1 and syntax.origin(given[0]).kind != "char"
    if name in {"IndexOf", "LastIndexOf"}:
        return _is_text(syntax, given[0]) and not syntax.type(node.a.a).startswith(("List", "string[]"))
    return name == "CompareTo" and (_is_text(syntax, given[0]) or syntax.type(node.a.a) == "string")


def _is_text(syntax: Syntax, node: Node) -> bool:
    return syntax.origin(node).kind in {"string", "interp"} or syntax.type(node) == "string"


def _reference(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        syntax = expression.syntax
        for node in expression.nodes:
            if node.kind != "bin" or node.a not in {"==", "!="}:
                continue
            left, right = syntax.origin(node.b), syntax.origin(node.c)
            if left.kind in _LITERALS or right.kind in _LITERALS:
                continue
            if _is_object(syntax, left) or _is_object(syntax, right):
                yield within(expression, node, f"{node.a} on an object compares references")
            elif {syntax.type(node.b), syntax.type(node.c)} <= _TOKENS:
                yield within(expression, node, f"{node.a} on two JSON tokens compares references")


def _is_object(syntax: Syntax, node: Node) -> bool:
    if node.kind == "index":
        return dotted(node.a) == "context.Variables"
    if node.kind == "cast":
        return node.a.kind == "tname" and node.a.a in {"object", "Object"}
    return syntax.type(node) == "object"


LINTS = (Lint(CULTURE, _culture), Lint(REFERENCE, _reference))
