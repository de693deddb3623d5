"""One declared model for each policy element: its attributes, its children and their order, the sections it may stand in.

https://learn.microsoft.com/azure/api-management/api-management-policies, and the schemas of Azure's editor extension
for what may be an expression.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SECTIONS = ("inbound", "backend", "outbound", "on-error")
ANYWHERE = frozenset(SECTIONS)
INBOUND = frozenset({"inbound"})

POLICIES = "*"
"""Child mark: any policies."""


@dataclass(frozen=True)
class Attribute:
    expression: Literal["modelled", "not modelled", "refused"] = "modelled"
    """Whether it may be an expression: here, in Azure only, or nowhere."""
    required: bool = False
    one_of: tuple[str, ...] = ()
    """The only literals allowed, if any."""
    number: bool = False
    """Whether a literal is a whole number."""
    unless: frozenset[str] = frozenset()
    """Attributes that may stand in the place of a required one."""


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
    beyond: frozenset[str] = frozenset()
    """Attributes and children that API Management has and the local cloud does not model."""


_ANY = Attribute()
_LITERAL = Attribute("refused")
_NEEDED = Attribute(required=True)
_NEEDED_LITERAL = Attribute("refused", required=True)
_NUMBER = Attribute(number=True)
_NEEDED_NUMBER = Attribute(required=True, number=True)
_LITERAL_NUMBER = Attribute("refused", number=True)
_NEEDED_LITERAL_NUMBER = Attribute("refused", required=True, number=True)
_CONDITION = Attribute(required=True, one_of=("true", "false"))
_BOOL = Attribute(one_of=("true", "false"))
_LITERAL_BOOL = Attribute("refused", one_of=("true", "false"))
_BOOL_HERE_LITERAL = Attribute("not modelled", one_of=("true", "false"))
_LITERAL_HERE = Attribute("not modelled")
_CACHING = Attribute("refused", one_of=("prefer-external", "external", "internal"))
_EXISTS = Attribute("not modelled", one_of=("override", "append", "skip", "delete"))
_HEADER = Child("set-header")
_BOTH_REQUEST = frozenset({"inbound", "backend"})

_TOKEN = {
    "header-name": _ANY,
    "query-parameter-name": _ANY,
    "token-value": _ANY,
    "require-scheme": _ANY,
    "failed-validation-httpcode": _NUMBER,
    "failed-validation-error-message": _ANY,
    "output-token-variable-name": _LITERAL,
}
"""What the policies that validate tokens have in common."""

ELEMENTS: dict[str, Model] = {
    # Flow
    "base": Model(),
    "include-fragment": Model({"fragment-id": _NEEDED_LITERAL}),
    "choose": Model({}, (Child("when", 1), Child("otherwise", 0, 1))),
    "when": Model({"condition": _CONDITION}, (Child(POLICIES),)),
    "otherwise": Model({}, (Child(POLICIES),)),
    "retry": Model(
        {
            "condition": _CONDITION,
            "count": _NEEDED_NUMBER,
            "interval": _NEEDED_NUMBER,
            "max-interval": _NUMBER,
            "delta": _NUMBER,
            "first-fast-retry": _BOOL,
        },
        (Child(POLICIES),),
    ),
    "wait": Model(
        {"for": Attribute("not modelled", required=True, one_of=("all", "any"))},
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
        beyond=frozenset({"authentication-token"}),
    ),
    "limit-concurrency": Model(
        {"key": _NEEDED, "max-count": _NEEDED_LITERAL_NUMBER}, (Child(POLICIES),)
    ),
    "return-response": Model(
        {"response-variable-name": _LITERAL}, (Child("set-status", 0, 1), _HEADER, Child("set-body", 0, 1))
    ),
    "mock-response": Model(
        {"status-code": _LITERAL_NUMBER, "content-type": _LITERAL},
        sections=frozenset({"inbound", "outbound", "on-error"}),
        beyond=frozenset({"index", "enabled"}),
    ),
    # Message
    "set-status": Model({"code": _NEEDED_NUMBER, "reason": _ANY}),
    "set-variable": Model({"name": _NEEDED_LITERAL, "value": _NEEDED}),
    "set-header": Model({"name": _NEEDED, "exists-action": _EXISTS}, (Child("value"),)),
    "set-query-parameter": Model({"name": _NEEDED, "exists-action": _EXISTS}, (Child("value"),), _BOTH_REQUEST),
    "value": Model(text=True),
    "set-body": Model(
        {"template": Attribute("refused", one_of=("none", "liquid"))},
        text=True,
        beyond=frozenset({"xsi-nil", "parse-date", "html-decode-expression"}),
    ),
    "set-method": Model(text=True, sections=frozenset({"inbound", "on-error"})),
    "set-url": Model(text=True),
    "rewrite-uri": Model({"template": _NEEDED, "copy-unmatched-params": _LITERAL_BOOL}, sections=_BOTH_REQUEST),
    "set-backend-service": Model(
        {"base-url": Attribute(required=True, unless=frozenset({"backend-id", "dapr-app-id"}))},
        sections=_BOTH_REQUEST,
        beyond=frozenset(
            {
                "backend-id", "sf-partition-key", "sf-replica-type", "sf-resolve-condition", "sf-service-instance-name",
                "sf-listener-name", "dapr-app-id", "dapr-method", "dapr-namespace",
            }
        ),
    ),
    # Calls
    "send-request": Model(
        {
            "mode": Attribute("not modelled", one_of=("new", "copy")),
            "response-variable-name": _LITERAL,
            "timeout": _NUMBER,
            "timeout-ms": _NUMBER,
            "ignore-error": _LITERAL_BOOL,
            "buffer-response": _LITERAL_BOOL,
            "fail-on-error-status-code": _LITERAL_BOOL,
        },
        (
            Child("set-url", 0, 1),
            Child("set-method", 0, 1),
            _HEADER,
            Child("set-body", 0, 1),
            Child("authentication-managed-identity", 0, 1),
        ),
        beyond=frozenset({"authentication-certificate", "authentication-token", "authentication-token-store", "proxy"}),
    ),
    "forward-request": Model(
        {
            "timeout": _NUMBER,
            "timeout-ms": _NUMBER,
            "follow-redirects": _BOOL_HERE_LITERAL,
            "buffer-request-body": _LITERAL_BOOL,
            "buffer-response": _LITERAL_BOOL,
            "fail-on-error-status-code": _LITERAL_BOOL,
            "http-version": Attribute("refused", one_of=("1", "2", "2or1")),
        },
        sections=frozenset({"backend"}),
        beyond=frozenset({"continue-timeout"}),
    ),
    # Cache
    "cache-lookup-value": Model(
        {"key": _NEEDED, "variable-name": _NEEDED_LITERAL, "default-value": _ANY, "caching-type": _CACHING}
    ),
    "cache-store-value": Model(
        {"key": _NEEDED, "value": _NEEDED, "duration": _NEEDED_NUMBER, "caching-type": _CACHING}
    ),
    "cache-remove-value": Model({"key": _NEEDED, "caching-type": _CACHING}),
    # Limits
    "rate-limit-by-key": Model(
        {
            "calls": _NEEDED_NUMBER,
            "renewal-period": _NEEDED_NUMBER,
            "counter-key": _NEEDED,
            "increment-condition": _ANY,
            "increment-count": _NUMBER,
            "increment-after-response": _LITERAL_BOOL,
            "retry-after-header-name": _LITERAL,
            "retry-after-variable-name": _LITERAL,
            "remaining-calls-header-name": _LITERAL,
            "remaining-calls-variable-name": _LITERAL,
            "total-calls-header-name": _LITERAL,
        },
        sections=INBOUND,
        beyond=frozenset({"flexible-retry-window"}),
    ),
    "quota-by-key": Model(
        {
            "calls": _NEEDED_LITERAL_NUMBER,
            "renewal-period": _NEEDED_LITERAL_NUMBER,
            "counter-key": _NEEDED,
            "increment-condition": _ANY,
            "increment-count": _NUMBER,
            "first-period-start": _LITERAL,
        },
        sections=INBOUND,
        beyond=frozenset({"bandwidth"}),
    ),
    "check-header": Model(
        {
            "name": _NEEDED,
            "failed-check-httpcode": _NEEDED_NUMBER,
            "failed-check-error-message": _ANY,
            "ignore-case": _BOOL,
        },
        (Child("value"),),
        INBOUND,
    ),
    "ip-filter": Model(
        {"action": Attribute("not modelled", required=True, one_of=("allow", "forbid"))},
        (Child("address"), Child("address-range")),
        INBOUND,
        ordered=False,
    ),
    "address": Model(text=True),
    "address-range": Model({"from": _NEEDED_LITERAL, "to": _NEEDED_LITERAL}),
    # Access
    "authentication-managed-identity": Model(
        {
            "resource": _NEEDED,
            "client-id": _LITERAL,
            "output-token-variable-name": _LITERAL,
            "ignore-error": _LITERAL_BOOL,
        },
        sections=INBOUND,
    ),
    "validate-jwt": Model(
        {
            **_TOKEN,
            "require-expiration-time": _BOOL,
            "require-signed-tokens": _BOOL_HERE_LITERAL,
            "clock-skew": _NUMBER,
        },
        (
            Child("openid-config"),
            Child("issuer-signing-keys", 0, 1),
            Child("audiences", 0, 1),
            Child("issuers", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
        beyond=frozenset({"issuer-signing-tokens", "decryption-keys"}),
    ),
    "openid-config": Model({"url": _NEEDED}, beyond=frozenset({"host"})),
    "issuer-signing-keys": Model({}, (Child("key", 1),), beyond=frozenset({"zumo-master-key"})),
    "key": Model({"n": _ANY, "e": _ANY}, text=True, beyond=frozenset({"certificate-id"})),
    "validate-azure-ad-token": Model(
        {
            **_TOKEN,
            "tenant-id": Attribute("not modelled", required=True),
            "authentication-endpoint": _LITERAL_HERE,
        },
        (
            Child("backend-application-ids", 0, 1),
            Child("client-application-ids", 0, 1),
            Child("audiences", 0, 1),
            Child("required-claims", 0, 1),
        ),
        INBOUND,
        ordered=False,
        beyond=frozenset({"allow-protected-forwarded-tokens", "allow-proof-of-possession-tokens", "decryption-keys"}),
    ),
    "backend-application-ids": Model({}, (Child("application-id", 1),)),
    "client-application-ids": Model({}, (Child("application-id", 1),)),
    "application-id": Model(text=True),
    "audiences": Model({}, (Child("audience", 1),)),
    "audience": Model(text=True),
    "issuers": Model({}, (Child("issuer", 1),)),
    "issuer": Model(text=True),
    "required-claims": Model({}, (Child("claim", 1),)),
    "claim": Model(
        {
            "name": _NEEDED_LITERAL,
            "match": Attribute("not modelled", one_of=("all", "any")),
            "separator": _LITERAL_HERE,
        },
        (Child("value"),),
    ),
    "cors": Model(
        {"allow-credentials": _BOOL_HERE_LITERAL, "terminate-unmatched-request": _BOOL_HERE_LITERAL},
        (
            Child("allowed-origins", 1, 1),
            Child("allowed-methods", 0, 1),
            Child("allowed-headers", 0, 1),
            Child("expose-headers", 0, 1),
        ),
        INBOUND,
        ordered=False,
    ),
    "allowed-origins": Model({}, (Child("origin", 1),)),
    "origin": Model(text=True),
    "allowed-methods": Model(
        {"preflight-result-max-age": Attribute("not modelled", number=True)}, (Child("method", 1),)
    ),
    "method": Model(text=True),
    "allowed-headers": Model({}, (Child("header", 1),)),
    "expose-headers": Model({}, (Child("header", 1),)),
    "header": Model(text=True),
    # Telemetry
    "trace": Model(
        {
            "source": _NEEDED_LITERAL,
            "severity": Attribute("refused", one_of=("verbose", "information", "error")),
        },
        (Child("message", 0, 1), Child("metadata")),
        ordered=False,
        text=True,
    ),
    "message": Model(text=True),
    "metadata": Model({"name": _NEEDED_LITERAL, "value": _NEEDED}),
    "emit-metric": Model(
        {"name": _NEEDED_LITERAL, "namespace": _LITERAL, "value": _ANY},
        (Child("dimension", 1, 10),),
        beyond=frozenset({"default-dimensions"}),
    ),
    "dimension": Model({"name": _NEEDED_LITERAL, "value": _ANY}),
}  # fmt: skip

STANDALONE = frozenset(
    {
        "base", "include-fragment", "choose", "retry", "return-response", "set-status", "set-variable", "set-header",
        "set-query-parameter", "set-body", "set-method", "send-request", "forward-request", "cache-lookup-value",
        "cache-store-value", "cache-remove-value", "rate-limit-by-key", "authentication-managed-identity", "validate-jwt",
        "cors", "trace", "quota-by-key", "check-header", "ip-filter", "wait", "limit-concurrency", "mock-response",
        "rewrite-uri", "set-backend-service", "emit-metric", "validate-azure-ad-token",
    }
)  # fmt: skip
"""Elements that are policies of their own; the others only stand inside one."""

BEYOND = frozenset(
    {
        "authentication-basic", "authentication-certificate", "authentication-token", "azure-openai-emit-token-metric",
        "azure-openai-semantic-cache-lookup", "azure-openai-semantic-cache-store", "azure-openai-token-limit",
        "cache-lookup", "cache-store", "cosmosdb-data-source", "cross-domain", "find-and-replace",
        "get-authorization-context", "graphql-data-source", "http-data-source", "invoke-dapr-binding", "invoke-request",
        "json-to-xml", "jsonp", "llm-content-safety", "llm-emit-token-metric", "llm-semantic-cache-lookup",
        "llm-semantic-cache-store", "llm-token-limit", "log-to-eventhub", "proxy", "publish-event", "publish-to-dapr",
        "quota", "rate-limit", "redirect-content-urls", "send-one-way-request", "set-request-metric-dimension-value",
        "sql-data-source", "validate-client-certificate", "validate-content", "validate-graphql-request",
        "validate-headers", "validate-odata-request", "validate-parameters", "validate-status-code", "xml-to-json",
        "xsl-transform",
    }
)  # fmt: skip
"""Policies that API Management has and the local cloud does not model."""

NEEDED_BEYOND: Mapping[str, tuple[str, ...]] = {
    "authentication-basic": ("username", "password"),
    "azure-openai-semantic-cache-lookup": ("score-threshold", "embeddings-backend-id"),
    "azure-openai-semantic-cache-store": ("duration",),
    "azure-openai-token-limit": ("counter-key", "estimate-prompt-tokens"),
    "cache-lookup": ("vary-by-developer", "vary-by-developer-groups"),
    "cache-store": ("duration",),
    "find-and-replace": ("from", "to"),
    "json-to-xml": ("apply",),
    "jsonp": ("callback-parameter-name",),
    "llm-content-safety": ("backend-id",),
    "llm-semantic-cache-lookup": ("score-threshold", "embeddings-backend-id"),
    "llm-semantic-cache-store": ("duration",),
    "llm-token-limit": ("counter-key", "estimate-prompt-tokens"),
    "log-to-eventhub": ("logger-id",),
    "proxy": ("url",),
    "publish-to-dapr": ("topic",),
    "rate-limit": ("calls", "renewal-period"),
    "validate-content": ("unspecified-content-type-action", "max-size", "size-exceeded-action"),
    "validate-headers": ("specified-header-action", "unspecified-header-action"),
    "validate-parameters": ("specified-parameter-action", "unspecified-parameter-action"),
    "validate-status-code": ("unspecified-status-code-action",),
    "xml-to-json": ("kind", "apply"),
}
"""The attributes without which Azure refuses a policy that is not modelled."""

PLACES_BEYOND: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("cache-lookup", "rate-limit", "quota", "azure-openai-semantic-cache-lookup", "llm-semantic-cache-lookup"),
        INBOUND,
    ),
    **dict.fromkeys(
        ("cache-store", "jsonp", "azure-openai-semantic-cache-store", "llm-semantic-cache-store"),
        frozenset({"outbound"}),
    ),
}
"""The sections of policies that are not modelled, where what they do leaves no other."""
