"""Namespace System without text, times and addresses: numbers, Convert, Math, Guid, Random, BitConverter, Array, Exception."""

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from secure_mcp_local.expressions import culture, decimals
from secure_mcp_local.expressions.containers import Array, Enumeration, folded
from secure_mcp_local.expressions.conversions import boxed
from secure_mcp_local.expressions.converting import (
    convert,
    parse_bool,
    parse_decimal,
    parse_double,
    parse_guid,
    parse_integer,
)
from secure_mcp_local.expressions.dotnet.registry import T0, Method, Model, Property, out
from secure_mcp_local.expressions.dotnet.strings import compare, same
from secure_mcp_local.expressions.failing import (
    argument_null,
    format_error,
    invalid_operation,
    out_of_range,
)
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.formats import formatted, guid
from secure_mcp_local.expressions.numbers import single, wrap
from secure_mcp_local.expressions.runtime import equal, text_of
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTE,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    EXCEPTION,
    FLOAT,
    GUID,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    SBYTE,
    SHORT,
    SMALL,
    STRING,
    UINT,
    ULONG,
    USHORT,
    VOID,
    Type,
    array,
)

PROFILE = 1
_ROUNDING = Type("MidpointRounding")


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


def _equals(type: Type) -> list[Method]:
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
            ],
            "Equals": _equals(type),
            "CompareTo": _compared(type),
        },
        statics={
            "Parse": [Method((STRING,), type, parse)],
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
_BOOL = Model(
    methods={
        "ToString": [Method((), STRING, text_of)],
        "Equals": _equals(BOOL),
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


# -- Convert
def _from_base64(text: str | None) -> bytearray:
    if text is None:
        raise argument_null("s")
    plain = re.sub(r"[ \t\r\n]", "", text)
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", plain) or len(plain) % 4:
        raise format_error("The input is not a valid Base-64 string.")
    try:
        return bytearray(base64.b64decode(plain))
    except binascii.Error:
        raise format_error("The input is not a valid Base-64 string.") from None


def _to_base64(data: bytearray | None, start: int = 0, count: int | None = None) -> str:
    if data is None:
        raise argument_null("inArray")
    length = len(data) - start if count is None else count
    if start < 0 or length < 0 or start + length > len(data):
        raise out_of_range("offset")
    return base64.b64encode(data[start : start + length]).decode()


def _of_base(type: Type) -> Callable[[str | None, int], int]:
    low, high = INTEGRAL[type]

    def parse(text: str | None, base: int) -> int:
        if base not in {2, 8, 10, 16}:
            raise CSharpException("System.ArgumentException", "Invalid Base.")
        if text is None:
            return 0
        if base == 10:
            if not re.fullmatch("-?[0-9]+", text):
                raise NotImplementedError(f"Convert of {text!r} in base 10")
            value = int(text)
            if not low <= value <= high:
                raise _overflow()
            return value
        if text == "":
            raise out_of_range("startIndex")
        if text.startswith("-"):
            raise CSharpException(
                "System.ArgumentException", "String cannot contain a minus sign if the base is not 10."
            )
        digits = text[2:] if base == 16 and text[:2].lower() == "0x" else text
        alphabet = {2: "[01]+", 8: "[0-7]+", 16: "[0-9A-Fa-f]+"}[base]
        if not re.match(alphabet, digits):
            raise format_error("Could not find any recognizable digits.")
        if not re.fullmatch(alphabet, digits):
            raise format_error("Additional non-parsable characters are at the end of the string.")
        value = int(digits, base)
        if value > high - low:
            raise _overflow()
        return value - (high - low + 1) if value > high else value

    return parse


def _overflow() -> CSharpException:
    return CSharpException("System.OverflowException", "Value was either too large or too small.")


def _in_base(type: Type) -> Callable[[int, int], str]:
    low, high = INTEGRAL[type]

    def write(value: int, base: int) -> str:
        if base not in {2, 8, 10, 16}:
            raise CSharpException("System.ArgumentException", "Invalid Base.")
        if base == 10:
            return str(value)
        return f"{value % (high - low + 1):{ {2: 'b', 8: 'o', 16: 'x'}[base] }}"

    return write


_TARGETS = {
    "ToInt32": INT, "ToInt64": LONG, "ToInt16": SHORT, "ToByte": BYTE, "ToSByte": SBYTE, "ToUInt16": USHORT,
    "ToUInt32": UINT, "ToUInt64": ULONG, "ToDouble": DOUBLE, "ToSingle": FLOAT, "ToDecimal": DECIMAL, "ToBoolean": BOOL,
    "ToChar": CHAR, "ToDateTime": DATETIME,
}  # fmt: skip
_SOURCES = (*INTEGRAL, DOUBLE, FLOAT, DECIMAL, BOOL, STRING, DATETIME, OBJECT)


def _converting(target: Type) -> list[Method]:
    def method(source: Type) -> Method:
        return Method((source,), target, lambda value: _converted(boxed(value, source), target, source))

    methods = [method(source) for source in _SOURCES]
    if target in {INT, LONG, SHORT, BYTE}:
        methods.append(Method((STRING, INT), target, _of_base(target)))
    return methods


def _converted(value: Any, target: Type, source: Type) -> Any:
    if value is None and target == CHAR and source == STRING:
        raise argument_null("value")
    return convert(value, target)


_CONVERT = Model(
    statics={
        **{name: _converting(target) for name, target in _TARGETS.items()},
        "ToString": [
            *(
                Method((source,), STRING, lambda value, source=source: text_of(boxed(value, source)))
                for source in _SOURCES
                if source != STRING
            ),
            Method((STRING,), STRING, lambda value: value),
            *(Method((source, INT), STRING, _in_base(source)) for source in (INT, LONG, SHORT, BYTE)),
        ],
        "ToBase64String": [Method((BYTES,), STRING, _to_base64), Method((BYTES, INT, INT), STRING, _to_base64)],
        "FromBase64String": [Method((STRING,), BYTES, _from_base64)],
    }
)


# -- Math
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
    return _positive_zero(value.quantize(Decimal(1).scaleb(-digits), mode, decimals.WIDE))


def _positive_zero(value: Decimal) -> Decimal:
    if value == 0 and value.is_signed():
        raise NotImplementedError("a negative decimal zero")
    return value


def _whole(value: Decimal, mode: str) -> Decimal:
    return _positive_zero(value.quantize(Decimal(1), mode, decimals.WIDE))


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
        "Pow": [Method((DOUBLE, DOUBLE), DOUBLE, _floating(_power))],
        "Sqrt": [Method((DOUBLE,), DOUBLE, _floating(math.sqrt))],
        "Log": [Method((DOUBLE,), DOUBLE, _floating(_logarithm))],
        "Exp": [Method((DOUBLE,), DOUBLE, _floating(math.exp))],
    },
    static_properties={"PI": Property(DOUBLE, lambda: math.pi), "E": Property(DOUBLE, lambda: math.e)},
)


# -- Random
class RandomSource:
    """System.Random with a seed: Knuth's subtractive generator, as .NET has it; without, numbers from the profile."""

    type = Type("Random")
    _BIG = 2**31 - 1

    def __init__(self, seed: int) -> None:
        subtraction = self._BIG if seed == -(2**31) else abs(seed)
        table = [0] * 56
        mj = 161803398 - subtraction
        table[55] = mj
        mk, ii = 1, 0
        for _ in range(1, 55):
            ii += 21
            if ii >= 55:
                ii -= 55
            table[ii] = mk
            mk = wrap(mj - mk, INT)
            if mk < 0:
                mk += self._BIG
            mj = table[ii]
        for _ in range(1, 5):
            for i in range(1, 56):
                n = i + 30
                if n >= 55:
                    n -= 55
                table[i] = wrap(table[i] - table[1 + n], INT)
                if table[i] < 0:
                    table[i] += self._BIG
        self.table, self.first, self.second = table, 0, 21

    def sample(self) -> int:
        self.first = self.first + 1 if self.first + 1 < 56 else 1
        self.second = self.second + 1 if self.second + 1 < 56 else 1
        value = self.table[self.first] - self.table[self.second]
        if value == self._BIG:
            value -= 1
        if value < 0:
            value += self._BIG
        self.table[self.first] = value
        return value

    def double(self) -> float:
        return self.sample() * (1.0 / self._BIG)

    def next(self, low: int = 0, high: int | None = None) -> int:
        if high is None:
            return self.sample()
        if low > high:
            raise out_of_range("minValue")
        span = high - low
        if span <= self._BIG:
            return int(self.double() * span) + low
        raise NotImplementedError("Random.Next of more than two thousand million numbers")

    def below(self, high: int) -> int:
        if high < 0:
            raise out_of_range("maxValue")
        return int(self.double() * high)

    def fill(self, data: bytearray | None) -> None:
        if data is None:
            raise argument_null("buffer")
        for n in range(len(data)):
            data[n] = self.sample() % 256


def _seeded(env: list[Any]) -> RandomSource:
    return RandomSource(int.from_bytes(env[PROFILE].random_bytes(4), "little") >> 1)


_RANDOM = Model(
    methods={
        "Next": [
            Method((), INT, RandomSource.next),
            Method((INT,), INT, RandomSource.below),
            Method((INT, INT), INT, RandomSource.next),
        ],
        "NextDouble": [Method((), DOUBLE, RandomSource.double)],
        "NextBytes": [Method((BYTES,), VOID, RandomSource.fill)],
    },
    constructors=[Method((), Type("Random"), _seeded, env=True), Method((INT,), Type("Random"), RandomSource)],
)


# -- BitConverter
def _hexadecimal(data: bytearray | None, start: int = 0, count: int | None = None) -> str:
    if data is None:
        raise argument_null("value")
    length = len(data) - start if count is None else count
    if start < 0 or (start >= len(data) and start > 0):
        raise out_of_range("startIndex")
    if length < 0:
        raise out_of_range("length")
    if start + length > len(data):
        raise CSharpException("System.ArgumentException", "Offset and length were out of bounds for the array.")
    return data[start : start + length].hex("-").upper()


_LAYOUTS = {"ToInt16": ("<h", SHORT), "ToInt32": ("<i", INT), "ToInt64": ("<q", LONG), "ToUInt16": ("<H", USHORT),
            "ToUInt32": ("<I", UINT), "ToUInt64": ("<Q", ULONG), "ToDouble": ("<d", DOUBLE), "ToSingle": ("<f", FLOAT)}  # fmt: skip


def _unpacking(layout: str) -> Callable[[bytearray | None, int], Any]:
    size = struct.calcsize(layout)

    def unpack(data: bytearray | None, start: int) -> Any:
        if data is None:
            raise argument_null("value")
        if not 0 <= start < len(data):
            raise out_of_range("startIndex")
        if start > len(data) - size:
            raise CSharpException("System.ArgumentException", "Destination array is not long enough.")
        return struct.unpack_from(layout, data, start)[0]

    return unpack


def _packed(layout: str, value: float) -> bytearray:
    if math.isnan(value):
        raise NotImplementedError("the bytes of NaN, whose sign depends on how it came about")
    return bytearray(struct.pack(layout, value))


_BITS = Model(
    statics={
        "ToString": [Method((BYTES,), STRING, _hexadecimal), Method((BYTES, INT), STRING, _hexadecimal), Method((BYTES, INT, INT), STRING, _hexadecimal)],
        "GetBytes": [
            *(Method((type,), BYTES, lambda value, layout=layout: _packed(layout, value)) for layout, type in _LAYOUTS.values()),
            Method((BOOL,), BYTES, lambda value: bytearray([value])),
            Method((CHAR,), BYTES, lambda value: bytearray(struct.pack("<H", value))),
        ],
        **{name: [Method((BYTES, INT), type, _unpacking(layout))] for name, (layout, type) in _LAYOUTS.items()},
    },
    static_properties={"IsLittleEndian": Property(BOOL, lambda: True)},
)  # fmt: skip


# -- Array
def _copied(source: Any, start: int, target: Any, at: int, count: int) -> None:
    if source is None or target is None:
        raise argument_null("sourceArray" if source is None else "destinationArray")
    if start < 0 or at < 0 or count < 0:
        raise out_of_range("length")
    if start + count > len(source) or at + count > len(target):
        raise CSharpException(
            "System.ArgumentException",
            "Source array was not long enough. Check the source index, length, and the array's lower bounds.",
        )
    target[at : at + count] = source[start : start + count]


def _reversed(items: Any) -> None:
    if items is None:
        raise argument_null("array")
    items.reverse()


def sort_key(element: Type) -> Callable[[Any], Any]:
    """What the default comparer orders by."""
    if element == STRING:
        return lambda text: (0, "", "") if text is None else (1, *culture.key(text))
    if element in INTEGRAL or element in (DECIMAL, BOOL, DATETIME) or element.name in {"DateTimeOffset", "TimeSpan"}:
        return lambda value: value
    if element in (DOUBLE, FLOAT):
        return lambda value: (0, 0.0) if math.isnan(value) else (1, value)
    raise NotImplementedError(f"sorting of {element}")


def _sort(element: Type) -> Callable[[Any], None]:
    def sort(items: Any) -> None:
        if items is None:
            raise argument_null("array")
        if len(items) > 1:
            items[:] = (
                sorted(items, key=sort_key(element)) if not isinstance(items, bytearray) else bytes(sorted(items))
            )

    return sort


_ELEMENTS = (STRING, INT, LONG, DOUBLE, BYTE, CHAR, DECIMAL, DATETIME, OBJECT, BOOL)


def _found(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    return next((n for n, item in enumerate(items) if equal(item, wanted)), -1)


def _found_plain(items: Any, wanted: Any) -> int:
    if items is None:
        raise argument_null("array")
    return next((n for n, item in enumerate(items) if item == wanted), -1)


def _searching(element: Type) -> dict[str, Method]:
    given = Type("Func", (element, BOOL))

    def checked(items: Any, test: Any) -> Any:
        if items is None or test is None:
            raise argument_null("array" if items is None else "match")
        return items

    empty: Any = "" if element == STRING else None
    return {
        "FindIndex": Method((array(element), given), INT, lambda items, test: next((n for n, item in enumerate(checked(items, test)) if test(item)), -1)),
        "Exists": Method((array(element), given), BOOL, lambda items, test: any(test(item) for item in checked(items, test))),
        "TrueForAll": Method((array(element), given), BOOL, lambda items, test: all(test(item) for item in checked(items, test))),
        "FindAll": Method((array(element), given), array(element), lambda items, test: _like(items, [item for item in checked(items, test) if test(item)])),
        **({"Find": Method((array(STRING), given), STRING, lambda items, test: next((item for item in checked(items, test) if test(item)), None))} if empty == "" else {}),
    }  # fmt: skip


def _like(items: Any, chosen: list[Any]) -> Any:
    return bytearray(chosen) if isinstance(items, bytearray) else chosen


_SEARCHES = [_searching(element) for element in _ELEMENTS]
_ARRAY = Model(
    statics={
        "Copy": [
            Method((array(element), INT, array(element), INT, INT), VOID, _copied) for element in _ELEMENTS
        ]
        + [
            Method((array(element), array(element), INT), VOID, lambda source, target, count: _copied(source, 0, target, 0, count))
            for element in _ELEMENTS
        ],
        "Reverse": [Method((array(element),), VOID, _reversed) for element in _ELEMENTS],
        "Sort": [Method((array(element),), VOID, _sort(element)) for element in _ELEMENTS if element != OBJECT],
        "IndexOf": [
            Method((array(element), element), INT, _found if element == OBJECT else _found_plain) for element in _ELEMENTS
        ],
        **{
            name: [search[name] for search in _SEARCHES if name in search]
            for name in ("FindIndex", "Exists", "TrueForAll", "FindAll", "Find")
        },
    },
    static_generics={
        "Empty": lambda element: Method((), array(element), lambda: bytearray() if element == BYTE else Array([], array(element)))
    },
)  # fmt: skip


# -- the rest
def _exception(message: str | None = None, inner: CSharpException | None = None) -> CSharpException:
    text = "Exception of type 'System.Exception' was thrown." if message is None else message
    return CSharpException("System.Exception", text, inner)


_TOLD = frozenset({
    "System.Exception", "System.NullReferenceException", "System.DivideByZeroException", "System.IndexOutOfRangeException",
    "System.Collections.Generic.KeyNotFoundException",
})  # fmt: skip
"""Exceptions whose messages are known; others depend on the version of .NET."""


def _message(error: CSharpException) -> str:
    plain = error.message == "Input string was not in a correct format."
    if error.type not in _TOLD and not plain:
        raise NotImplementedError(f"the message of a {error.type}")
    return error.message


def _new_guid(env: list[Any]) -> UUID:
    return env[PROFILE].guid()


def _guid_of_bytes(data: bytearray | None) -> UUID:
    if data is None:
        raise argument_null("b")
    if len(data) != 16:
        raise CSharpException("System.ArgumentException", "Byte array for GUID must be exactly 16 bytes long.")
    return UUID(bytes_le=bytes(data))


_GUID = Model(
    methods={
        "ToString": [Method((), STRING, str), Method((STRING,), STRING, guid)],
        "ToByteArray": [Method((), BYTES, lambda value: bytearray(value.bytes_le))],
        "Equals": _equals(GUID),
    },
    statics={
        "NewGuid": [Method((), GUID, _new_guid, env=True)],
        "Parse": [Method((STRING,), GUID, parse_guid)],
        "TryParse": [Method((STRING, out(GUID)), BOOL, tried(parse_guid, UUID(int=0)))],
    },
    static_properties={"Empty": Property(GUID, lambda: UUID(int=0))},
    constructors=[
        Method((STRING,), GUID, parse_guid),
        Method((BYTES,), GUID, _guid_of_bytes),
        Method((), GUID, lambda: UUID(int=0)),
    ],
)


def _valued(value: Any) -> Any:
    if value is None:
        raise invalid_operation("Nullable object must have a value.")
    return value


def _or_default(value: Any, other: Any) -> Any:
    return other if value is None else value


_NULLABLE = Model(
    methods={"GetValueOrDefault": [Method((T0,), T0, _or_default)]},
    properties={"HasValue": Property(BOOL, lambda value: value is not None), "Value": Property(T0, _valued)},
)


def _enumeration(name: str) -> Model:
    type_ = Type(name)
    return Model(
        methods={
            "ToString": [
                Method((), STRING, lambda value: value),
                Method((STRING,), STRING, lambda value, form: formatted(Enumeration(type_, value), form)),
            ],
            "Equals": [Method((OBJECT,), BOOL, lambda value, other: equal(Enumeration(type_, value), other))],
        },
        static_properties={member: Property(type_, lambda member=member: member) for member in ENUMERATIONS[name]},
    )


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
    "bool": _BOOL,
    **{type.name: _integer(type) for type in INTEGRAL if type != CHAR},
    "double": _real(DOUBLE, 1.7976931348623157e308, parse_double),
    "float": _real(FLOAT, 3.4028234663852886e38, lambda text: single(parse_double(text))),
    "decimal": _DECIMAL,
    "object": Model(
        methods={
            "ToString": [Method((), STRING, text_of)],
            "Equals": [Method((OBJECT,), BOOL, equal)],
        },
        statics={
            "Equals": [Method((OBJECT, OBJECT), BOOL, equal)],
        },
    ),
    "Convert": _CONVERT,
    "Math": _MATH,
    "Random": _RANDOM,
    "BitConverter": _BITS,
    "Array": _ARRAY,
    "Guid": _GUID,
    "Nullable": _NULLABLE,
    "Exception": Model(
        properties={
            "Message": Property(STRING, _message),
            "InnerException": Property(EXCEPTION, lambda error: error.inner),
        },
        constructors=[
            Method((STRING,), EXCEPTION, _exception),
            Method((), EXCEPTION, _exception),
            Method((STRING, EXCEPTION), EXCEPTION, _exception),
        ],
    ),
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
    **{name: _enumeration(name) for name in ENUMERATIONS},
}
_NAMED = ("Convert", "Math", "Random", "BitConverter", "Array", "Guid", "Exception", "StringComparer", "StringComparison",
          "StringSplitOptions", "DateTimeKind", "MidpointRounding", "UriPartial", "DayOfWeek")  # fmt: skip
NAMES = dict.fromkeys(_NAMED, "System") | {
    "RegexOptions": "System.Text.RegularExpressions",
    "Formatting": "Newtonsoft.Json",
    "JTokenType": "Newtonsoft.Json.Linq",
}
