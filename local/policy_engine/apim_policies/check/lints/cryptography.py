"""Cryptography that does not protect."""

import re
from collections.abc import Iterator

from apim_policies.check.csharp import Syntax, arguments, dotted, first, method, variable_read
from apim_policies.check.document import Document, Expression
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, within
from apim_policies.expressions.syntax.tree import Node

WEAK = Rule(
    "weak-crypto",
    "warning",
    "Collisions of MD5 and SHA-1 can be made, and what Random gives can be guessed from what it gave before.",
    "Use SHA256 or HMACSHA256; for secrets RNGCryptoServiceProvider or Guid.NewGuid().",
)
UNAUTHENTICATED = Rule(
    "unauthenticated-encryption",
    "warning",
    "Encrypt and Decrypt are AES-CBC, which anybody can change without the key: whoever sends altered texts can make "
    "tokens of others, or read them by the errors that they cause.",
    "Sign what was encrypted with an HMACSHA256 of the iv and the text, in the same expression, and compare it in constant "
    "time before Decrypt.",
)
FIXED_IV = Rule(
    "fixed-iv",
    "error",
    "With one iv for all, equal beginnings have equal encryptions: texts can be recognised and put together anew.",
    "Make 16 random bytes for each text, with RNGCryptoServiceProvider or Guid.NewGuid().ToByteArray(), and put them in "
    "front of it.",
    source="NIST SP 800-38A, appendix C",
)

_TYPES = ("MD5", "SHA1", "HMACMD5", "HMACSHA1")
_CALLS = frozenset({"FromBase64String", "GetBytes"})


def _weak(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        for node in expression.nodes:
            name = ""
            if node.kind == "new":
                name = str(node.a.a).rpartition(".")[2]
            elif method(node) == "Create":
                name = dotted(node.a.a).rpartition(".")[2]
            if name == "Random" and not _for_secrets(expression):
                # Whose turn it is may be guessed.
                continue
            if name == "Random":
                yield within(expression, first(node), "what Random gives can be guessed", node.a)
            elif name.removesuffix("Managed") in _TYPES:
                yield within(expression, first(node), f"{name} is broken", node.a)


_SECRETS = re.compile(
    r"password|secret|token|nonce|state|csrf|otp|pin$|salt|verifier|challenge|session|(?:^|[-_])(?:key|code|iv)(?:$|[-_])|[kK]ey$",
    re.IGNORECASE,
)


def _for_secrets(expression: Expression) -> bool:
    """Whether what an expression draws may be meant to be unguessable: by its name, or because it is made of bytes."""
    if any(method(node) in {"NextBytes", "ToBase64String", "ComputeHash", "Encrypt"} for node in expression.nodes):
        return True
    element = expression.owner.element
    names = [element.attributes[name].text for name in ("name", "variable-name") if name in element.attributes]
    if element.name == "value":
        names += [
            parent.attributes["name"].text for parent in expression.owner.parents[-1:] if "name" in parent.attributes
        ]
    return any(_SECRETS.search(name) for name in names)


def _unauthenticated(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        if any("HMACSHA" in str(node.a.a) for node in expression.nodes if node.kind == "new"):
            continue
        for node in expression.nodes:
            if method(node) in {"Encrypt", "Decrypt"}:
                yield within(expression, node.a, f"{method(node)}, and no HMAC in the same expression", node)


def _fixed_iv(document: Document) -> Iterator[Found]:
    for expression in document.expressions:
        for node in expression.nodes:
            given = arguments(node) if method(node) == "Encrypt" else []
            if len(given) == 3 and _is_constant(document, expression.syntax, given[2]):
                yield within(expression, first(given[2]), "the iv is the same for every text")


def _is_constant(document: Document, syntax: Syntax, node: Node) -> bool:
    node = syntax.origin(node)
    if node.kind == "call":
        return method(node) in _CALLS and all(_is_constant(document, syntax, part) for part in arguments(node))
    if node.kind == "newarray":
        # An array that is filled later starts without items; what fills it is not seen here.
        return node.c is not None and all(_is_constant(document, syntax, part) for part in node.c.a)
    if node.kind == "cast":
        return _is_constant(document, syntax, node.b)
    return node.kind in {"string", "int"} or variable_read(node) in document.texts


LINTS = (Lint(WEAK, _weak), Lint(UNAUTHENTICATED, _unauthenticated), Lint(FIXED_IV, _fixed_iv))
