"""Operators by the static types of their operands."""

import math
from collections.abc import Callable
from operator import add, and_, ge, gt, le, lt, mul, or_, sub, xor
from typing import Any

from secure_mcp_local.expressions import conversions, decimals
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.moments import TimeSpan
from secure_mcp_local.expressions.numbers import single, wrapping
from secure_mcp_local.expressions.operands import both
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    OFFSET,
    SMALL,
    STRING,
    TIMESPAN,
    UINT,
    ULONG,
    USHORT,
    VOID,
    Type,
    derives,
    holds_null,
    is_reference,
    nullable,
    underlying,
)
from secure_mcp_local.expressions.xml.names import XName, XNamespace, name_in

Run = Callable[[list[Any]], Any]

__all__ = ["OVERFLOWING", "binary", "checked", "exact", "in_range", "keeping", "unary"]
OVERFLOWING = frozenset({"+", "-", "*"})
"""Operators of whole numbers that may give more than their type holds."""


def keeping(type: Type) -> Callable[[int], int]:
    """A whole number as it is, as a function for a type, which throws an OverflowException if the type does not hold it."""
    low, high = INTEGRAL[type]

    def keep(value: int) -> int:
        if not low <= value <= high:
            raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
        return value

    return keep


def in_range(run: Run, type: Type) -> Run:
    """A whole number that throws if its type does not hold it."""
    keep = keeping(type)
    return lambda env: keep(run(env))


def checked(operator: str, first: Run, second: Run, type: Type) -> Run:
    """One of the operators, in checked."""
    match operator:
        case "+":
            return in_range(lambda env: first(env) + second(env), type)
        case "-":
            return in_range(lambda env: first(env) - second(env), type)
        case _:
            return in_range(lambda env: first(env) * second(env), type)


def unary(operator: str, type: Type, run: Run) -> tuple[Type, Run] | None:
    if type.name == "Nullable":
        return _lifted_unary(operator, type, run)
    if operator == "!" and type == BOOL:
        return BOOL, lambda env: not run(env)
    if type in INTEGRAL and operator in {"-", "+", "~"}:
        result = INT if type in SMALL else type
        if operator == "-" and type == UINT:
            return LONG, lambda env: -run(env)
        if result == ULONG and operator == "-":
            return None
        wrap = wrapping(result)
        match operator:
            case "-":
                return result, lambda env: wrap(-run(env))
            case "~":
                return result, lambda env: wrap(~run(env))
            case _:
                return result, run
    if type in (DOUBLE, FLOAT) and operator in {"-", "+"}:
        return type, (lambda env: -run(env)) if operator == "-" else run
    if type == DECIMAL and operator in {"-", "+"}:
        return type, (lambda env: decimals.negate(run(env))) if operator == "-" else run
    if type == TIMESPAN and operator in {"-", "+"}:
        return type, (lambda env: TimeSpan(-run(env).ticks)) if operator == "-" else run
    return None


def _lifted_unary(operator: str, type: Type, run: Run) -> tuple[Type, Run] | None:
    given: list[Any] = [None]
    bound = unary(operator, type.args[0], lambda env: given[0])
    if bound is None:
        return None
    result, apply = bound

    def lifted(env: list[Any]) -> Any:
        value = run(env)
        if value is None:
            return None
        given[0] = value
        return apply(env)

    return nullable(result), lifted


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
        case "+" if left == XNamespace.type and right == STRING:
            return XName.type, lambda env: name_in(first(env), second(env))
        case "+" if STRING in (left, right) and VOID not in (left, right):
            one, two = conversions.to_text(first, left), conversions.to_text(second, right)
            return STRING, both(add, one, two)
        case _ if NULL in (left, right) and operator in {"==", "!="}:
            return _equality(operator == "!=", left, first, left_constant, right, second, right_constant)
        case _ if "Nullable" in (left.name, right.name):
            return _lifted(operator, left, first, left_constant, right, second, right_constant)
        case "==" | "!=":
            return _equality(operator == "!=", left, first, left_constant, right, second, right_constant)
        case _:
            return _numeric(operator, left, first, left_constant, right, second, right_constant)


