"""Policies that API Management has and that are not modelled here: what can be told about them all the same.

https://learn.microsoft.com/azure/api-management/api-management-policies, and the schemas of Azure's editor extension.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apim_policies.elements.model import ANYWHERE, INBOUND

OUTBOUND = frozenset({"outbound"})


@dataclass(frozen=True)
class Outline:
    needed: tuple[str, ...] = ()
    """The attributes without which Azure refuses it."""
    sections: frozenset[str] = ANYWHERE
    """Where it may stand, where what it does leaves no other."""


BEYOND: Mapping[str, Outline] = {
    "authentication-basic": Outline(("username", "password")),
    "authentication-certificate": Outline(),
    "authentication-token": Outline(),
    "azure-openai-emit-token-metric": Outline(),
    "azure-openai-semantic-cache-lookup": Outline(("score-threshold", "embeddings-backend-id"), sections=INBOUND),
    "azure-openai-semantic-cache-store": Outline(("duration",), sections=OUTBOUND),
    "azure-openai-token-limit": Outline(("counter-key", "estimate-prompt-tokens")),
    "cache-lookup": Outline(("vary-by-developer", "vary-by-developer-groups"), sections=INBOUND),
    "cache-store": Outline(("duration",), sections=OUTBOUND),
    "cosmosdb-data-source": Outline(),
    "cross-domain": Outline(),
    "find-and-replace": Outline(("from", "to")),
    "get-authorization-context": Outline(),
    "graphql-data-source": Outline(),
    "http-data-source": Outline(),
    "invoke-dapr-binding": Outline(),
    "invoke-request": Outline(),
    "json-to-xml": Outline(("apply",)),
    "jsonp": Outline(("callback-parameter-name",), sections=OUTBOUND),
    "llm-content-safety": Outline(("backend-id",)),
    "llm-emit-token-metric": Outline(),
    "llm-semantic-cache-lookup": Outline(("score-threshold", "embeddings-backend-id"), sections=INBOUND),
    "llm-semantic-cache-store": Outline(("duration",), sections=OUTBOUND),
    "llm-token-limit": Outline(("counter-key", "estimate-prompt-tokens")),
    "log-to-eventhub": Outline(("logger-id",)),
    "proxy": Outline(("url",)),
    "publish-event": Outline(),
    "publish-to-dapr": Outline(("topic",)),
    "quota": Outline(sections=INBOUND),
    "rate-limit": Outline(("calls", "renewal-period"), sections=INBOUND),
    "redirect-content-urls": Outline(),
    "send-one-way-request": Outline(),
    "set-request-metric-dimension-value": Outline(),
    "sql-data-source": Outline(),
    "validate-client-certificate": Outline(),
    "validate-content": Outline(("unspecified-content-type-action", "max-size", "size-exceeded-action")),
    "validate-graphql-request": Outline(),
    "validate-headers": Outline(("specified-header-action", "unspecified-header-action")),
    "validate-odata-request": Outline(),
    "validate-parameters": Outline(("specified-parameter-action", "unspecified-parameter-action")),
    "validate-status-code": Outline(("unspecified-status-code-action",)),
    "xml-to-json": Outline(("kind", "apply")),
    "xsl-transform": Outline(),
}
