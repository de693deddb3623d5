"""Numbers and other values by format strings, with the invariant culture.

https://learn.microsoft.com/dotnet/standard/base-types/standard-numeric-format-strings
"""

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from uuid import UUID

from apim_policies.errors import NotModelled
from apim_policies.expressions.newtonsoft.texts import number_text
from apim_policies.expressions.newtonsoft.tokens import JValue
from apim_policies.expressions.objects.reflection import text_of, type_of
from apim_policies.expressions.types import ENUMERATIONS, INT, INTEGRAL
from apim_policies.expressions.values.containers import Enumeration, within
from apim_policies.expressions.values.failing import argument_null, format_error
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan, pieces
from apim_policies.expressions.values.numbers import Char, Float, single_digits

_STANDARD = re.compile(r"([A-Za-z])([0-9]{0,2})")
_PART = re.compile(r"""'[^']*'?|"[^"]*"?|\\.?|.""", re.DOTALL)
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)


def formatted(value: object, form: str | None) -> str:
    """`ToString(format)` of any object, and what `{0:format}` gives.

    Raises:
        CSharpException: FormatException.
        NotModelled: the format is one that is not modelled.
    """
    if not form:
        return text_of(value)
    match value:
        case bool() | Char() | str() | None:
            return text_of(value)
        case int() | float() | Decimal():
            return number(value, form)
        case DateTime() | DateTimeOffset() | TimeSpan():
            return value.format(form)
        case UUID():
            return guid(value, form)
        case Enumeration():
            return enumeration(value, form)
        case JValue():
            return formatted(value.value, form)
        case _:
            return text_of(value)


def guid(value: UUID, form: str | None) -> str:
    match (form or "D").lower():
        case "d":
            return str(value)
        case "n":
            return value.hex
        case "b":
            return f"{{{value}}}"
        case "p":
            return f"({value})"
        case "x":
            parts = ",".join(f"0x{byte:02x}" for byte in value.bytes[8:])
            first, second, third = value.fields[:3]
            return f"{{0x{first:08x},0x{second:04x},0x{third:04x},{{{parts}}}}}"
        case _:
            raise format_error('Format String can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x".')


def enumeration(value: Enumeration, form: str | None) -> str:
    match (form or "G").lower():
        case "g" | "f":
            return value.name
        case "d":
            return str(ENUMERATIONS[value.type.name].get(value.name, value.name))
        case _:
            raise NotModelled(f"the format {form!r} of an enumeration is not modelled by the local cloud")


def number(value: float | Decimal, form: str) -> str:
    standard = _STANDARD.fullmatch(form)
    if standard is None:
        if re.fullmatch("[A-Za-z][0-9]+", form):
            raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
        return _custom(value, form)
    letter, digits = standard[1], int(standard[2]) if standard[2] else None
    if isinstance(value, float) and not math.isfinite(value):
        if letter in "DdXx":
            raise format_error("Format specifier was invalid.")
        return number_text(value)
    match letter.upper():
        case "D" if isinstance(value, int):
            return f"{'-' if value < 0 else ''}{abs(int(value)):0{max(digits or 1, 1)}d}"
        case "X" if isinstance(value, int):
            text = f"{value % (1 << _bits(value)):X}".rjust(digits or 1, "0")
            return text if letter == "X" else text.lower()
        case "F":
            return _fixed(value, 2 if digits is None else digits)
        case "N":
            return _grouped(_fixed(value, 2 if digits is None else digits))
        case "C":
            text = _grouped(_fixed(value, 2 if digits is None else digits))
            return f"(\xa4{text[1:]})" if text.startswith("-") else f"\xa4{text}"
        case "P":
            if isinstance(value, float) and abs(value) > 1e13:
                raise NotModelled(f"the percentage of {value} is not modelled by the local cloud")
            hundred = Decimal(repr(float(value))) * 100 if isinstance(value, float) else Decimal(value) * 100
            if isinstance(value, float) and Decimal(value) * 100 != hundred:
                # .NET moves the point of the exact digits.
                hundred = _EXACT.multiply(Decimal(value), Decimal(100))
            if isinstance(value, float) and _tie(hundred, 2 if digits is None else digits):
                raise NotModelled(f"the percentage of {value} is not modelled by the local cloud")
            return _grouped(_fixed(hundred, 2 if digits is None else digits)) + " %"
        case "E":
            return _scientific(value, 6 if digits is None else digits, letter, 3)
        case "G":
            return _general(value, digits, letter)
        case "R" if isinstance(value, float):
            return number_text(value)
        case _:
            raise format_error("Format specifier was invalid.")


