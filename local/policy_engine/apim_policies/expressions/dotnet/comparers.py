"""System.StringComparer, and what the default comparers order by."""

import math
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from apim_policies.expressions.dotnet.comparisons import compare, same
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import (
    BOOL,
    DATETIME,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    STRING,
    Type,
)
from apim_policies.expressions.values import culture
from apim_policies.expressions.values.containers import folded


def sort_key(element: Type) -> Callable[[Any], Any]:
    """What the default comparer orders by."""
    if element == STRING:
        return cmp_to_key(culture.compare)
    if element in INTEGRAL or element in (DECIMAL, BOOL, DATETIME) or element.name in {"DateTimeOffset", "TimeSpan"}:
        return lambda value: value
    if element in (DOUBLE, FLOAT):
        return lambda value: (0, 0.0) if math.isnan(value) else (1, value)
    raise NotImplementedError(f"sorting of {element}")


class Comparer:
    """StringComparer.Ordinal and StringComparer.OrdinalIgnoreCase, what dictionaries, sets and sorting are given."""

    type = Type("StringComparer")

    def __init__(self, fold: bool) -> None:
        self.fold = fold

    def same(self, one: str | None, two: str | None) -> bool:
        return same(one, two, "OrdinalIgnoreCase" if self.fold else "Ordinal")

    def compare(self, one: str | None, two: str | None) -> int:
        return compare(one, two, "OrdinalIgnoreCase" if self.fold else "Ordinal")

    def key(self, text: str | None) -> tuple[int, str]:
        """What texts are sorted by."""
        return (0, "") if text is None else (1, folded(text) if self.fold else text)


COMPARER = Comparer.type
MODELS: dict[str, Model] = {
    "StringComparer": Model(
        methods={
            "Equals": [Method((STRING, STRING), BOOL, lambda comparer, one, two: comparer.same(one, two))],
            "Compare": [Method((STRING, STRING), INT, lambda comparer, one, two: comparer.compare(one, two))],
        },
        static_properties={
            "Ordinal": Property(COMPARER, lambda: Comparer(False)),
            "OrdinalIgnoreCase": Property(COMPARER, lambda: Comparer(True)),
        },
    ),
}
NAMES = {"StringComparer": "System"}
