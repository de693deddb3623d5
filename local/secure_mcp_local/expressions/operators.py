"""Operators by the static types of their operands."""

import math
from collections.abc import Callable
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.numbers import wrap
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DOUBLE,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    SHORT,
    STRING,
    UINT,
    ULONG,
    Type,
    derives,
    is_reference,
)

Run = Callable[[list[Any]], Any]

__all__ = ["binary", "exact", "unary", "wrap"]


def unary(operator: str, type: Type, run: Run) -> tuple[Type, Run] | None:
    if operator == "!" and type == BOOL:
        return BOOL, lambda env: not run(env)
    if type in INTEGRAL and operator in {"-", "+", "~"}:
        result = INT if type in (BYTE, SHORT, CHAR) else type
        if result == ULONG or (result == UINT and operator == "-"):
            return None
        match operator:
            case "-":
                return result, lambda env: wrap(-run(env), result)
            case "~":
                return result, lambda env: wrap(~run(env), result)
            case _:
                return result, run
    if type == DOUBLE and operator in {"-", "+"}:
        return DOUBLE, (lambda env: -run(env)) if operator == "-" else run
    return None


def binary(
    operator: str, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    """The type and function of an operation, or None if C# has none or it is not modelled."""
    match operator:
        case "&&" if left == right == BOOL:
            return BOOL, lambda env: first(env) and second(env)
        case "||" if left == right == BOOL:
            return BOOL, lambda env: first(env) or second(env)
        case "??":
            return _coalesce(left, first, right, second, right_constant)
        case "+" if STRING in (left, right):
            one, two = conversions.to_text(first, left), conversions.to_text(second, right)
            return STRING, lambda env: one(env) + two(env)
        case "==" | "!=":
            return _equality(operator == "!=", left, first, left_constant, right, second, right_constant)
        case _:
            return _numeric(operator, left, first, left_constant, right, second, right_constant)


def _coalesce(left: Type, first: Run, right: Type, second: Run, constant: Any) -> tuple[Type, Run] | None:
    if not is_reference(left) or left == NULL:
        return None
    to_left = conversions.implicit(second, right, left, constant)
    if to_left is not None:

        def run(env: list[Any]) -> Any:
            value = first(env)
            return to_left(env) if value is None else value

        return left, run
    to_right = conversions.implicit(first, left, right)
    if to_right is None:
        return None

    def run_right(env: list[Any]) -> Any:
        value = to_right(env)
        return second(env) if value is None else value

    return right, run_right


def _equality(
    negated: bool, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    same: Callable[[Any, Any], bool] | None = None
    if left == right and (left in (STRING, BOOL) or left.name in _BY_VALUE):
        same = _by_value
    elif NULL in (left, right):
        other = right if left == NULL else left
        same = _identical if is_reference(other) else None
    elif left in INTEGRAL or right in INTEGRAL or DOUBLE in (left, right):
        common = _promoted(left, left_constant, right, right_constant)
        same = _by_value if common is not None else None
    elif left not in (OBJECT, STRING) and right not in (OBJECT, STRING) and is_reference(left) and is_reference(right):
        same = _identical if derives(left, right) or derives(right, left) else None
    if same is None:
        return None
    compare = same
    if negated:
        return BOOL, lambda env: not compare(first(env), second(env))
    return BOOL, lambda env: compare(first(env), second(env))


# Value types and enumerations, whose == compares what they are.
_BY_VALUE = frozenset(
    {"JTokenType", "Guid", "DateTimeOffset", "DateTime", "TimeSpan", "StringComparison", "Formatting"}
)


def _by_value(one: Any, two: Any) -> bool:
    return bool(one == two)


def _identical(one: Any, two: Any) -> bool:
    """Reference equality, for null and for classes whose objects are ours as well."""
    return one is two


def _promoted(left: Type, left_constant: Any, right: Type, right_constant: Any) -> Type | None:
    """Binary numeric promotion."""
    if DOUBLE in (left, right):
        other = right if left == DOUBLE else left
        return DOUBLE if other == DOUBLE or other in INTEGRAL else None
    if left not in INTEGRAL or right not in INTEGRAL:
        return None
    small = (BYTE, SHORT, CHAR, INT)
    if ULONG in (left, right):
        other, constant = (right, right_constant) if left == ULONG else (left, left_constant)
        unsigned = other in (ULONG, UINT, BYTE, CHAR)
        return ULONG if unsigned or (isinstance(constant, int) and constant >= 0) else None
    if LONG in (left, right):
        return LONG
    if UINT in (left, right):
        other, constant = (right, right_constant) if left == UINT else (left, left_constant)
        fits = isinstance(constant, int) and 0 <= constant <= INTEGRAL[UINT][1]
        return UINT if other in (UINT, BYTE, CHAR) or (other == INT and fits) else LONG
    return INT if left in small and right in small else None


def _divide(one: int, two: int) -> int:
    if two == 0:
        raise CSharpException("System.DivideByZeroException", "Attempted to divide by zero.")
    quotient = abs(one) // abs(two)
    return quotient if (one < 0) == (two < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


def _quotient(one: float, two: float) -> float:
    if two == 0:
        negative = math.copysign(1, one) != math.copysign(1, two)
        return math.nan if one == 0 or math.isnan(one) else -math.inf if negative else math.inf
    return one / two


def _remainder(one: float, two: float) -> float:
    return math.nan if two == 0 or math.isinf(one) else math.fmod(one, two)


_DOUBLE: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _quotient,
    "%": _remainder,
}


def exact(operator: str, one: Any, two: Any) -> Any:
    """The result of an operation on constants without the limits of a width."""
    if operator in {"<<", ">>"}:
        return None
    return _ARITHMETIC[operator](one, two)


_COMPARISON: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _numeric(
    operator: str, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    if left == right == BOOL and operator in {"&", "|", "^"}:
        combine = _ARITHMETIC[operator]
        return BOOL, lambda env: bool(combine(first(env), second(env)))
    if operator in {"<<", ">>"}:
        return _shift(operator, left, first, right, second)
    if left == right and left.name in {"DateTimeOffset", "DateTime", "TimeSpan"} and operator in _COMPARISON:
        ordered = _COMPARISON[operator]
        return BOOL, lambda env: ordered(first(env), second(env))
    type = _promoted(left, left_constant, right, right_constant)
    if type is None:
        return None
    if operator in _COMPARISON:
        compare = _COMPARISON[operator]
        return BOOL, lambda env: compare(first(env), second(env))
    if operator not in _ARITHMETIC:
        return None
    calculate = _ARITHMETIC[operator]
    if type == DOUBLE:
        calculate = _DOUBLE.get(operator)
        if calculate is None:
            return None
        return DOUBLE, lambda env: calculate(float(first(env)), float(second(env)))
    if operator in {"/", "%"}:
        low = INTEGRAL[type][0]

        def divide(env: list[Any]) -> int:
            one, two = first(env), second(env)
            if two == -1 and one == low:
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return calculate(one, two)

        return type, divide
    return type, lambda env: wrap(calculate(first(env), second(env)), type)


def _shift(operator: str, left: Type, first: Run, right: Type, second: Run) -> tuple[Type, Run] | None:
    if left not in INTEGRAL or right not in (INT, BYTE, SHORT, CHAR):
        return None
    type = INT if left in (BYTE, SHORT, CHAR) else left
    mask = 63 if type in (LONG, ULONG) else 31
    if operator == "<<":
        return type, lambda env: wrap(first(env) << (second(env) & mask), type)
    return type, lambda env: wrap(first(env) >> (second(env) & mask), type)
