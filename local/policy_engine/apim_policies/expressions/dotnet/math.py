"""System.Math."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.types import (
    CHAR,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    SBYTE,
    SHORT,
    Type,
)
from apim_policies.expressions.values import decimals
from apim_policies.expressions.values.failing import (
    out_of_range,
)
from apim_policies.expressions.values.failures import CSharpException

_ROUNDING = Type("MidpointRounding")


def _round(value: float, digits: int = 0, how: str = "ToEven") -> float:
    if not 0 <= digits <= 15:
        raise out_of_range("digits")
    if abs(value) >= 1e16 or math.isnan(value):
        return value
    power = 10.0**digits
    scaled = value * power
    if how == "ToEven":
        whole = float(round(scaled))
    else:
        whole = float(math.trunc(scaled))
        if abs(scaled - whole) >= 0.5:
            whole += math.copysign(1, scaled)
    return math.copysign(whole, value) / power


def _round_decimal(value: Decimal, digits: int = 0, how: str = "ToEven") -> Decimal:
    if not 0 <= digits <= 28:
        raise out_of_range("decimals")
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent <= digits:
        return value
    mode = ROUND_HALF_EVEN if how == "ToEven" else ROUND_HALF_UP
    return _positive_zero(value, value.quantize(Decimal(1).scaleb(-digits), mode, decimals.WIDE))


def _positive_zero(operand: Decimal, rounded: Decimal) -> Decimal:
    if rounded == 0 and rounded.is_signed():
        raise NotImplementedError("a negative decimal zero")
    return decimals.like(operand, rounded)


def _whole(value: Decimal, mode: str) -> Decimal:
    return _positive_zero(value, value.quantize(Decimal(1), mode, decimals.WIDE))


def _floating(function: Callable[..., float]) -> Callable[..., float]:
    """A function of C for doubles: what has no result gives NaN or infinity."""

    def call(*values: float) -> float:
        if any(math.isnan(value) for value in values):
            return math.nan
        try:
            return function(*values)
        except ValueError:
            return math.nan
        except OverflowError:
            raise NotImplementedError(f"this function of {values}") from None

    return call


def _logarithm(value: float) -> float:
    return -math.inf if value == 0 else math.log(value)


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise NotImplementedError("a negative power of zero")
    return math.pow(base, exponent)


def _absolute(type: Type) -> Callable[[int], int]:
    low = INTEGRAL[type][0]

    def absolute(value: int) -> int:
        if value == low:
            raise CSharpException(
                "System.OverflowException", "Negating the minimum value of a twos complement number is invalid."
            )
        return abs(value)

    return absolute


def _sign(value: Any) -> int:
    if isinstance(value, float) and math.isnan(value):
        raise CSharpException(
            "System.ArithmeticException", "Function does not accept floating point Not-a-Number values."
        )
    return (value > 0) - (value < 0)


def _extreme(choose: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def pick(one: Any, two: Any) -> Any:
        if math.isnan(one) or math.isnan(two):
            return math.nan
        if one == two == 0 and math.copysign(1, one) != math.copysign(1, two):
            raise NotImplementedError("the lesser of two zeros")
        return choose(one, two)

    return pick


def _clamped(value: Any, low: Any, high: Any) -> Any:
    if low > high:
        raise CSharpException("System.ArgumentException", f"'{low}' cannot be greater than {high}.")
    return min(max(value, low), high)


def _divided(type: Type) -> Callable[[int, int], tuple[int, int]]:
    low = INTEGRAL[type][0]

    def divide(one: int, two: int) -> tuple[int, int]:
        if two == 0:
            raise CSharpException("System.DivideByZeroException", "Attempted to divide by zero.")
        if (one, two) == (low, -1):
            raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
        quotient = abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)
        return quotient, one - quotient * two

    return divide


_MATH = Model(
    statics={
        **{
            name: [
                *(Method((type, type), type, choose) for type in INTEGRAL if type != CHAR),
                Method((DECIMAL, DECIMAL), DECIMAL, choose),
                *(Method((type, type), type, _extreme(choose)) for type in (DOUBLE, FLOAT)),
            ]
            for name, choose in (("Min", min), ("Max", max))
        },
        "Abs": [
            *(Method((type,), type, _absolute(type)) for type in (INT, LONG, SHORT, SBYTE)),
            *(Method((type,), type, abs) for type in (DOUBLE, FLOAT)),
            Method((DECIMAL,), DECIMAL, Decimal.copy_abs),
        ],
        "Sign": [Method((type,), INT, _sign) for type in (INT, LONG, SHORT, SBYTE, DOUBLE, FLOAT, DECIMAL)],
        "Floor": [
            Method((DOUBLE,), DOUBLE, _floating(lambda x: math.copysign(math.floor(x), x) if math.isfinite(x) else x)),
            Method((DECIMAL,), DECIMAL, lambda x: _whole(x, ROUND_FLOOR)),
        ],
        "Ceiling": [
            Method((DOUBLE,), DOUBLE, _floating(lambda x: math.copysign(math.ceil(x), x) if math.isfinite(x) else x)),
            Method((DECIMAL,), DECIMAL, lambda x: _whole(x, ROUND_CEILING)),
        ],
        "Truncate": [
            Method((DOUBLE,), DOUBLE, _floating(lambda x: math.copysign(math.trunc(x), x) if math.isfinite(x) else x)),
            Method((DECIMAL,), DECIMAL, lambda x: _whole(x, "ROUND_DOWN")),
        ],
        "Round": [
            Method((DOUBLE,), DOUBLE, _round),
            Method((DOUBLE, INT), DOUBLE, _round),
            Method((DOUBLE, _ROUNDING), DOUBLE, lambda value, how: _round(value, 0, how)),
            Method((DOUBLE, INT, _ROUNDING), DOUBLE, _round),
            Method((DECIMAL,), DECIMAL, _round_decimal),
            Method((DECIMAL, INT), DECIMAL, _round_decimal),
            Method((DECIMAL, _ROUNDING), DECIMAL, lambda value, how: _round_decimal(value, 0, how)),
            Method((DECIMAL, INT, _ROUNDING), DECIMAL, _round_decimal),
        ],
        "Clamp": [
            *(Method((type,) * 3, type, _clamped) for type in INTEGRAL if type != CHAR),
            Method((DECIMAL,) * 3, DECIMAL, _clamped),
        ],
        "BigMul": [Method((INT, INT), LONG, lambda one, two: one * two)],
        "DivRem": [Method((type, type, out(type)), type, _divided(type)) for type in (INT, LONG)],
        "Pow": [Method((DOUBLE, DOUBLE), DOUBLE, _floating(_power))],
        "Sqrt": [Method((DOUBLE,), DOUBLE, _floating(math.sqrt))],
        "Log": [Method((DOUBLE,), DOUBLE, _floating(_logarithm))],
        "Exp": [Method((DOUBLE,), DOUBLE, _floating(math.exp))],
    },
    static_properties={"PI": Property(DOUBLE, lambda: math.pi), "E": Property(DOUBLE, lambda: math.e)},
)


MODELS: dict[str, Model] = {"Math": _MATH}
NAMES = {"Math": "System"}
