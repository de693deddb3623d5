"""One declared model for each policy element: its attributes, its children and their order, the sections it may stand in.

https://learn.microsoft.com/azure/api-management/api-management-policies
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from secure_mcp_local.apim.document import Element
from secure_mcp_local.errors import DocumentError

SECTIONS = ("inbound", "backend", "outbound", "on-error")
ANYWHERE = frozenset(SECTIONS)
INBOUND = frozenset({"inbound"})

POLICIES = "*"
"""Child mark: any policies."""


@dataclass(frozen=True)
class Attribute:
    expression: bool = True
    """Whether it may be an expression."""
    required: bool = False
    one_of: tuple[str, ...] = ()
    """The only literals allowed, if any."""


@dataclass(frozen=True)
class Child:
    name: str
    least: int = 0
    most: int = 1_000_000


@dataclass(frozen=True)
class Model:
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])
    children: tuple[Child, ...] = ()
    sections: frozenset[str] = ANYWHERE
    ordered: bool = True
    """Whether the children stand in this order."""
    text: bool = False
    """Whether it holds text."""


def _required(*, literal: bool = False) -> Attribute:
    return Attribute(expression=not literal, required=True)


_BOOL = Attribute(one_of=("true", "false"))
_LITERAL_BOOL = Attribute(expression=False, one_of=("true", "false"))
_LITERAL = Attribute(expression=False)
_ANY = Attribute()
_CACHING = Attribute(expression=False, one_of=("prefer-external", "external", "internal"))
_HEADER = Child("set-header")
_IDENTITY = Model(
    {
        "resource": _required(),
        "client-id": _LITERAL,
        "output-token-variable-name": _LITERAL,
        "ignore-error": _LITERAL_BOOL,
    },
    sections=INBOUND,
)

ELEMENTS: dict[str, Model] = {
    "base": Model(),
    "include-fragment": Model({"fragment-id": _required(literal=True)}),
    "choose": Model({}, (Child("when", 1), Child("otherwise", 0, 1))),
    "when": Model({"condition": _required()}, (Child(POLICIES),)),
    "otherwise": Model({}, (Child(POLICIES),)),
    "retry": Model(
        {
            "condition": _required(),
            "count": _required(),
            "interval": _required(),
            "max-interval": _ANY,
            "delta": _ANY,
            "first-fast-retry": _BOOL,
        },
        (Child(POLICIES),),
    ),
    "return-response": Model(
        {"response-variable-name": _LITERAL}, (Child("set-status", 0, 1), _HEADER, Child("set-body", 0, 1))
    ),
    "set-status": Model({"code": _required(), "reason": _required()}),
    "set-variable": Model({"name": _required(literal=True), "value": _required()}),
    "set-header": Model(
        {
            "name": _required(),
            "exists-action": Attribute(expression=False, one_of=("override", "append", "skip", "delete")),
        },
        (Child("value"),),
    ),
    "set-query-parameter": Model(
        {
            "name": _required(),
            "exists-action": Attribute(expression=False, one_of=("override", "append", "skip", "delete")),
        },
        (Child("value"),),
        frozenset({"inbound", "backend"}),
    ),
    "value": Model(text=True),
    "set-body": Model(text=True),
    "set-method": Model(text=True, sections=frozenset({"inbound", "on-error"})),
    "set-url": Model(text=True),
    "send-request": Model(
        {
            "mode": Attribute(expression=False, one_of=("new", "copy")),
            "response-variable-name": _LITERAL,
            "timeout": _ANY,
            "ignore-error": _LITERAL_BOOL,
            "fail-on-error-status-code": _LITERAL_BOOL,
        },
        (
            Child("set-url", 0, 1),
            Child("set-method", 0, 1),
            _HEADER,
            Child("set-body", 0, 1),
            Child("authentication-managed-identity", 0, 1),
        ),
    ),
    "forward-request": Model(
        {
            "timeout": _ANY,
            "follow-redirects": _LITERAL_BOOL,
            "buffer-request-body": _LITERAL_BOOL,
            "buffer-response": _LITERAL_BOOL,
            "fail-on-error-status-code": _LITERAL_BOOL,
        },
        sections=frozenset({"backend"}),
    ),
    "cache-lookup-value": Model(
        {"key": _required(), "variable-name": _required(literal=True), "default-value": _ANY, "caching-type": _CACHING}
    ),
    "cache-store-value": Model(
        {"key": _required(), "value": _required(), "duration": _required(), "caching-type": _CACHING}
    ),
    "cache-remove-value": Model({"key": _required(), "caching-type": _CACHING}),
    "rate-limit-by-key": Model(
        {
            "calls": _required(),
            "renewal-period": _required(),
            "counter-key": _required(),
            "retry-after-header-name": _LITERAL,
            "retry-after-variable-name": _LITERAL,
            "remaining-calls-header-name": _LITERAL,
            "remaining-calls-variable-name": _LITERAL,
            "total-calls-header-name": _LITERAL,
        },
        sections=INBOUND,
    ),
    "quota-by-key": Model(
        {"calls": _required(), "renewal-period": _required(), "counter-key": _required()}, sections=INBOUND
    ),
    "check-header": Model(
        {
            "name": _required(),
            "failed-check-httpcode": _required(),
            "failed-check-error-message": _ANY,
            "ignore-case": _BOOL,
        },
        (Child("value"),),
        INBOUND,
    ),
    "ip-filter": Model(
        {"action": Attribute(expression=False, required=True, one_of=("allow", "forbid"))},
        (Child("address"), Child("address-range")),
        INBOUND,
        ordered=False,
    ),
    "address": Model(text=True),
    "address-range": Model({"from": _required(literal=True), "to": _required(literal=True)}),
    "wait": Model(
        {"for": Attribute(expression=False, required=True, one_of=("all", "any"))},
        tuple(
            Child(name)
            for name in (
                "choose",
                "forward-request",
                "send-request",
                "cache-lookup-value",
                "cache-store-value",
                "authentication-managed-identity",
            )
        ),
        frozenset({"inbound", "backend", "outbound"}),
        ordered=False,
    ),
    "limit-concurrency": Model({"key": _required(), "max-count": _required(literal=True)}, (Child(POLICIES),)),
    "mock-response": Model(
        {"status-code": _LITERAL, "content-type": _LITERAL}, sections=frozenset({"inbound", "outbound", "on-error"})
    ),
    "rewrite-uri": Model(
        {"template": _required(), "copy-unmatched-params": _LITERAL_BOOL}, sections=frozenset({"inbound", "backend"})
    ),
    "set-backend-service": Model({"base-url": _required()}, sections=frozenset({"inbound", "backend"})),
    "emit-metric": Model(
        {"name": _required(literal=True), "namespace": _LITERAL, "value": _ANY}, (Child("dimension", 1, 10),)
    ),
    "dimension": Model({"name": _required(literal=True), "value": _ANY}),
    "validate-azure-ad-token": Model(
        {
            "tenant-id": _required(),
            "header-name": _LITERAL,
            "query-parameter-name": _LITERAL,
            "token-value": _ANY,
            "authentication-endpoint": _LITERAL,
            "require-scheme": _LITERAL,
            "failed-validation-httpcode": _ANY,
            "failed-validation-error-message": _ANY,
            "output-token-variable-name": _LITERAL,
        },
        (
            Child("backend-application-ids", 0, 1),
            Child("client-application-ids", 0, 1),
            Child("audiences", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
        ordered=False,
    ),
    "backend-application-ids": Model({}, (Child("application-id", 1),)),
    "client-application-ids": Model({}, (Child("application-id", 1),)),
    "application-id": Model(text=True),
    "authentication-managed-identity": _IDENTITY,
    "validate-jwt": Model(
        {
            "header-name": _LITERAL,
            "query-parameter-name": _LITERAL,
            "token-value": _ANY,
            "require-scheme": _LITERAL,
            "failed-validation-httpcode": _ANY,
            "failed-validation-error-message": _ANY,
            "require-expiration-time": _BOOL,
            "require-signed-tokens": _BOOL,
            "clock-skew": _ANY,
            "output-token-variable-name": _LITERAL,
        },
        (
            Child("openid-config", 1),
            Child("audiences", 0, 1),
            Child("issuers", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
    ),
    "openid-config": Model({"url": _required()}),
    "audiences": Model({}, (Child("audience", 1),)),
    "audience": Model(text=True),
    "issuers": Model({}, (Child("issuer", 1),)),
    "issuer": Model(text=True),
    "required-claims": Model({}, (Child("claim", 1),)),
    "claim": Model(
        {
            "name": _required(literal=True),
            "match": Attribute(expression=False, one_of=("all", "any")),
            "separator": _LITERAL,
        },
        (Child("value"),),
    ),
    "cors": Model(
        {"allow-credentials": _LITERAL_BOOL, "terminate-unmatched-request": _LITERAL_BOOL},
        (
            Child("allowed-origins", 1, 1),
            Child("allowed-methods", 0, 1),
            Child("allowed-headers", 1, 1),
            Child("expose-headers", 0, 1),
        ),
        INBOUND,
    ),
    "allowed-origins": Model({}, (Child("origin", 1),)),
    "origin": Model(text=True),
    "allowed-methods": Model({"preflight-result-max-age": _ANY}, (Child("method", 1),)),
    "method": Model(text=True),
    "allowed-headers": Model({}, (Child("header", 1),)),
    "expose-headers": Model({}, (Child("header", 1),)),
    "header": Model(text=True),
    "trace": Model(
        {
            "source": _required(literal=True),
            "severity": Attribute(expression=False, one_of=("verbose", "information", "error")),
        },
        (Child("message", 0, 1), Child("metadata")),
    ),
    "message": Model(text=True),
    "metadata": Model({"name": _required(literal=True), "value": _required()}),
}

_CONTAINERS = frozenset({"choose", "wait"})
"""Their children are in the section that they are in."""

# Elements that are policies of their own; the others only stand inside one.
STANDALONE = frozenset(
    {
        "base", "include-fragment", "choose", "retry", "return-response", "set-status", "set-variable", "set-header",
        "set-query-parameter", "set-body", "set-method", "send-request", "forward-request", "cache-lookup-value",
        "cache-store-value", "cache-remove-value", "rate-limit-by-key", "authentication-managed-identity", "validate-jwt",
        "cors", "trace", "quota-by-key", "check-header", "ip-filter", "wait", "limit-concurrency", "mock-response",
        "rewrite-uri", "set-backend-service", "emit-metric", "validate-azure-ad-token",
    }
)  # fmt: skip


def check_policies(root: Element, document: str) -> None:
    """Checks a whole `<policies>` document.

    Raises:
        DocumentError: an element, attribute, section or order that API Management would refuse or that is not modelled.
    """
    if root.name != "policies":
        raise _error(root, document, f"a policy document is <policies>, not <{root.name}>")
    _bare(root, document)
    seen: list[str] = []
    for section in root.children:
        if section.name not in SECTIONS:
            raise _error(section, document, f"<{section.name}> is no section; the sections are {', '.join(SECTIONS)}")
        if section.name in seen or [*seen, section.name] != sorted([*seen, section.name], key=SECTIONS.index):
            raise _error(section, document, f"<{section.name}> is there twice or out of order")
        seen.append(section.name)
        _bare(section, document)
        for policy in section.children:
            _check_policy(policy, section.name, document, direct=True)


def check_fragment(root: Element, document: str) -> None:
    """Checks a `<fragment>`: no sections, no `<base />`, no other fragments."""
    if root.name != "fragment":
        raise _error(root, document, f"a policy fragment is <fragment>, not <{root.name}>")
    _bare(root, document)
    for policy in root.children:
        _check_policy(policy, None, document, direct=False)


def check_section(fragment: Element, section: str, document: str) -> None:
    """Checks that the policies of a fragment may stand in the section that includes it."""
    for policy in fragment.children:
        _check_policy(policy, section, document, direct=False)


def _check_policy(element: Element, section: str | None, document: str, *, direct: bool) -> None:
    if element.name not in ELEMENTS:
        raise _error(element, document, f"the policy <{element.name}> is not modelled by the local cloud")
    if element.name not in STANDALONE:
        raise _error(element, document, f"<{element.name}> is no policy of its own")
    if element.name == "base" and not direct:
        raise _error(element, document, "<base /> stands directly in a section only")
    if element.name == "include-fragment" and section is None:
        raise _error(element, document, "a fragment cannot include another one")
    _check_element(element, section, document)


def _check_element(element: Element, section: str | None, document: str) -> None:
    model = ELEMENTS[element.name]
    if section is not None and section not in model.sections:
        allowed = ", ".join(name for name in SECTIONS if name in model.sections)
        raise _error(element, document, f"<{element.name}> does not belong in {section}, only in {allowed}")
    for name, value in element.attributes.items():
        attribute = model.attributes.get(name) or (_LITERAL if name == "id" else None)
        if attribute is None:
            raise _error(element, document, f"<{element.name}> has no attribute {name} that the local cloud models")
        if value.expression and not attribute.expression:
            raise _error(element, document, f"{name} of <{element.name}> cannot be an expression")
        if not value.expression and attribute.one_of and value.text not in attribute.one_of:
            raise _error(
                element, document, f"{name}={value.text!r} of <{element.name}>: use {', '.join(attribute.one_of)}"
            )
    for name, attribute in model.attributes.items():
        if attribute.required and name not in element.attributes:
            raise _error(element, document, f"<{element.name}> needs the attribute {name}")
    if element.text is not None and not model.text:
        raise _error(element, document, f"<{element.name}> holds no text")
    _check_children(element, model, section, document)


def _check_children(element: Element, model: Model, section: str | None, document: str) -> None:
    if model.children and model.children[0].name == POLICIES:
        for child in element.children:
            _check_policy(child, section, document, direct=False)
        return
    order = [child.name for child in model.children]
    reached = 0
    for child in element.children:
        if child.name not in order:
            raise _error(child, document, f"<{child.name}> does not belong in <{element.name}>")
        index = order.index(child.name)
        if model.ordered and index < reached:
            raise _error(child, document, f"<{child.name}> comes before <{order[reached]}> in <{element.name}>")
        reached = index
        # What is part of a policy is no policy of its own: set-method in send-request may stand wherever that may.
        _check_element(child, section if element.name in _CONTAINERS else None, document)
    for child in model.children:
        count = sum(1 for c in element.children if c.name == child.name)
        if not child.least <= count <= child.most:
            wanted = "one" if child.least == child.most == 1 else "at least one" if child.least else "at most one"
            raise _error(element, document, f"<{element.name}> needs {wanted} <{child.name}>, it has {count}")


def _bare(element: Element, document: str) -> None:
    if element.attributes:
        raise _error(element, document, f"<{element.name}> has no attributes")
    if element.text is not None:
        raise _error(element, document, f"<{element.name}> holds no text")


def _error(element: Element, document: str, message: str) -> DocumentError:
    return DocumentError(message, document=document, line=element.line, column=element.column)
