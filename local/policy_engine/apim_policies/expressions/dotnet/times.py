"""System.DateTime, DateTimeOffset and TimeSpan."""

import calendar
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apim_policies.expressions.dotnet.numbers import tried
from apim_policies.expressions.dotnet.registry import PROVIDER, Method, Model, Property, out
from apim_policies.expressions.objects.boxing import offset_of
from apim_policies.expressions.objects.reflection import equal
from apim_policies.expressions.types import BOOL, DATETIME, DOUBLE, INT, LONG, OBJECT, OFFSET, STRING, TIMESPAN, Type
from apim_policies.expressions.values.dates import parse_exact, parse_moment, parse_offset, parse_span
from apim_policies.expressions.values.failing import out_of_range
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import (
    DAY,
    HOUR,
    MAX_TICKS,
    MINUTE,
    SECOND,
    DateTime,
    DateTimeOffset,
    TimeSpan,
    in_range,
)

PROFILE = 1
_KIND, _DAY = Type("DateTimeKind"), Type("DayOfWeek")
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_ALL = 315_537_897_600_000
"""Milliseconds from the first date to the last."""
_LONGEST = 922_337_203_685_477
"""Milliseconds of the longest TimeSpan; its remaining ticks are not counted."""


def _adding(unit: int) -> Callable[[Any, float], Any]:
    """Adding a double number of units, rounded to a millisecond."""

    def add(moment: Any, value: float) -> Any:
        if math.isnan(value):
            raise NotImplementedError("adding NaN to a date")
        rounded = value * (unit / 10_000) + (0.5 if value >= 0 else -0.5)
        if not abs(rounded) < _ALL:
            raise out_of_range("value")
        milliseconds = int(rounded)
        return moment.plus(milliseconds * 10_000)

    return add


_UNITS = {
    "AddMilliseconds": SECOND // 1000, "AddSeconds": SECOND, "AddMinutes": MINUTE, "AddHours": HOUR, "AddDays": DAY,
}  # fmt: skip


def _months(moment: DateTime, count: int) -> DateTime:
    if not -120_000 <= count <= 120_000:
        raise out_of_range("months")
    wall = moment.wall()
    index = wall.year * 12 + wall.month - 1 + count
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise out_of_range("months")
    day = min(wall.day, calendar.monthrange(year, month + 1)[1])
    moved = DateTime.of(datetime(year, month + 1, day)).ticks
    return DateTime(moved + moment.ticks % DAY, moment.kind)


def _years(moment: DateTime, count: int) -> DateTime:
    if not -10_000 <= count <= 10_000:
        raise out_of_range("years")
    return _months(moment, count * 12)


def _clocked(move: Callable[[DateTime, int], DateTime]) -> Callable[[DateTimeOffset, int], DateTimeOffset]:
    def moved(moment: DateTimeOffset, count: int) -> DateTimeOffset:
        return DateTimeOffset(in_range(move(DateTime(moment.ticks), count).ticks - moment.offset), moment.offset)

    return moved


def _new(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, millisecond: int = 0
) -> DateTime:
    try:
        wall = datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise CSharpException(
            "System.ArgumentOutOfRangeException",
            "Year, Month, and Day parameters describe an un-representable DateTime.",
        ) from None
    if not 0 <= millisecond < 1000:
        raise out_of_range("millisecond")
    return DateTime.of(wall, "Unspecified", millisecond * 10_000)


def _of_kind(moment: DateTime, kind: str) -> DateTime:
    return DateTime(moment.ticks, kind)


def _utc(moment: DateTime) -> DateTime:
    return DateTime(moment.ticks, "Utc")


def _local(moment: DateTime) -> DateTime:
    return DateTime(moment.ticks, "Local")


def _offset(ticks: int, offset: TimeSpan) -> DateTimeOffset:
    if offset.ticks % MINUTE:
        raise CSharpException(
            "System.ArgumentException", "Offset must be specified in whole minutes. (Parameter 'offset')"
        )
    if abs(offset.ticks) > 14 * HOUR:
        raise out_of_range("offset")
    return DateTimeOffset(in_range(ticks - offset.ticks), offset.ticks)


def _offset_of(moment: DateTime, offset: TimeSpan) -> DateTimeOffset:
    if offset.ticks and moment.kind != "Unspecified":
        raise CSharpException(
            "System.ArgumentException",
            f"The UTC Offset for {moment.kind} DateTime instances must be 0. (Parameter 'offset')",
        )
    return _offset(moment.ticks, offset)


