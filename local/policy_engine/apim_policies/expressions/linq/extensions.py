"""Namespace System.Linq: the extension methods of sequences, lazy where LINQ is."""

from apim_policies.expressions.linq import (
    aggregates,
    elements,
    filters,
    groups,
    orders,
    projections,
    sequences,
    sets,
    xml,
)
from apim_policies.expressions.linq.operator import Extension

_MODULES = (filters, projections, elements, aggregates, sets, orders, groups, sequences, xml)

EXTENSIONS: dict[str, Extension] = {name: bind for module in _MODULES for name, bind in module.EXTENSIONS.items()}
