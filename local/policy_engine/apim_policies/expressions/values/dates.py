"""Reading of dates: the ISO forms, for certain; other texts are refused unless nothing could read them."""

import re
from datetime import datetime, timedelta

from apim_policies.expressions.values.failing import argument_null, format_error
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    DateTime,
    DateTimeOffset,
    TimeSpan,
    in_range,
)

_ISO = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?)?\s*(Z|[+-]\d\d:\d\d)?\s*",
    re.ASCII,
)
_AMERICAN = re.compile(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?()()\s*", re.ASCII)


def _read(text: str | None, what: str) -> tuple[int, int | None]:
    """Ticks as written, and the offset in ticks if the text has one."""
    if text is None:
        raise argument_null("s")
    match = _ISO.fullmatch(text) or _AMERICAN.fullmatch(text)
    if match is None:
        if not re.search("[0-9]", text) and text.isascii():
            raise format_error(f"String '{text}' was not recognized as a valid {what}.")
        raise NotImplementedError(f"a {what} from {text!r}")
    american = match.re is _AMERICAN
    year, month, day = (match[3], match[1], match[2]) if american else (match[1], match[2], match[3])
    if match[8] and match[4] is None:
        raise NotImplementedError(f"a {what} from {text!r}")
    try:
        moment = datetime(int(year), int(month), int(day), int(match[4] or 0), int(match[5] or 0), int(match[6] or 0))
    except ValueError:
        raise format_error(f"String '{text}' was not recognized as a valid {what}.") from None
    ticks = DateTime.of(moment, ticks=int((match[7] or "").ljust(7, "0"))).ticks
    zone = match[8]
    if not zone:
        return ticks, None
    if zone == "Z":
        return ticks, 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise NotImplementedError(f"a {what} from {text!r}")
    return ticks, (-1 if zone[0] == "-" else 1) * (hours * HOUR + minutes * MINUTE)


def parse_moment(text: str | None) -> DateTime:
    """`DateTime.Parse`: with an offset the local time (of UTC), else of no known kind."""
    ticks, offset = _read(text, "DateTime")
    if offset is None:
        return DateTime(ticks, "Unspecified")
    return DateTime(in_range(ticks - offset), "Local")


def parse_offset(text: str | None) -> DateTimeOffset:
    ticks, offset = _read(text, "DateTimeOffset")
    return DateTimeOffset(in_range(ticks - (offset or 0)), offset or 0)


def parse_span(text: str | None) -> TimeSpan:
    """`TimeSpan.Parse` of days, of hours and minutes, and so on."""
    if text is None:
        raise argument_null("s")
    match = re.fullmatch(
        r"\s*(-)?(?:(\d{1,8})|(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?)\s*", text, re.ASCII
    )
    if match is None:
        if not re.search("[0-9]", text):
            raise format_error(f"String '{text}' was not recognized as a valid TimeSpan.")
        raise NotImplementedError(f"a TimeSpan from {text!r}")
    sign, only, days, hours, minutes, seconds, fraction = match.groups()
    if int(hours or 0) > 23 or int(minutes or 0) > 59 or int(seconds or 0) > 59:
        raise CSharpException("System.OverflowException", f"The TimeSpan string '{text}' could not be parsed.")
    ticks = (
        int(only or days or 0) * DAY + int(hours or 0) * HOUR + int(minutes or 0) * MINUTE + int(seconds or 0) * SECOND
    )
    ticks += int((fraction or "").ljust(7, "0"))
    return TimeSpan(-ticks if sign else ticks)


_FIELDS = re.compile(r"yyyy|MM|dd|HH|mm|ss|f{1,7}|zzz|'[^']*'|\\.|[^A-Za-z%'\"\\]|[TZK]", re.ASCII)
_NUMBERS = {
    "yyyy": r"(\d{4})",
    "MM": r"(\d{2})",
    "dd": r"(\d{2})",
    "HH": r"(\d{2})",
    "mm": r"(\d{2})",
    "ss": r"(\d{2})",
}


def parse_exact(text: str | None, pattern: str | None) -> DateTime:
    """`DateTime.ParseExact` for formats of fixed width."""
    if text is None or pattern is None:
        raise argument_null("s" if text is None else "format")
    fields = _FIELDS.findall(pattern)
    if (
        "".join(fields) != pattern
        or len(pattern) < 2
        or len(set(fields) & _NUMBERS.keys()) < len([f for f in fields if f in _NUMBERS])
    ):
        raise NotImplementedError(f"the date format {pattern!r} for reading")
    expression, names = "", list[str]()
    for part in fields:
        if part in _NUMBERS or part[0] == "f":
            names.append(part)
            expression += _NUMBERS.get(part, rf"(\d{{{len(part)}}})")
        elif part in {"K", "zzz"} or (part == "Z"):
            raise NotImplementedError(f"the date format {pattern!r} for reading")
        else:
            expression += re.escape(part[1:-1] if part[0] == "'" else part.removeprefix("\\"))
    match = re.fullmatch(expression, text, re.ASCII)
    found = dict(zip(names, match.groups(), strict=True)) if match is not None else {}
    if match is None or "yyyy" not in found:
        if match is not None or " " in pattern:
            raise NotImplementedError(f"the date format {pattern!r} for reading")
        raise format_error(f"String '{text}' was not recognized as a valid DateTime.")
    try:
        moment = datetime(int(found["yyyy"]), int(found.get("MM", 1)), int(found.get("dd", 1)))
        moment += timedelta(
            hours=_below(found, "HH", 24), minutes=_below(found, "mm", 60), seconds=_below(found, "ss", 60)
        )
    except ValueError:
        raise format_error(f"String '{text}' was not recognized as a valid DateTime.") from None
    fraction = next((value for name, value in found.items() if name[0] == "f"), "")
    return DateTime.of(moment, "Unspecified", int(fraction.ljust(7, "0")))


def _below(found: dict[str, str], name: str, limit: int) -> int:
    value = int(found.get(name, 0))
    if value >= limit:
        raise ValueError(name)
    return value