def _offset_ticks(ticks: int, offset: TimeSpan) -> DateTimeOffset:
    _offset(MAX_TICKS // 2, offset)  # an offset that cannot be is found first
    return _offset(in_range(ticks), offset)


def _new_offset(*parts: Any) -> DateTimeOffset:
    _offset(MAX_TICKS // 2, parts[-1])  # an offset that cannot be is found first
    return _offset(_new(*parts[:-1]).ticks, parts[-1])


def _comparing(type: Type) -> dict[str, list[Method]]:
    return {
        "CompareTo": [Method((type,), INT, lambda one, two: (one > two) - (one < two))],
        "Equals": [Method((type,), BOOL, lambda one, two: one == two), Method((OBJECT,), BOOL, equal)],
    }


def _common(type: Type, text: str) -> dict[str, Property]:
    """Properties that both kinds of dates have."""

    def part(name: str) -> Property:
        return Property(INT, lambda moment: getattr(moment.wall(), name))

    return {
        **{name.capitalize(): part(name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "Millisecond": Property(INT, lambda moment: moment.ticks % SECOND // 10_000),
        "Ticks": Property(LONG, lambda moment: moment.ticks),
        "DayOfWeek": Property(_DAY, lambda moment: _WEEK[moment.wall().weekday()]),
        "DayOfYear": Property(INT, lambda moment: moment.wall().timetuple().tm_yday),
        "TimeOfDay": Property(TIMESPAN, lambda moment: TimeSpan(moment.ticks % DAY)),
    }


def _now(kind: str) -> Callable[[list[Any]], DateTime]:
    return lambda env: DateTime(DateTime.of_unix(env[PROFILE].clock.now()).ticks, kind)


def _today(env: list[Any]) -> DateTime:
    ticks = DateTime.of_unix(env[PROFILE].clock.now()).ticks
    return DateTime(ticks - ticks % DAY, "Local")


def _now_offset(env: list[Any]) -> DateTimeOffset:
    return DateTimeOffset.of_unix(env[PROFILE].clock.now())


_TEXTS = {
    "ToString": [
        Method((STRING,), STRING, lambda moment, form: moment.format(form)),
        Method((), STRING, lambda moment: moment.text()),
        Method((PROVIDER,), STRING, lambda moment, culture: moment.text()),
        Method((STRING, PROVIDER), STRING, lambda moment, form, culture: moment.format(form)),
    ],
    "ToShortDateString": [Method((), STRING, lambda moment: moment.format("d"))],
    "ToLongDateString": [Method((), STRING, lambda moment: moment.format("D"))],
    "ToShortTimeString": [Method((), STRING, lambda moment: moment.format("t"))],
    "ToLongTimeString": [Method((), STRING, lambda moment: moment.format("T"))],
}  # fmt: skip


def _moving(type: Type) -> dict[str, list[Method]]:
    return {
        **{name: [Method((DOUBLE,), type, _adding(unit))] for name, unit in _UNITS.items()},
        "AddTicks": [Method((LONG,), type, lambda moment, ticks: moment.plus(ticks))],
        "Add": [Method((TIMESPAN,), type, lambda moment, span: moment.plus(span.ticks))],
    }


def _days(year: int, month: int) -> int:
    if not (1 <= year <= 9999 and 1 <= month <= 12):
        raise out_of_range("month")
    return calendar.monthrange(year, month)[1]


_SIX = (INT,) * 6
_DATETIME = Model(
    methods={
        **_moving(DATETIME),
        **_TEXTS,
        **_comparing(DATETIME),
        "AddMonths": [Method((INT,), DATETIME, _months)],
        "AddYears": [Method((INT,), DATETIME, _years)],
        "Subtract": [
            Method((DATETIME,), TIMESPAN, lambda one, two: TimeSpan(one.ticks - two.ticks)),
            Method((TIMESPAN,), DATETIME, lambda moment, span: moment.plus(-span.ticks)),
        ],
        "ToUniversalTime": [Method((), DATETIME, _utc)],
        "ToLocalTime": [Method((), DATETIME, _local)],
    },
    properties={
        **_common(DATETIME, "G"),
        "Kind": Property(_KIND, lambda moment: moment.kind),
        "Date": Property(DATETIME, lambda moment: DateTime(moment.ticks - moment.ticks % DAY, moment.kind)),
    },
    statics={
        "Parse": [
            Method((STRING,), DATETIME, parse_moment),
            Method((STRING, PROVIDER), DATETIME, lambda text, culture: parse_moment(text)),
        ],
        "TryParse": [Method((STRING, out(DATETIME)), BOOL, tried(parse_moment, DateTime(0, "Unspecified")))],
        "ParseExact": [
            Method((STRING, STRING, PROVIDER), DATETIME, lambda text, form, culture: parse_exact(text, form))
        ],
        "SpecifyKind": [Method((DATETIME, _KIND), DATETIME, _of_kind)],
        "Equals": [Method((DATETIME, DATETIME), BOOL, lambda one, two: one == two)],
        "Compare": [Method((DATETIME, DATETIME), INT, lambda one, two: (one > two) - (one < two))],
        "DaysInMonth": [Method((INT, INT), INT, _days)],
        "IsLeapYear": [Method((INT,), BOOL, lambda year: _days(year, 2) == 29)],
    },
    static_properties={
        "UtcNow": Property(DATETIME, _now("Utc"), env=True),
        "Now": Property(DATETIME, _now("Local"), env=True),
        "Today": Property(DATETIME, _today, env=True),
        "MinValue": Property(DATETIME, lambda: DateTime(0, "Unspecified")),
        "MaxValue": Property(DATETIME, lambda: DateTime(MAX_TICKS, "Unspecified")),
    },
    constructors=[
        Method((), DATETIME, lambda: DateTime(0, "Unspecified")),
        Method((LONG,), DATETIME, lambda ticks: DateTime(in_range(ticks), "Unspecified")),
        Method((LONG, _KIND), DATETIME, lambda ticks, kind: DateTime(in_range(ticks), kind)),
        Method((INT, INT, INT), DATETIME, _new),
        Method(_SIX, DATETIME, _new),
        Method((*_SIX, _KIND), DATETIME, lambda *parts: _of_kind(_new(*parts[:-1]), parts[-1])),
        Method((*_SIX, INT), DATETIME, _new),
        Method((*_SIX, INT, _KIND), DATETIME, lambda *parts: _of_kind(_new(*parts[:-1]), parts[-1])),
    ],
)


def _from_unix(unit: int) -> Callable[[int], DateTimeOffset]:
    def build(value: int) -> DateTimeOffset:
        ticks = 621_355_968_000_000_000 + value * unit
        if not 0 <= ticks <= MAX_TICKS:
            raise out_of_range("seconds")
        return DateTimeOffset(ticks)

    return build


_OFFSET = Model(
    methods={
        **_moving(OFFSET),
        "ToString": _TEXTS["ToString"],
        **_comparing(OFFSET),
        "EqualsExact": [Method((OFFSET,), BOOL, lambda one, two: (one.utc, one.offset) == (two.utc, two.offset))],
        "AddMonths": [Method((INT,), OFFSET, _clocked(_months))],
        "AddYears": [Method((INT,), OFFSET, _clocked(_years))],
        "Subtract": [
            Method((OFFSET,), TIMESPAN, lambda one, two: TimeSpan(one.utc - two.utc)),
            Method((TIMESPAN,), OFFSET, lambda moment, span: moment.plus(-span.ticks)),
        ],
        "ToUnixTimeSeconds": [Method((), LONG, DateTimeOffset.unix_seconds)],
        "ToUnixTimeMilliseconds": [Method((), LONG, DateTimeOffset.unix_milliseconds)],
        "ToUniversalTime": [Method((), OFFSET, lambda moment: DateTimeOffset(moment.utc))],
        "ToLocalTime": [Method((), OFFSET, lambda moment: DateTimeOffset(moment.utc))],
        "ToOffset": [
            Method((TIMESPAN,), OFFSET, lambda moment, offset: _offset(in_range(moment.utc + offset.ticks), offset))
        ],
    },
    properties={
        **_common(OFFSET, ""),
        "Date": Property(DATETIME, lambda moment: DateTime(moment.ticks - moment.ticks % DAY, "Unspecified")),
        "DateTime": Property(DATETIME, lambda moment: DateTime(moment.ticks, "Unspecified")),
        "UtcDateTime": Property(DATETIME, lambda moment: DateTime(moment.utc, "Utc")),
        "LocalDateTime": Property(DATETIME, lambda moment: DateTime(moment.utc, "Local")),
        "Offset": Property(TIMESPAN, lambda moment: TimeSpan(moment.offset)),
        "UtcTicks": Property(LONG, lambda moment: moment.utc),
    },
    statics={
        "Compare": [Method((OFFSET, OFFSET), INT, lambda one, two: (one > two) - (one < two))],
        "Equals": [Method((OFFSET, OFFSET), BOOL, lambda one, two: one == two)],
        "FromUnixTimeSeconds": [Method((LONG,), OFFSET, _from_unix(SECOND))],
        "FromUnixTimeMilliseconds": [Method((LONG,), OFFSET, _from_unix(10_000))],
        "Parse": [
            Method((STRING,), OFFSET, parse_offset),
            Method((STRING, PROVIDER), OFFSET, lambda text, culture: parse_offset(text)),
        ],
        "TryParse": [Method((STRING, out(OFFSET)), BOOL, tried(parse_offset, DateTimeOffset(0)))],
    },
    static_properties={
        "UtcNow": Property(OFFSET, _now_offset, env=True),
        "Now": Property(OFFSET, _now_offset, env=True),
        "MinValue": Property(OFFSET, lambda: DateTimeOffset(0)),
        "MaxValue": Property(OFFSET, lambda: DateTimeOffset(MAX_TICKS)),
    },
    constructors=[
        Method((DATETIME,), OFFSET, offset_of),
        Method((DATETIME, TIMESPAN), OFFSET, _offset_of),
        Method((LONG, TIMESPAN), OFFSET, _offset_ticks),
        Method((*_SIX, TIMESPAN), OFFSET, _new_offset),
        Method((*_SIX, INT, TIMESPAN), OFFSET, _new_offset),
    ],
)


def _span(*parts: int) -> TimeSpan:
    days, hours, minutes, seconds, milliseconds = (0, *parts, 0) if len(parts) == 3 else (*parts, 0)[:5]
    ticks = days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + milliseconds * 10_000
    if abs(ticks) > 2**63 - 1:
        raise out_of_range("milliseconds")
    return TimeSpan(ticks)


_TIMESPAN = Model(
    methods={
        **_comparing(TIMESPAN),
        "ToString": [
            Method((), STRING, TimeSpan.text),
            Method((STRING,), STRING, TimeSpan.format),
        ],
        "Add": [Method((TIMESPAN,), TIMESPAN, lambda one, two: TimeSpan(one.ticks + two.ticks))],
        "Subtract": [Method((TIMESPAN,), TIMESPAN, lambda one, two: TimeSpan(one.ticks - two.ticks))],
        "Negate": [Method((), TIMESPAN, lambda span: TimeSpan(-span.ticks))],
        "Duration": [Method((), TIMESPAN, lambda span: TimeSpan(abs(span.ticks)))],
    },
    properties={
        "Days": Property(INT, lambda span: span.part(DAY, None)),
        "Hours": Property(INT, lambda span: span.part(HOUR, 24)),
        "Minutes": Property(INT, lambda span: span.part(MINUTE, 60)),
        "Seconds": Property(INT, lambda span: span.part(SECOND, 60)),
        "Milliseconds": Property(INT, lambda span: span.part(SECOND // 1000, 1000)),
        "Ticks": Property(LONG, lambda span: span.ticks),
        "TotalDays": Property(DOUBLE, lambda span: span.total(DAY)),
        "TotalHours": Property(DOUBLE, lambda span: span.total(HOUR)),
        "TotalMinutes": Property(DOUBLE, lambda span: span.total(MINUTE)),
        "TotalSeconds": Property(DOUBLE, lambda span: span.total(SECOND)),
        "TotalMilliseconds": Property(DOUBLE, lambda span: min(max(span.total(SECOND // 1000), -float(_LONGEST)), float(_LONGEST))),
    },
    statics={
        **{
            f"From{name}": [Method((DOUBLE,), TIMESPAN, lambda value, unit=unit: TimeSpan.of(value, unit))]
            for name, unit in (
                ("Days", DAY), ("Hours", HOUR), ("Minutes", MINUTE), ("Seconds", SECOND), ("Milliseconds", SECOND // 1000),
            )
        },
        "FromTicks": [Method((LONG,), TIMESPAN, TimeSpan)],
        "Parse": [Method((STRING,), TIMESPAN, parse_span), Method((STRING, PROVIDER), TIMESPAN, lambda text, culture: parse_span(text))],
        "TryParse": [Method((STRING, out(TIMESPAN)), BOOL, tried(parse_span, TimeSpan(0)))],
        "Equals": [Method((TIMESPAN, TIMESPAN), BOOL, lambda one, two: one == two)],
        "Compare": [Method((TIMESPAN, TIMESPAN), INT, lambda one, two: (one > two) - (one < two))],
    },
    static_properties={
        "Zero": Property(TIMESPAN, lambda: TimeSpan(0)),
        "MaxValue": Property(TIMESPAN, lambda: TimeSpan(2**63 - 1)),
        "MinValue": Property(TIMESPAN, lambda: TimeSpan(-(2**63))),
        **{
            f"TicksPer{name}": Property(LONG, lambda unit=unit: unit)
            for name, unit in (
                ("Day", DAY), ("Hour", HOUR), ("Minute", MINUTE), ("Second", SECOND), ("Millisecond", SECOND // 1000),
            )
        },
    },
    constructors=[
        Method((), TIMESPAN, lambda: TimeSpan(0)),
        Method((LONG,), TIMESPAN, TimeSpan),
        *(Method((INT,) * count, TIMESPAN, _span) for count in (3, 4, 5)),
    ],
)  # fmt: skip


MODELS: dict[str, Model] = {
    "DateTime": _DATETIME,
    "DateTimeOffset": _OFFSET,
    "TimeSpan": _TIMESPAN,
}
NAMES = dict.fromkeys(MODELS, "System")
