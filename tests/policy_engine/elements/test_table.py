import importlib
import pkgutil
from collections import Counter

from apim_policies import elements
from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import POLICIES, Declared
from apim_policies.elements.table import ELEMENTS, STANDALONE


def declared() -> list[Declared]:
    """What all modules of the folder declare, whoever knows them."""
    names = (found.name for found in pkgutil.iter_modules(elements.__path__))
    found = (getattr(importlib.import_module(f"{elements.__name__}.{name}"), "ELEMENTS", ()) for name in names)
    return [element for of_module in found if of_module is not ELEMENTS for element in of_module]


def test_the_table_has_what_the_modules_declare() -> None:
    assert Counter(element.name for element in declared()) == Counter(ELEMENTS.keys())


def test_what_is_modelled_is_not_beyond() -> None:
    assert not STANDALONE.keys() & BEYOND.keys()


def test_every_child_is_declared() -> None:
    children = {child.name for model in ELEMENTS.values() for child in model.children}
    assert children - {POLICIES} <= ELEMENTS.keys()


def test_every_part_belongs_to_a_policy() -> None:
    children = {child.name for model in ELEMENTS.values() for child in model.children}
    assert ELEMENTS.keys() - STANDALONE.keys() <= children


REFERENCE = [
    "authentication-basic",
    "authentication-certificate",
    "authentication-managed-identity",
    "azure-openai-emit-token-metric",
    "azure-openai-semantic-cache-lookup",
    "azure-openai-semantic-cache-store",
    "azure-openai-token-limit",
    "cache-lookup",
    "cache-lookup-value",
    "cache-remove-value",
    "cache-store",
    "cache-store-value",
    "check-header",
    "choose",
    "cors",
    "cosmosdb-data-source",
    "cross-domain",
    "emit-metric",
    "find-and-replace",
    "forward-request",
    "get-authorization-context",
    "http-data-source",
    "include-fragment",
    "invoke-dapr-binding",
    "ip-filter",
    "json-to-xml",
    "jsonp",
    "limit-concurrency",
    "llm-content-safety",
    "llm-emit-token-metric",
    "llm-semantic-cache-lookup",
    "llm-semantic-cache-store",
    "llm-token-limit",
    "log-to-eventhub",
    "mock-response",
    "proxy",
    "publish-event",
    "publish-to-dapr",
    "quota",
    "quota-by-key",
    "rate-limit",
    "rate-limit-by-key",
    "redirect-content-urls",
    "retry",
    "return-response",
    "rewrite-uri",
    "send-one-way-request",
    "send-request",
    "set-backend-service",
    "set-body",
    "set-header",
    "set-method",
    "set-query-parameter",
    "set-status",
    "set-variable",
    "sql-data-source",
    "trace",
    "validate-azure-ad-token",
    "validate-client-certificate",
    "validate-content",
    "validate-graphql-request",
    "validate-headers",
    "validate-jwt",
    "validate-odata-request",
    "validate-parameters",
    "validate-status-code",
    "wait",
    "xml-to-json",
    "xsl-transform",
]
"""https://learn.microsoft.com/azure/api-management/api-management-policies"""


def test_every_policy_of_microsofts_reference_is_modelled_or_refused_by_name() -> None:
    assert not set(REFERENCE) - STANDALONE.keys() - BEYOND.keys()
