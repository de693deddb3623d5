"""Every policy element by its name: what the modules of the families declare.

https://learn.microsoft.com/azure/api-management/api-management-policies, and the schemas of Azure's editor extension
for what may be an expression.
"""

from collections.abc import Mapping

from apim_policies.elements import (
    caching,
    calls,
    conversion,
    cors,
    credentials,
    filters,
    flow,
    identity,
    language_models,
    limits,
    message,
    telemetry,
    tokens,
    validation,
)
from apim_policies.elements.model import Declared, HoldingElement, Model, Part, PolicyElement

_DECLARED: tuple[Declared, ...] = (
    *caching.ELEMENTS,
    *calls.ELEMENTS,
    *conversion.ELEMENTS,
    *cors.ELEMENTS,
    *credentials.ELEMENTS,
    *filters.ELEMENTS,
    *flow.ELEMENTS,
    *identity.ELEMENTS,
    *language_models.ELEMENTS,
    *limits.ELEMENTS,
    *message.ELEMENTS,
    *telemetry.ELEMENTS,
    *tokens.ELEMENTS,
    *validation.ELEMENTS,
)

ELEMENTS: Mapping[str, Model] = {element.name: element.model for element in _DECLARED}
"""What each may hold."""

STANDALONE: Mapping[str, PolicyElement | HoldingElement] = {
    element.name: element for element in _DECLARED if not isinstance(element, Part)
}
"""Those that are policies of their own, and how they are built; the others only stand inside one."""