def _tie(value: Decimal, digits: int) -> bool:
    """Whether a value lies in the middle of two roundings."""
    rest = (abs(value) * Decimal(10) ** digits) % 1
    return rest == Decimal("0.5")


def _bits(value: int) -> int:
    type_ = type_of(value) or INT
    low, high = INTEGRAL[type_]
    return (high - low).bit_length()


def _fixed(value: float | Decimal, digits: int) -> str:
    if isinstance(value, float):
        return f"{float(value):.{digits}f}"
    exact = Decimal(value)
    text = f"{_EXACT.quantize(exact, Decimal(1).scaleb(-digits)):f}"
    if text.startswith("-") and not re.search("[1-9]", text):
        raise NotModelled(f"the text of a negative number that rounds to {text} is not modelled by the local cloud")
    return text


def _grouped(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{_thousands(whole)}{point}{fraction}"


def _thousands(whole: str) -> str:
    return re.sub(r"(?<=[0-9])(?=(?:[0-9]{3})+\Z)", ",", whole)


def _mantissa(value: float | Decimal, digits: int) -> tuple[str, int]:
    """Sign and digits with a point after the first, rounded, and the exponent."""
    if not value and not isinstance(value, float):
        return f"{0:.{digits}f}", 0
    if isinstance(value, float):
        text = f"{float(value):.{digits}e}"
    else:
        context = Context(prec=digits + 1, rounding=ROUND_HALF_UP)
        text = f"{context.plus(Decimal(value)):.{digits}e}"
    mantissa, _, exponent = text.partition("e")
    return mantissa, int(exponent)


def _scientific(value: float | Decimal, digits: int, letter: str, width: int) -> str:
    mantissa, exponent = _mantissa(value, digits)
    return f"{mantissa}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):0{width}}"


def _general(value: float | Decimal, digits: int | None, letter: str) -> str:
    if not digits:
        return number_text(value) if letter == "G" else number_text(value).replace("E", "e")
    if isinstance(value, Decimal):
        raise NotModelled(f"the format G{digits} of a decimal is not modelled by the local cloud")
    if isinstance(value, Float) or (isinstance(value, float) and not value):
        raise NotModelled(f"the format G{digits} of {value} is not modelled by the local cloud")
    if value == 0:
        return "0"
    mantissa, exponent = _mantissa(value, digits - 1)
    if exponent >= digits or exponent < -4:
        trimmed = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{trimmed}{'E' if letter == 'G' else 'e'}{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    text = f"{Decimal(mantissa).scaleb(exponent):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _custom(value: float | Decimal, form: str) -> str:
    """A custom format of digits, point, groups, percent and literal text, in up to three sections."""
    if isinstance(value, float) and not math.isfinite(value):
        return number_text(value)
    sections = _sections(form)
    if len(sections) > 3 or re.search(r"[Ee][-+0]|[‰]", form):
        raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
    exact = _fifteen(value) if isinstance(value, float) else Decimal(value)
    negative = exact < 0
    if len(sections) == 3 and exact == 0:
        return _section(exact, sections[2] or sections[0], form)
    if negative and len(sections) >= 2 and sections[1]:
        text = _section(-exact, sections[1], form)
        if not re.search("[1-9]", text) and not (-exact >= 1 and _textual(sections[1])):
            raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
        return text
    text = _section(abs(exact), sections[0], form)
    sign = "-" if negative or (isinstance(value, float) and math.copysign(1, value) < 0 and exact == 0) else ""
    shown = re.search("[1-9]", text) or (abs(exact) >= 1 and _textual(sections[0]))
    if sign and not shown and not isinstance(value, float):
        raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
    if sections[1:] and sign and exact == 0:
        raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
    return sign + text


def _sections(form: str) -> list[str]:
    """The sections of a custom format: semicolons in quotes or behind a backslash are text."""
    sections, at = [""], 0
    while at < len(form):
        match = _PART.match(form, at)
        assert match is not None
        at = match.end()
        if match.group() in {"'", '"', "\\"} or (match.group()[0] in "'\"" and match.group()[-1] != match.group()[0]):
            raise NotModelled(f"the number format {form!r} is not modelled by the local cloud")
        if match.group() == ";":
            sections.append("")
        else:
            sections[-1] += match.group()
    return sections


def _textual(section: str) -> bool:
    """Whether a section shows no digit of the number."""
    return not any(kind in "0#" for kind, _ in pieces(section, "0#.,%"))


def _fifteen(value: float) -> Decimal:
    """What custom formats see of a double: 15 digits."""
    if isinstance(value, Float):
        return Decimal(single_digits(value))
    return Context(prec=15, rounding=ROUND_HALF_UP).plus(Decimal(value))


def _section(value: Decimal, form: str, whole_form: str) -> str:
    parts: list[tuple[str, str]] = []
    for kind, text in pieces(form, "0#.,%"):
        parts.extend((kind, unit) for unit in text) if kind in "0#.,%" else parts.append((kind, text))
    point = next((n for n, (kind, _) in enumerate(parts) if kind == "."), len(parts))
    before = [n for n in range(point) if parts[n][0] in "0#"]
    after = [n for n in range(point, len(parts)) if parts[n][0] in "0#"]
    if not before and not after:
        if any(kind in ".,%" for kind, _ in parts):
            raise NotModelled(f"the number format {whole_form!r} is not modelled by the local cloud")
        # A section of text alone.
        return "".join(unit for _, unit in parts)
    commas = [n for n in range(point) if parts[n][0] == ","]
    last = before[-1] if before else -1
    groups = any(before and before[0] < n < last for n in commas)
    value = value / Decimal(1000) ** sum(n > last for n in commas)
    value *= Decimal(100) ** sum(kind == "%" for kind, _ in parts)
    if any(kind == "." for kind, _ in parts[point + 1 :]) or any(kind == "," for kind, _ in parts[point:]):
        raise NotModelled(f"the number format {whole_form!r} is not modelled by the local cloud")
    text = f"{_EXACT.quantize(value, Decimal(1).scaleb(-len(after))):f}"
    whole, _, fraction = text.partition(".")
    zeros = [n for n in before if parts[n][0] == "0"]
    least = before.index(zeros[0]) if zeros else len(before)
    whole = whole.lstrip("0").rjust(len(before) - least, "0")
    kept = max((n + 1 for n, at in enumerate(after) if parts[at][0] == "0"), default=0)
    while len(fraction) > kept and fraction.endswith("0"):
        fraction = fraction[:-1]
    if groups:
        whole = _thousands(whole)
    literals_inside = any(
        kind in {"literal", "other"} and before and before[0] < n < last for n, (kind, _) in enumerate(parts[:point])
    )
    if literals_inside or any(
        kind in {"literal", "other"} and after and n < after[-1] for n, (kind, _) in enumerate(parts) if n > point
    ):
        raise NotModelled(f"the number format {whole_form!r} is not modelled by the local cloud")
    out: list[str] = []
    written = False
    for kind, unit in parts:
        if kind in {"0", "#", ".", ","}:
            if not written:
                out.append(whole + (f".{fraction}" if fraction else ""))
                written = True
        else:
            out.append(unit)
    return "".join(out)


_HOLE = re.compile(r"\{\{|\}\}|\{([0-9]+)(?:,(-?[0-9]+))?(?::([^{}]*))?\}|[{}]")


def composite(form: str | None, arguments: list[object] | None) -> str:
    """`string.Format`.

    Raises:
        CSharpException: FormatException.
    """
    if form is None:
        raise argument_null("format")
    if arguments is None:
        raise argument_null("args")

    def fill(match: re.Match[str]) -> str:
        if match.group() in {"{{", "}}"}:
            return match.group()[0]
        if match[1] is None:
            rest = form[match.start() :]
            if re.match(r"\{ |\{[0-9]+ |\{[0-9]+,[^}]* |\{[0-9]+[^}]*[{]", rest) or "}}" in rest:
                raise NotModelled(f"the format {form!r} is not modelled by the local cloud")
            raise format_error()
        if int(match[1]) >= len(arguments):
            raise format_error(
                "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
            )
        return aligned(formatted(arguments[int(match[1])], match[3]), int(match[2] or 0))

    if re.search(r"\{[0-9]+:[^{}]*\}\}", form):
        raise NotModelled(f"the format {form!r} is not modelled by the local cloud")
    return _HOLE.sub(fill, form)


def aligned(text: str, width: int) -> str:
    return text.rjust(within(width)) if width >= 0 else text.ljust(within(-width))
