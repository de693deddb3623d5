"""Secrets where others read them: in traces, metrics and addresses."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from apim_policies.check.csharp import Syntax, arguments, dotted, first, method, text_of, variable_read
from apim_policies.check.document import Document, Expression
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, at, within
from apim_policies.documents.document import Value
from apim_policies.expressions.syntax.tree import Node

TRACE = Rule(
    "secret-in-trace",
    "error",
    "Traces, metrics and events are kept for long and read by many; a token or key in them can be used by whoever reads it.",
    "Say what happened, not with which token: leave the value out, or log its SHA-256.",
    source="OWASP Logging Cheat Sheet, data to exclude",
)
URL = Rule(
    "secret-in-url",
    "warning",
    "Addresses of outgoing calls are logged as dependencies, by the gateway and by everything on the way.",
    "Send the secret in a header, or use <authentication-managed-identity>.",
)

_HEADERS = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "set-cookie", "ocp-apim-subscription-key", "x-functions-key",
        "x-api-key", "api-key", "x-ms-token-aad-access-token", "x-ms-token-aad-id-token",
    }
)  # fmt: skip
_NAME = re.compile(
    r"password|passwd|secret|credential|bearer|assertion|connection-?_?string|(?:api|private|subscription|function|"
    r"encryption|signing|access|account|shared|mac|host|master)[-_.]?key|authorization$|cookie$|token$",
    re.IGNORECASE,
)
_KEYS = frozenset({"Key", "PrimaryKey", "SecondaryKey"})
# What tells of a secret without giving it away.
# The text of what AsJwt and AsBasic give is the name of a type, and what is read of it is no longer the credential.
_HARMLESS = frozenset(
    {
        "ComputeHash",
        "ContainsKey",
        "IsNullOrEmpty",
        "IsNullOrWhiteSpace",
        "AsJwt",
        "AsBasic",
        "TryParseBasic",
        "TryParseJwt",
    }
)
_URLS = {"set-url": "", "set-backend-service": "base-url", "rewrite-uri": "template", "openid-config": "url"}


def _traces(document: Document) -> Iterator[Found]:
    tainted = _tainted(document)
    for trace in document.named("trace", "emit-metric", "log-to-eventhub"):
        inside = [trace, *(placed for placed in document.elements if trace.element in placed.parents)]
        for placed in inside:
            for value in [*placed.element.attributes.values(), *filter(None, [placed.element.text])]:
                for name in _secret_named_values(document, value):
                    yield at(value, f"the named value {name} in a <{trace.element.name}>")
        for expression in document.of(trace):
            yield from _in(expression, tainted, f"in a <{trace.element.name}>")
    for expression in document.expressions:
        for node in expression.nodes:
            if method(node) == "Trace" and dotted(node.a) == "context.Trace":
                for secret, what in _secrets(node, tainted):
                    yield within(expression, first(secret), f"{what} in context.Trace")


def _urls(document: Document) -> Iterator[Found]:
    tainted = _tainted(document)
    for placed in document.named("set-url", "set-backend-service", "rewrite-uri", "openid-config", "value"):
        attribute = _URLS.get(placed.element.name, "")
        if placed.element.name == "value" and not placed.inside("set-query-parameter"):
            continue
        value = placed.element.attributes.get(attribute) if attribute else placed.element.text
        if value is None:
            continue
        for name in _secret_named_values(document, value):
            yield at(value, f"the named value {name} in an address")
        for expression in document.expressions:
            if expression.value is value:
                yield from _in(expression, tainted, "in an address")


def _in(expression: Expression, tainted: frozenset[str], where: str) -> Iterator[Found]:
    root = expression.syntax.root
    if root.kind == "return" and expression.syntax.type(root.a) in {"bool", "int"}:
        return
    for node, what in _secrets(root, tainted):
        yield within(expression, first(node), f"{what} {where}")


def _secret_named_values(document: Document, value: Value) -> list[str]:
    names = document.named_values(value)
    return [name for name in names if name in document.secrets or (not document.complete and _named(name))]


def _tainted(document: Document) -> frozenset[str]:
    """Names of the variables that hold a secret, in the documents that run together."""
    names: set[str] = set()
    for one in document.company or [document]:
        for placed in one.named("authentication-managed-identity"):
            if (name := placed.element.attributes.get("output-token-variable-name")) is not None:
                names.add(name.text)
        for expression in one.expressions:
            if expression.owner.element.name != "set-variable" or expression.attribute != "value":
                continue
            name = expression.owner.element.attributes.get("name")
            if name is not None and _shows_credential(expression.syntax):
                names.add(name.text)
    return frozenset(names)


@lru_cache(maxsize=4096)
def _shows_credential(syntax: Syntax) -> bool:
    """Whether what an expression gives has a credential in it. A document is looked at for every other that it runs with."""
    root = syntax.root
    if root.kind == "return" and syntax.type(root.a) in {"bool", "int"}:
        return False
    if _gives_claims(syntax):
        return False
    nodes = list(_bare(root))
    return any(_is_credential(node) and not _only_read(node, nodes) for node in nodes)


_JSON = frozenset({"JObject.Parse", "JToken.Parse", "JsonConvert.DeserializeObject"})


def _gives_claims(syntax: Syntax) -> bool:
    """Whether all that an expression gives are members of JSON that it read: of a token that was taken apart, claims, which are no credential.

    Not if it assigns anything, which is not followed.
    """
    returns = [node.a for node in syntax.nodes if node.kind == "return"]
    followed = all(node.kind != "assign" for node in syntax.nodes)
    return bool(returns) and followed and all(node is not None and _of_json(syntax, node) for node in returns)


def _of_json(syntax: Syntax, node: Node) -> bool:
    at = syntax.origin(node)
    if (text := text_of(at)) is not None:
        return not _named(text)
    if at.kind == "bin":
        return at.a == "??" and _of_json(syntax, at.b) and _of_json(syntax, at.c)
    if at.kind == "call":
        if any(_named(text_of(argument) or "") for argument in arguments(at)):
            return False
        return dotted(at.a).rpartition("<")[0] in _JSON or dotted(at.a) in _JSON or _of_json(syntax, at.a)
    if at.kind == "index" and any(_named(text_of(argument) or "") for argument in arguments(at)):
        return False
    return at.kind in {"member", "index", "cond"} and isinstance(at.a, Node) and _of_json(syntax, at.a)


def _only_read(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether what `TryGetValue` finds is nowhere to be seen: only what is read of it, such as the user's name of Basic credentials."""
    if method(node) != "TryGetValue" or len(node.b) < 2:
        return False
    found = node.b[1].a
    # `_bare` leaves out what is harmless, and with it the uses of the variable there.
    uses = [one for one in nodes if one.kind == "name" and one.a == found.a and one is not found]
    return found.kind == "name" and not uses


