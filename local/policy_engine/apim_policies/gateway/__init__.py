"""A gateway as Azure API Management would be one, built from plain values."""

from apim_policies.gateway.declaration import ApiDeclaration, Declaration, NamedValue, OperationDeclaration
from apim_policies.gateway.gateway import Gateway

__all__ = ["ApiDeclaration", "Declaration", "Gateway", "NamedValue", "OperationDeclaration"]
