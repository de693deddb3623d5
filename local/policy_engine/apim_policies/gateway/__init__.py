"""A gateway as Azure API Management would be one, built from plain values."""

from apim_policies.gateway.declaration import (
    ApiDeclaration,
    Declaration,
    NamedValue,
    OperationDeclaration,
    ProductDeclaration,
    SubscriptionDeclaration,
)
from apim_policies.gateway.gateway import Gateway

__all__ = [
    "ApiDeclaration",
    "Declaration",
    "Gateway",
    "NamedValue",
    "OperationDeclaration",
    "ProductDeclaration",
    "SubscriptionDeclaration",
]