def _named(name: str) -> bool:
    """Whether a name is one that people give to secrets."""
    return bool(_NAME.search(name))


def _secrets(root: Node, tainted: frozenset[str]) -> Iterator[tuple[Node, str]]:
    nodes = list(_bare(root))
    partly = _partly(nodes)
    for node in nodes:
        variable = variable_read(node)
        if variable is not None and (variable in tainted or _named(variable)):
            yield node, f"the variable {variable}"
        elif (what := _is_credential(node)) and not _only_read(node, nodes):
            yield node, what
        elif method(node) in _BODIES and dotted(node.a.a).endswith(".Body") and id(node) not in partly:
            yield node, "a whole body"


_BODIES = frozenset({"As", "AsFormUrlEncodedContent"})


def _partly(nodes: Sequence[Node]) -> frozenset[int]:
    """Bodies of which only a part is used: an element, a member, or one of a local variable that holds it."""
    parts = {id(node.a) for node in nodes if node.kind in {"index", "cond"}}
    parts |= {id(node.a) for node in nodes if node.kind == "member" and node.b != "ToString"}
    for local in nodes:
        for name, value, _ in local.b if local.kind == "local" else ():
            uses = [node for node in nodes if node.kind == "name" and node.a == name]
            if isinstance(value, Node) and uses and all(id(use) in parts for use in uses):
                parts.add(id(value))
    return frozenset(parts)


def _is_credential(node: Node) -> str:
    """What secret of the request a node reads, empty if none."""
    if method(node) in {"GetValueOrDefault", "TryGetValue"} or node.kind == "index":
        owner = node.a.a if node.kind == "call" else node.a
        name = text_of(arguments(node)[0]) if node.b else None
        if dotted(owner).endswith(".Headers") and name is not None and name.lower() in _HEADERS:
            return f"the header {name}"
    if node.kind == "member":
        if node.b in _KEYS and dotted(node.a).endswith("Subscription"):
            return "the key of the subscription"
        if node.b == "Password":
            return "a password"
    return ""


def _bare(part: object) -> Iterator[Node]:
    """The nodes below this one whose values show: not those that are only hashed or compared."""
    if isinstance(part, Node):
        if method(part) in _HARMLESS or (part.kind == "bin" and part.a in {"==", "!="}):
            return
        if part.kind == "member" and part.b == "Length":
            return
        if part.kind == "cond" and _length(part.b):
            return
        if part.kind == "tern":
            # The condition decides, and does not show.
            yield from _bare([part.b, part.c])
            return
        yield part
        yield from _bare([part.a, part.b, part.c, part.d])
    elif isinstance(part, list | tuple):
        for inner in part:  # pyright: ignore[reportUnknownVariableType]
            yield from _bare(inner)


def _length(chain: Node) -> bool:
    """Whether what stands behind `?` begins with `.Length`."""
    while chain.kind in {"member", "call", "index"} and chain.a.kind != "hole":
        chain = chain.a
    return chain.kind == "member" and chain.b == "Length"


LINTS = (Lint(TRACE, _traces), Lint(URL, _urls))