def _lifted(
    operator: str, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    """An operation on `T?`: null if one is null; comparisons are false then, and null equals null."""
    given: list[Any] = [None, None]
    bound = binary(
        operator, underlying(left), lambda env: given[0], left_constant,
        underlying(right), lambda env: given[1], right_constant,
    )  # fmt: skip
    if (
        bound is None
        or underlying(left) == BOOL != bound[0]
        or (BOOL in (underlying(left), underlying(right)) and operator in "&|")
    ):
        return None
    result, apply = bound
    compares = operator in _COMPARISON or operator in {"==", "!="}

    def lifted(env: list[Any]) -> Any:
        one, two = first(env), second(env)
        if one is None or two is None:
            if operator in {"==", "!="}:
                return (one is two) == (operator == "==")
            return False if compares else None
        given[0], given[1] = one, two
        return apply(env)

    return (result if compares else nullable(result)), lifted


def _coalesce(left: Type, first: Run, right: Type, second: Run, constant: Any) -> tuple[Type, Run] | None:
    if left == NULL:
        return (right, second) if right != NULL else None
    if not holds_null(left):
        return None
    inner = underlying(left)
    to_inner = conversions.implicit(second, right, inner, constant) if left != inner else None
    result, other = (
        (inner, to_inner) if to_inner is not None else (left, conversions.implicit(second, right, left, constant))
    )
    if other is not None:

        def run(env: list[Any]) -> Any:
            value = first(env)
            return other(env) if value is None else value

        return result, run
    given: list[Any] = [None]
    to_right = conversions.implicit(lambda env: given[0], inner, right)
    if to_right is None:
        return None

    def run_right(env: list[Any]) -> Any:
        value = first(env)
        if value is None:
            return second(env)
        given[0] = value
        return to_right(env)

    return right, run_right


def _equality(
    negated: bool, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    same: Callable[[Any, Any], bool] | None = None
    if STRING in (left, right) and _NAMES & {left, right}:
        # A text becomes a name, and equal names are the same object.
        named = right if left == STRING else left
        one, two = conversions.implicit(first, left, named), conversions.implicit(second, right, named)
        return None if one is None or two is None else (BOOL, lambda env: (one(env) is two(env)) != negated)
    if left == right and (left in (STRING, BOOL) or left.name in _BY_VALUE):
        same = _by_value
    elif left == right == NULL:
        same = _identical
    elif NULL in (left, right):
        other = right if left == NULL else left
        same = _identical if holds_null(other) else None
    elif left in conversions.NUMERIC or right in conversions.NUMERIC:
        return _compared(negated, left, first, left_constant, right, second, right_constant)
    elif {left, right} == {DATETIME, OFFSET}:
        return _equality(
            negated, OFFSET, _offset(first, left), None, OFFSET, _offset(second, right), None
        )  # fmt: skip
    elif left not in (OBJECT, STRING) and right not in (OBJECT, STRING) and is_reference(left) and is_reference(right):
        same = _identical if derives(left, right) or derives(right, left) else None
    if same is None:
        return None
    compare = same
    if negated:
        return BOOL, lambda env: not compare(first(env), second(env))
    return BOOL, both(compare, first, second)


_NAMES = frozenset({XName.type, XNamespace.type})


def _offset(run: Run, type: Type) -> Run:
    return run if type == OFFSET else (lambda env: conversions.offset_of(run(env)))


def _compared(
    negated: bool, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    common = _promoted(left, left_constant, right, right_constant)
    if common is None:
        return None
    one, two = _as(first, left, common), _as(second, right, common)
    return BOOL, lambda env: (one(env) == two(env)) != negated


def _as(run: Run, source: Type, target: Type) -> Run:
    if source in INTEGRAL and target in INTEGRAL:
        return run
    return conversions.numeric(run, source, target)


# Value types and enumerations, whose == compares what they are.
_BY_VALUE = frozenset({"Guid", "DateTimeOffset", "DateTime", "TimeSpan", *ENUMERATIONS})


def _by_value(one: Any, two: Any) -> bool:
    return bool(one == two)


def _identical(one: Any, two: Any) -> bool:
    """Reference equality, for null and for classes whose objects are ours as well."""
    return one is two


def _promoted(left: Type, left_constant: Any, right: Type, right_constant: Any) -> Type | None:
    """Binary numeric promotion."""
    if left not in conversions.NUMERIC or right not in conversions.NUMERIC:
        return None
    if DECIMAL in (left, right):
        return None if {left, right} & {DOUBLE, FLOAT} else DECIMAL
    if DOUBLE in (left, right):
        return DOUBLE
    if FLOAT in (left, right):
        return FLOAT
    if ULONG in (left, right):
        other, constant = (right, right_constant) if left == ULONG else (left, left_constant)
        unsigned = other in (ULONG, UINT, BYTE, CHAR, USHORT)
        return ULONG if unsigned or (isinstance(constant, int) and constant >= 0) else None
    if LONG in (left, right):
        return LONG
    if UINT in (left, right):
        other, constant = (right, right_constant) if left == UINT else (left, left_constant)
        fits = isinstance(constant, int) and 0 <= constant <= INTEGRAL[UINT][1]
        return UINT if other in (UINT, BYTE, CHAR, USHORT) or (other == INT and fits) else LONG
    return INT


def _divide(one: int, two: int) -> int:
    if two == 0:
        raise CSharpException("System.DivideByZeroException", "Attempted to divide by zero.")
    quotient = abs(one) // abs(two)
    return quotient if (one < 0) == (two < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
    "&": and_,
    "|": or_,
    "^": xor,
}


def _quotient(one: float, two: float) -> float:
    if two == 0:
        negative = math.copysign(1, one) != math.copysign(1, two)
        return math.nan if one == 0 or math.isnan(one) else -math.inf if negative else math.inf
    return one / two


def _remainder(one: float, two: float) -> float:
    return math.nan if two == 0 or math.isinf(one) else math.fmod(one, two)


def _rounded(calculate: Callable[[float, float], float]) -> Callable[[float, float], float]:
    """The same for float: each result is rounded to its width."""
    return lambda a, b: single(calculate(a, b))


_DOUBLE: dict[str, Callable[[float, float], float]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": _quotient,
    "%": _remainder,
}


_REAL: dict[Type, dict[str, Callable[[Any, Any], Any]]] = {
    DOUBLE: _DOUBLE,
    FLOAT: {operator: _rounded(calculate) for operator, calculate in _DOUBLE.items()},
    DECIMAL: {
        "+": decimals.add,
        "-": decimals.subtract,
        "*": decimals.multiply,
        "/": decimals.divide,
        "%": decimals.remainder,
    },
}


def exact(operator: str, one: Any, two: Any) -> Any:
    """The result of an operation on constants without the limits of a width."""
    if operator in {"<<", ">>"}:
        return None
    return _ARITHMETIC[operator](one, two)


_COMPARISON: dict[str, Callable[[Any, Any], bool]] = {
    "<": lt,
    ">": gt,
    "<=": le,
    ">=": ge,
}


def _numeric(
    operator: str, left: Type, first: Run, left_constant: Any, right: Type, second: Run, right_constant: Any
) -> tuple[Type, Run] | None:
    if left == right == BOOL and operator in {"&", "|", "^"}:
        combine = _ARITHMETIC[operator]
        return BOOL, lambda env: bool(combine(first(env), second(env)))
    if operator in {"<<", ">>"}:
        return _shift(operator, left, first, right, second)
    if left == right and left.name in ENUMERATIONS:
        return _enumerated(operator, left, first, second)
    timed = _timed(operator, left, first, right, second)
    if timed is not None:
        return timed
    type = _promoted(left, left_constant, right, right_constant)
    if type is None:
        return None
    one, two = _as(first, left, type), _as(second, right, type)
    if operator in _COMPARISON:
        compare = _COMPARISON[operator]
        return BOOL, both(compare, one, two)
    if type not in INTEGRAL:
        calculate = _REAL[type].get(operator)
        return None if calculate is None else (type, lambda env: calculate(one(env), two(env)))
    if operator not in _ARITHMETIC:
        return None
    integral = _ARITHMETIC[operator]
    if operator in {"/", "%"}:
        low = INTEGRAL[type][0]

        def divide(env: list[Any]) -> int:
            dividend, divisor = one(env), two(env)
            if divisor == -1 and dividend == low < 0:
                raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")
            return integral(dividend, divisor)

        return type, divide
    if operator in {"&", "|", "^"}:
        # Of two numbers that fit, what comes of it does.
        return type, both(integral, one, two)
    wrap, calculated = wrapping(type), both(integral, one, two)
    return type, lambda env: wrap(calculated(env))


def _enumerated(operator: str, type: Type, first: Run, second: Run) -> tuple[Type, Run] | None:
    if operator in {"|", "&", "^"}:
        combine = _ARITHMETIC[operator]
        return type, lambda env: conversions.member_of(
            type, combine(conversions.number_of(type, first(env)), conversions.number_of(type, second(env)))
        )
    if operator in _COMPARISON:
        compare = _COMPARISON[operator]
        return BOOL, lambda env: compare(
            conversions.number_of(type, first(env)), conversions.number_of(type, second(env))
        )
    return None


def _timed(operator: str, left: Type, first: Run, right: Type, second: Run) -> tuple[Type, Run] | None:
    """Operations on dates and spans of time."""
    moments = (DATETIME, OFFSET)
    if operator in _COMPARISON or operator == "-":
        if left in moments and right in moments and left != right:
            return _timed(operator, OFFSET, _offset(first, left), OFFSET, _offset(second, right))
        if left == right and operator in _COMPARISON and left in (*moments, TIMESPAN):
            ordered = _COMPARISON[operator]
            return BOOL, lambda env: ordered(first(env), second(env))
        if left == right == DATETIME:
            return TIMESPAN, lambda env: TimeSpan(first(env).ticks - second(env).ticks)
        if left == right == OFFSET:
            return TIMESPAN, lambda env: TimeSpan(first(env).utc - second(env).utc)
    if operator in {"+", "-"} and right == TIMESPAN:
        sign = 1 if operator == "+" else -1
        if left in moments:
            return left, lambda env: first(env).plus(sign * second(env).ticks)
        if left == TIMESPAN:
            return TIMESPAN, lambda env: TimeSpan(first(env).ticks + sign * second(env).ticks)
    return None


def _shift(operator: str, left: Type, first: Run, right: Type, second: Run) -> tuple[Type, Run] | None:
    if left not in INTEGRAL or right not in (INT, *SMALL):
        return None
    type = INT if left in SMALL else left
    mask = 63 if type in (LONG, ULONG) else 31
    if operator == ">>":
        return type, lambda env: first(env) >> (second(env) & mask)
    wrap = wrapping(type)
    return type, lambda env: wrap(first(env) << (second(env) & mask))
