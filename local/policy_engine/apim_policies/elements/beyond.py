"""Policies that API Management has and that are not modelled here: what can be told about them all the same.

https://learn.microsoft.com/azure/api-management/api-management-policies, and the schemas of Azure's editor extension.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apim_policies.elements.model import ANYWHERE


@dataclass(frozen=True)
class Outline:
    needed: tuple[str, ...] = ()
    """The attributes without which Azure refuses it."""
    sections: frozenset[str] = ANYWHERE
    """Where it may stand, where what it does leaves no other."""


BEYOND: Mapping[str, Outline] = {
    "authentication-token": Outline(),
    "cosmosdb-data-source": Outline(),
    "cross-domain": Outline(),
    "graphql-data-source": Outline(),
    "http-data-source": Outline(),
    "invoke-dapr-binding": Outline(),
    "invoke-request": Outline(),
    "proxy": Outline(("url",)),
    "publish-event": Outline(),
    "publish-to-dapr": Outline(("topic",)),
    "set-request-metric-dimension-value": Outline(),
    "sql-data-source": Outline(),
    "validate-graphql-request": Outline(),
    "validate-odata-request": Outline(),
    "validate-parameters": Outline(("specified-parameter-action", "unspecified-parameter-action")),
    "xsl-transform": Outline(),
}
