"""Operators by the static types of their operands."""

import math
from collections.abc import Callable
from decimal import Decimal
from operator import add, and_, mul, neg, or_, sub, xor
from typing import Any, Never

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.code import Code, Temporary
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.types import (
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
    THROW,
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
from apim_policies.expressions.values import decimals
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import TimeSpan
from apim_policies.expressions.values.numbers import single
from apim_policies.expressions.xml.names import XName, XNamespace, name_in

__all__ = ["OVERFLOWING", "binary", "checked", "exact", "in_range", "unary"]
OVERFLOWING = frozenset({"+", "-", "*"})
"""Operators of whole numbers that may give more than their type holds."""


def in_range(run: Code, type: Type) -> Code:
    """A whole number that throws if its type does not hold it."""
    low, high = INTEGRAL[type]
    return Code(f"{{n}} if {low} <= ({{n}} := {{0}}) <= {high} else {{overflow}}()", run, overflow=_overflow)


def _overflow() -> Never:
    raise CSharpException("System.OverflowException", "Arithmetic operation resulted in an overflow.")


def checked(operator: str, first: Code, second: Code, type: Type) -> Code:
    """One of the operators, in checked."""
    return in_range(Code(f"{{0}} {operator} {{1}}", first, second), type)


def unary(operator: str, type: Type, run: Code) -> tuple[Type, Code] | None:
    if type.name == "Nullable":
        return _lifted_unary(operator, type, run)
    if operator == "!" and type == BOOL:
        return BOOL, Code("not {0}", run)
    if type in INTEGRAL and operator in {"-", "+", "~"}:
        result = INT if type in SMALL else type
        if operator == "-" and type == UINT:
            return LONG, Code("-{0}", run)
        if result == ULONG and operator == "-":
            return None
        return result, run if operator == "+" else conversions.wrapped(Code(f"{operator}{{0}}", run), result)
    if operator == "+" and type in _NEGATED:
        return type, run
    if operator == "-" and type in _NEGATED:
        return type, Code("{negate}({0})", run, negate=_NEGATED[type])
    return None


_NEGATED: dict[Type, Callable[[Any], Any]] = {
    DOUBLE: neg,
    FLOAT: neg,
    DECIMAL: decimals.negate,
    TIMESPAN: lambda span: TimeSpan(-span.ticks),
}


def _lifted_unary(operator: str, type: Type, run: Code) -> tuple[Type, Code] | None:
    given = Temporary()
    bound = unary(operator, type.args[0], given)
    if bound is None:
        return None
    result, apply = bound
    return nullable(result), Code("None if ({given} := {0}) is None else {1}", run, apply, given=given)


def binary(
    operator: str, left: Type, first: Code, left_constant: Any, right: Type, second: Code, right_constant: Any
) -> tuple[Type, Code] | None:
    """The type and function of an operation, or None if C# has none or it is not modelled."""
    match operator:
        case "??":
            return _coalesce(left, first, right, second, right_constant)
        case "+" if left == XNamespace.type and right == STRING:
            return XName.type, Code("{name}({0}, {1})", first, second, name=name_in)
        case "+" if STRING in (left, right) and VOID not in (left, right):
            one, two = conversions.to_text(first, left), conversions.to_text(second, right)
            return STRING, Code("{0} + {1}", one, two)
        case _ if NULL in (left, right) and operator in {"==", "!="}:
            return _equality(operator == "!=", left, first, left_constant, right, second, right_constant)
        case "&" | "|" if nullable(BOOL) in (left, right) and {left, right} <= {BOOL, nullable(BOOL)}:
            return nullable(BOOL), Code("{both}({0}, {1})", first, second, both=_THREE_VALUED[operator])
        case _ if "Nullable" in (left.name, right.name):
            return _lifted(operator, left, first, left_constant, right, second, right_constant)
        case "==" | "!=":
            return _equality(operator == "!=", left, first, left_constant, right, second, right_constant)
        case _:
            return _numeric(operator, left, first, left_constant, right, second, right_constant)


# https://learn.microsoft.com/dotnet/csharp/language-reference/operators/boolean-logical-operators#nullable-boolean-logical-operators
_THREE_VALUED: dict[str, Callable[[bool | None, bool | None], bool | None]] = {
    "&": lambda one, two: False if one is False or two is False else None if one is None or two is None else True,
    "|": lambda one, two: True if one is True or two is True else None if one is None or two is None else False,
}


def _lifted(
    operator: str, left: Type, first: Code, left_constant: Any, right: Type, second: Code, right_constant: Any
) -> tuple[Type, Code] | None:
    """An operation on `T?`: null if one is null; comparisons are false then, and null equals null."""
    one, two = Temporary(), Temporary()
    bound = binary(operator, underlying(left), one, left_constant, underlying(right), two, right_constant)
    if (
        bound is None
        or underlying(left) == BOOL != bound[0]
        or (BOOL in (underlying(left), underlying(right)) and operator in "&|")
    ):
        return None
    result, apply = bound
    compares = operator in _COMPARISON or operator in {"==", "!="}

    # What comes of null, once both are evaluated.
    null = "None"
    if operator in {"==", "!="}:
        null = "{one} is {two}" if operator == "==" else "{one} is not {two}"
    elif compares:
        null = "False"
    lifted = f"({null}) if (({{one}} := {{0}}), ({{two}} := {{1}})) and ({{one}} is None or {{two}} is None) else {{2}}"
    return (result if compares else nullable(result)), Code(lifted, first, second, apply, one=one, two=two)


def _coalesce(left: Type, first: Code, right: Type, second: Code, constant: Any) -> tuple[Type, Code] | None:
    if left == NULL:
        return (right, second) if right not in (NULL, THROW) else None
    if not holds_null(left):
        return None
    inner = underlying(left)
    to_inner = conversions.implicit(second, right, inner, constant) if left != inner else None
    result, other = (
        (inner, to_inner) if to_inner is not None else (left, conversions.implicit(second, right, left, constant))
    )
    if other is not None:
        return result, Code("{given} if ({given} := {0}) is not None else {1}", first, other)
    given = Temporary()
    to_right = conversions.implicit(given, inner, right)
    if to_right is None:
        return None
    return right, Code("{1} if ({given} := {0}) is None else {2}", first, second, to_right, given=given)


def _equality(
    negated: bool, left: Type, first: Code, left_constant: Any, right: Type, second: Code, right_constant: Any
) -> tuple[Type, Code] | None:
    same: str | None = None
    if STRING in (left, right) and _NAMES & {left, right}:
        # A text becomes a name, and equal names are the same object.
        named = right if left == STRING else left
        one, two = conversions.implicit(first, left, named), conversions.implicit(second, right, named)
        return None if one is None or two is None else (BOOL, Code(_identity(negated), one, two))
    if left == right and (left in (STRING, BOOL) or left.name in _BY_VALUE | _ALIKE):
        same = "{0} != {1}" if negated else "{0} == {1}"
    elif left == right == NULL:
        same = _identity(negated)
    elif NULL in (left, right):
        other = right if left == NULL else left
        if other in boxing.NUMERIC or other == BOOL or other.name in _COMPARED_WITH_NULL:
            # Lifted to T?, which a T never equals null as. The compiler warns, no more.
            value = second if left == NULL else first
            return BOOL, Code("({0}, {never})[1]", value, never=negated)
        same = _identity(negated) if holds_null(other) else None
    elif left in boxing.NUMERIC or right in boxing.NUMERIC:
        return _compared(negated, left, first, left_constant, right, second, right_constant)
    elif {left, right} == {DATETIME, OFFSET}:
        return _equality(
            negated, OFFSET, _offset(first, left), None, OFFSET, _offset(second, right), None
        )  # fmt: skip
    elif OBJECT in (left, right) and is_reference(left) and is_reference(right):
        return BOOL, Code("{same}({0}, {1}) is not {negated}", first, second, same=_same_object, negated=negated)
    elif left not in (OBJECT, STRING) and right not in (OBJECT, STRING) and is_reference(left) and is_reference(right):
        same = _identity(negated) if derives(left, right) or derives(right, left) else None
    return None if same is None else (BOOL, Code(same, first, second))


def _same_object(one: Any, two: Any) -> bool:
    """Whether two references are to one object, as `==` of an object asks.

    Raises:
        NotImplementedError: both are equal texts or numbers, which may be one object or two.
    """
    if one is None or two is None or isinstance(one, str) != isinstance(two, str):
        return one is two
    plain = (str, int, float, Decimal)
    if isinstance(one, plain) and isinstance(two, plain):
        if one == "" and two == "":
            # .NET has one empty text.
            return True
        if one.__class__ is two.__class__ and one == two:
            raise NotImplementedError(f"whether two texts or numbers {one!r} are the same object; converted first, ==")
        return False
    return one is two


_COMPARED_WITH_NULL = frozenset({"DateTime", "DateTimeOffset", "TimeSpan", "Guid", *ENUMERATIONS})
_NAMES = frozenset({XName.type, XNamespace.type})


def _offset(run: Code, type: Type) -> Code:
    return run if type == OFFSET else Code("{offset}({0})", run, offset=boxing.offset_of)


def _compared(
    negated: bool, left: Type, first: Code, left_constant: Any, right: Type, second: Code, right_constant: Any
) -> tuple[Type, Code] | None:
    common = _promoted(left, left_constant, right, right_constant)
    if common is None:
        return None
    one, two = _as(first, left, common), _as(second, right, common)
    return BOOL, Code("{0} != {1}" if negated else "{0} == {1}", one, two)


def _as(run: Code, source: Type, target: Type) -> Code:
    if source in INTEGRAL and target in INTEGRAL:
        return run
    return conversions.numeric(run, source, target)


# Value types and enumerations, whose == compares what they are.
_BY_VALUE = frozenset({"Guid", "DateTimeOffset", "DateTime", "TimeSpan", "HashAlgorithmName", *ENUMERATIONS})
# Classes with an == of their own.
_ALIKE = frozenset({"Uri", "RSASignaturePadding", "RSAEncryptionPadding"})


def _identity(negated: bool) -> str:
    """Reference equality, for null and for classes whose objects are ours as well. Python warns of `is` with a literal."""
    return f"({{one}} := {{0}}) is {'not ' if negated else ''}({{two}} := {{1}})"


def _promoted(left: Type, left_constant: Any, right: Type, right_constant: Any) -> Type | None:
    """Binary numeric promotion."""
    if left not in boxing.NUMERIC or right not in boxing.NUMERIC:
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


_COMPARISON = frozenset({"<", ">", "<=", ">="})


def _numeric(
    operator: str, left: Type, first: Code, left_constant: Any, right: Type, second: Code, right_constant: Any
) -> tuple[Type, Code] | None:
    if left == right == BOOL and operator in {"&", "|", "^"}:
        return BOOL, Code(f"{{0}} {operator} {{1}}", first, second)
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
        return BOOL, Code(f"{{0}} {operator} {{1}}", one, two)
    if type not in INTEGRAL:
        calculate = _REAL[type].get(operator)
        return None if calculate is None else (type, Code("{calculate}({0}, {1})", one, two, calculate=calculate))
    if operator not in _ARITHMETIC:
        return None
    if operator in {"/", "%"}:
        return type, Code("{divide}({0}, {1})", one, two, divide=_dividing(operator, type))
    calculated = Code(f"{{0}} {operator} {{1}}", one, two)
    # Of two numbers that fit, what comes of bits does.
    return type, calculated if operator in {"&", "|", "^"} else conversions.wrapped(calculated, type)


def _dividing(operator: str, type: Type) -> Callable[[int, int], int]:
    low, integral = INTEGRAL[type][0], _ARITHMETIC[operator]

    def divide(dividend: int, divisor: int) -> int:
        if divisor == -1 and dividend == low < 0:
            _overflow()
        return integral(dividend, divisor)

    return divide


def _enumerated(operator: str, type: Type, first: Code, second: Code) -> tuple[Type, Code] | None:
    one, two = _number(type, first), _number(type, second)
    if operator in {"|", "&", "^"}:
        return type, Code(f"{{member}}({{type}}, {{0}} {operator} {{1}})", one, two, member=boxing.member_of, type=type)
    if operator in _COMPARISON:
        return BOOL, Code(f"{{0}} {operator} {{1}}", one, two)
    return None


def _number(type: Type, run: Code) -> Code:
    return Code("{number}({type}, {0})", run, number=boxing.number_of, type=type)


def _timed(operator: str, left: Type, first: Code, right: Type, second: Code) -> tuple[Type, Code] | None:
    """Operations on dates and spans of time."""
    moments = (DATETIME, OFFSET)
    if operator in _COMPARISON or operator == "-":
        if left in moments and right in moments and left != right:
            return _timed(operator, OFFSET, _offset(first, left), OFFSET, _offset(second, right))
        if left == right and operator in _COMPARISON and left in (*moments, TIMESPAN):
            return BOOL, Code(f"{{0}} {operator} {{1}}", first, second)
        if left == right == DATETIME:
            return TIMESPAN, Code("{span}({0}.ticks - {1}.ticks)", first, second, span=TimeSpan)
        if left == right == OFFSET:
            return TIMESPAN, Code("{span}({0}.utc - {1}.utc)", first, second, span=TimeSpan)
    if operator in {"+", "-"} and right == TIMESPAN:
        if left in moments:
            return left, Code(f"{{0}}.plus({operator}{{1}}.ticks)", first, second)
        if left == TIMESPAN:
            return TIMESPAN, Code(f"{{span}}({{0}}.ticks {operator} {{1}}.ticks)", first, second, span=TimeSpan)
    return None


def _shift(operator: str, left: Type, first: Code, right: Type, second: Code) -> tuple[Type, Code] | None:
    if left not in INTEGRAL or right not in (INT, *SMALL):
        return None
    type = INT if left in SMALL else left
    mask = 63 if type in (LONG, ULONG) else 31
    shifted = Code(f"{{0}} {operator} ({{1}} & {mask})", first, second)
    return type, shifted if operator == ">>" else conversions.wrapped(shifted, type)
