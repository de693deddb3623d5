"""System's numbers and bool."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from apim_policies.expressions.dotnet.registry import PROVIDER, Method, Model, Property, out
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.converting import (
    parse_bool,
    parse_decimal,
    parse_double,
    parse_integer,
)
from apim_policies.expressions.objects.formats import formatted
from apim_policies.expressions.objects.reflection import equal, text_of
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    OBJECT,
    SMALL,
    STRING,
    Type,
)
from apim_policies.expressions.values import decimals
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.numbers import single


def tried(parse: Callable[[str | None], Any], empty: Any) -> Callable[[str | None], tuple[bool, Any]]:
    """`TryParse` of a `Parse`."""

    def try_parse(text: str | None) -> tuple[bool, Any]:
        try:
            return True, parse(text)
        except CSharpException:
            return False, empty

    return try_parse


def _order(one: Any, two: Any) -> int:
    return (one > two) - (one < two)


def _compared(type: Type) -> list[Method]:
    # Narrow integers give their difference.
    return [Method((type,), INT, (lambda one, two: one - two) if type in SMALL else _order)]


def equals(type: Type) -> list[Method]:
    return [
        Method((type,), BOOL, lambda one, two: equal(boxed(one, type), boxed(two, type))),
        Method((OBJECT,), BOOL, lambda one, two: equal(boxed(one, type), two)),
    ]


def _numeric(type: Type, parse: Callable[[str | None], Any], empty: Any, constants: dict[str, Any]) -> Model:
    return Model(
        methods={
            "ToString": [
                Method((), STRING, lambda value: text_of(boxed(value, type))),
                Method((STRING,), STRING, lambda value, form: formatted(boxed(value, type), form)),
                Method((PROVIDER,), STRING, lambda value, culture: text_of(boxed(value, type))),
                Method((STRING, PROVIDER), STRING, lambda value, form, culture: formatted(boxed(value, type), form)),
            ],
            "Equals": equals(type),
            "CompareTo": _compared(type),
        },
        statics={
            "Parse": [
                Method((STRING,), type, parse),
                Method((STRING, PROVIDER), type, lambda text, culture: parse(text)),
            ],
            "TryParse": [Method((STRING, out(type)), BOOL, tried(parse, empty))],
        },
        static_properties={name: Property(type, lambda value=value: value) for name, value in constants.items()},
    )


def _integer(type: Type) -> Model:
    low, high = INTEGRAL[type]
    return _numeric(type, lambda text: parse_integer(text, type), 0, {"MaxValue": high, "MinValue": low})


def _real(type: Type, largest: float, parse: Callable[[str | None], Any]) -> Model:
    constants = {
        "MaxValue": largest, "MinValue": -largest, "NaN": math.nan, "PositiveInfinity": math.inf,
        "NegativeInfinity": -math.inf,
    }  # fmt: skip
    model = _numeric(type, parse, 0.0, constants)
    model.methods = {**model.methods, "CompareTo": []}
    model.statics = {
        **model.statics,
        "IsNaN": [Method((type,), BOOL, math.isnan)],
        "IsInfinity": [Method((type,), BOOL, math.isinf)],
        "IsPositiveInfinity": [Method((type,), BOOL, lambda value: value == math.inf)],
        "IsNegativeInfinity": [Method((type,), BOOL, lambda value: value == -math.inf)],
    }
    return model


_DECIMAL = _numeric(
    DECIMAL,
    parse_decimal,
    Decimal(0),
    {
        "MaxValue": Decimal(2**96 - 1),
        "MinValue": Decimal(2**96 - 1).copy_negate(),
        "Zero": Decimal(0),
        "One": Decimal(1),
        "MinusOne": Decimal(-1),
    },
)


def _two(function: Callable[[Decimal, Decimal], Any], returns: Type = DECIMAL) -> list[Method]:
    return [Method((DECIMAL, DECIMAL), returns, function)]


_DECIMAL.statics = {
    **_DECIMAL.statics,
    "Add": _two(decimals.add),
    "Subtract": _two(decimals.subtract),
    "Multiply": _two(decimals.multiply),
    "Divide": _two(decimals.divide),
    "Remainder": _two(decimals.remainder),
    "Compare": _two(_order, INT),
    "Equals": _two(lambda one, two: one == two, BOOL),
    "Negate": [Method((DECIMAL,), DECIMAL, decimals.negate)],
}
_BOOL = Model(
    methods={
        "ToString": [Method((), STRING, text_of)],
        "Equals": equals(BOOL),
        "CompareTo": _compared(BOOL),
    },
    statics={
        "Parse": [Method((STRING,), BOOL, parse_bool)],
        "TryParse": [Method((STRING, out(BOOL)), BOOL, tried(parse_bool, False))],
    },
    static_properties={
        "TrueString": Property(STRING, lambda: "True"),
        "FalseString": Property(STRING, lambda: "False"),
    },
)


MODELS: dict[str, Model] = {
    "bool": _BOOL,
    **{type.name: _integer(type) for type in INTEGRAL if type != CHAR},
    "double": _real(DOUBLE, 1.7976931348623157e308, parse_double),
    "float": _real(FLOAT, 3.4028234663852886e38, lambda text: single(parse_double(text))),
    "decimal": _DECIMAL,
}
NAMES: dict[str, str] = {}
