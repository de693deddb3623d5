"""decimal: 96 bits and a scale of at most 28, which stays visible in the text."""

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal

from apim_policies.expressions.values.failures import CSharpException

WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)
_MOST = 2**96 - 1
_SCALE = 28


def _overflow() -> CSharpException:
    return CSharpException("System.OverflowException", "Value was either too large or too small for a Decimal.")


def fit(value: Decimal) -> Decimal:
    """Rounded to what fits, half to even.

    Raises:
        CSharpException: OverflowException.
    """
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    mantissa = int("".join(map(str, digits)))
    if exponent > 0:
        mantissa, exponent = mantissa * 10**exponent, 0
    while mantissa > _MOST or exponent < -_SCALE:
        if exponent >= 0:
            raise _overflow()
        # At most what stands after the point: no digit before it can be left out.
        excess = min(max(len(str(mantissa)) - 29, -_SCALE - exponent, 1), -exponent)
        value = WIDE.quantize(
            Decimal((sign, tuple(map(int, str(mantissa))), exponent)), Decimal(1).scaleb(exponent + excess)
        )
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        mantissa = int("".join(map(str, digits)))
    if mantissa == 0 and sign:
        raise NotImplementedError("a negative decimal zero")
    return Decimal((sign, tuple(map(int, str(mantissa))), exponent))


def add(one: Decimal, two: Decimal) -> Decimal:
    return _calculated(WIDE.add(one, two))


def subtract(one: Decimal, two: Decimal) -> Decimal:
    return _calculated(WIDE.subtract(one, two))


def multiply(one: Decimal, two: Decimal) -> Decimal:
    return _calculated(WIDE.multiply(one, two))


def divide(one: Decimal, two: Decimal) -> Decimal:
    if two == 0:
        raise CSharpException("System.DivideByZeroException", "Attempted to divide by zero.")
    quotient = _calculated(WIDE.divide(one, two))
    preferred = min(-max(0, _scale(one) - _scale(two)), 0)
    sign, digits, exponent = quotient.as_tuple()
    assert isinstance(exponent, int)
    mantissa = int("".join(map(str, digits)))
    while exponent < preferred and mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    if exponent > preferred:
        mantissa, exponent = mantissa * 10 ** (exponent - preferred), preferred
    return like(quotient, Decimal((sign, tuple(map(int, str(mantissa))), exponent)))


def remainder(one: Decimal, two: Decimal) -> Decimal:
    if two == 0:
        raise CSharpException("System.DivideByZeroException", "Attempted to divide by zero.")
    return _calculated(WIDE.remainder(one, two))


def negate(value: Decimal) -> Decimal:
    if value == 0:
        raise NotImplementedError("a negative decimal zero")
    return value.copy_negate()


def of_double(value: float) -> Decimal:
    """`(decimal)double`: 15 digits, found by multiplying doubles as .NET does, no zeros at the end."""
    if not math.isfinite(value):
        raise _overflow()
    size = abs(value)
    exponent = math.frexp(size)[1]
    if exponent < -94:
        return Decimal(0)
    if exponent > 96:
        raise _overflow()
    power = min(14 - ((exponent * 19728) >> 16), _SCALE)
    if power >= 0:
        size *= float(f"1e{power}")
    elif power != -1 or size >= 1e15:
        size /= float(f"1e{-power}")
    else:
        power = 0
    if size < 1e14 and power < _SCALE:
        size *= 10
        power += 1
    digits = round(size)
    if digits == 0:
        return Decimal(0)
    while power > 0 and digits % 10 == 0:
        digits, power = digits // 10, power - 1
    result = Decimal((int(value < 0), tuple(map(int, str(digits))), -power))
    return fit(result)


def _scale(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


class CalculatedZero(Decimal):
    """A zero that an operation gave. .NET's may have a sign, which depends on the operands' signs and scales and on whether
    the compiler calculates; nothing shows it but a conversion to floating point."""

    def __float__(self) -> float:
        raise NotImplementedError("the sign of a decimal zero that was calculated")


def _calculated(value: Decimal) -> Decimal:
    return CalculatedZero(fit(value.copy_abs())) if value == 0 else fit(value)


def like(operand: Decimal, zero: Decimal) -> Decimal:
    """What rounding made of an operand: the sign of a zero is as sure as the operand's."""
    return CalculatedZero(zero) if isinstance(operand, CalculatedZero) else zero
