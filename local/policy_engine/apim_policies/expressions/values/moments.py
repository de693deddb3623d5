"""DateTime, DateTimeOffset and TimeSpan: times of 100 nanoseconds, and their formats with the invariant culture.

The local time zone is UTC, as on API Management's machines.
https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import total_ordering

from apim_policies.errors import NotModelled
from apim_policies.expressions.types import DATETIME, OFFSET, TIMESPAN
from apim_policies.expressions.values.failing import format_error, out_of_range
from apim_policies.expressions.values.failures import CSharpException

EPOCH_TICKS = 621_355_968_000_000_000
MAX_TICKS = 3_155_378_975_999_999_999
SECOND = 10_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


@total_ordering
@dataclass(frozen=True, eq=False)
class TimeSpan:
    ticks: int
    type = TIMESPAN

    def __post_init__(self) -> None:
        if not _LOWEST <= self.ticks <= _HIGHEST:
            raise CSharpException("System.OverflowException", "TimeSpan overflowed because the duration is too long.")

    @classmethod
    def of(cls, value: float, unit: int) -> "TimeSpan":
        """`TimeSpan.FromSeconds` and its relatives."""
        if math.isnan(value):
            raise CSharpException(
                "System.ArgumentException", "TimeSpan does not accept floating point Not-a-Number values."
            )
        ticks = value * unit
        if not -(2**63) <= ticks < 2**63:
            raise CSharpException("System.OverflowException", "TimeSpan overflowed because the duration is too long.")
        return cls(int(ticks))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeSpan) and self.ticks == other.ticks

    def __lt__(self, other: "TimeSpan") -> bool:
        return self.ticks < other.ticks

    def __hash__(self) -> int:
        return hash(self.ticks)

    def part(self, unit: int, size: int | None) -> int:
        """`Hours`, `Minutes` and so on: whole units below the next greater one, with the sign of the span."""
        whole = abs(self.ticks) // unit
        value = whole if size is None else whole % size
        return -value if self.ticks < 0 else value

    def total(self, unit: int) -> float:
        # The division of doubles, not of whole numbers: from 2^53 ticks on, which are 28 years, they differ.
        return float(self.ticks) / unit

    def text(self) -> str:
        return self.format("c")

    def format(self, pattern: str | None) -> str:
        match pattern or "c":
            case "c" | "t" | "T":
                days = f"{abs(self.ticks) // DAY}." if abs(self.ticks) >= DAY else ""
                fraction = f".{abs(self.ticks) % SECOND:07}" if self.ticks % SECOND else ""
                return f"{self._sign()}{days}{self._clock()}{fraction}"
            case "g":
                days = f"{abs(self.ticks) // DAY}:" if abs(self.ticks) >= DAY else ""
                fraction = f".{abs(self.ticks) % SECOND:07}".rstrip("0") if self.ticks % SECOND else ""
                return f"{self._sign()}{days}{self._clock().removeprefix('0')}{fraction}"
            case "G":
                return f"{self._sign()}{abs(self.ticks) // DAY}:{self._clock()}.{abs(self.ticks) % SECOND:07}"
            case other if len(other) == 1:
                raise format_error()
            case other:
                return self._custom(other)

    def _sign(self) -> str:
        return "-" if self.ticks < 0 else ""

    def _clock(self) -> str:
        seconds = abs(self.ticks) // SECOND
        return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def _custom(self, pattern: str) -> str:
        ticks = abs(self.ticks)
        numbers = {
            "d": (ticks // DAY, 8),
            "h": (ticks // HOUR % 24, 2),
            "m": (ticks // MINUTE % 60, 2),
            "s": (ticks // SECOND % 60, 2),
        }
        out: list[str] = []
        for kind, text in pieces(pattern, "dhmsfF"):
            if kind == "literal":
                out.append(text)
            elif kind in {"f", "F"}:
                if len(text) > 7:
                    raise format_error()
                digits = f"{ticks % SECOND:07}"[: len(text)]
                out.append(digits if kind == "f" else digits.rstrip("0"))
            elif kind in numbers:
                number, most = numbers[kind]
                if len(text) > most:
                    raise format_error()
                out.append(f"{number:0{len(text)}}")
            else:
                raise format_error()
        return "".join(out)


def pieces(pattern: str, letters: str) -> list[tuple[str, str]]:
    """A custom format as runs of its letters, literal text (kind `literal`) and other characters (kind `other`).

    Raises:
        CSharpException: FormatException, a quote or backslash is left open.
    """
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(pattern):
        unit = pattern[at]
        if unit in letters:
            run = re.compile(re.escape(unit) + "+").match(pattern, at)
            assert run is not None
            found.append((unit, run.group()))
            at = run.end()
        elif unit in "'\"":
            text, at = _quoted(pattern, at)
            found.append(("literal", text))
        elif unit == "\\":
            if at + 1 >= len(pattern):
                raise format_error()
            found.append(("literal", pattern[at + 1]))
            at += 2
        elif unit == "%":
            if at + 1 >= len(pattern) or pattern[at + 1] == "%":
                raise format_error()
            at += 1
            # Only the one letter belongs to it.
            found.append((pattern[at], pattern[at]) if pattern[at] in letters else ("other", pattern[at]))
            at += 1
        else:
            found.append(("other", unit))
            at += 1
    return found


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    quote, out = pattern[at], list[str]()
    at += 1
    while at < len(pattern):
        unit = pattern[at]
        at += 1
        if unit == quote:
            return "".join(out), at
        if unit == "\\":
            if at >= len(pattern):
                break
            unit = pattern[at]
            at += 1
        out.append(unit)
    raise format_error()


_STANDARD = {
    "d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "f": "dddd, dd MMMM yyyy HH:mm", "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "m": "MMMM dd", "M": "MMMM dd", "y": "yyyy MMMM", "Y": "yyyy MMMM",
    "o": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK", "O": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss", "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", "t": "HH:mm", "T": "HH:mm:ss",
}  # fmt: skip


def formatted(pattern: str, ticks: int, offset: int, suffix: str) -> str:
    """A date by a custom format; `offset` in ticks, `suffix` what `K` gives."""
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
    out: list[str] = []
    for kind, text in pieces(pattern, "dMyhHmsfFtzKg"):
        count = len(text)
        match kind:
            case "literal" | "other":
                out.append(text)
            case "d" if count <= 2:
                out.append(f"{moment.day:0{count}}")
            case "d":
                name = _DAYS[moment.isoweekday() % 7]
                out.append(name[:3] if count == 3 else name)
            case "M" if count <= 2:
                out.append(f"{moment.month:0{count}}")
            case "M":
                name = _MONTHS[moment.month - 1]
                out.append(name[:3] if count == 3 else name)
            case "y":
                out.append(f"{moment.year % 100:0{count}}" if count <= 2 else f"{moment.year:0{count}}")
            case "h":
                out.append(f"{moment.hour % 12 or 12:0{min(count, 2)}}")
            case "H":
                out.append(f"{moment.hour:0{min(count, 2)}}")
            case "m":
                out.append(f"{moment.minute:0{min(count, 2)}}")
            case "s":
                out.append(f"{moment.second:0{min(count, 2)}}")
            case "f" | "F":
                if count > 7:
                    raise format_error()
                digits = f"{ticks % SECOND:07}"[:count]
                if kind == "F":
                    digits = digits.rstrip("0")
                    if not digits and out and out[-1] == ".":
                        out.pop()
                out.append(digits)
            case "t":
                name = "AM" if moment.hour < 12 else "PM"
                out.append(name[: min(count, 2)])
            case "z":
                sign, minutes = "-" if offset < 0 else "+", abs(offset) // MINUTE
                hours = f"{sign}{minutes // 60:0{min(count, 2)}}"
                out.append(hours if count <= 2 else f"{hours}:{minutes % 60:02}")
            case "K":
                out.append(suffix * count)
            case _:
                raise NotModelled(f"the date format {pattern!r} is not modelled by the local cloud")
    return "".join(out)


@total_ordering
@dataclass(frozen=True, eq=False)
class DateTime:
    ticks: int
    """100 nanoseconds since 0001-01-01."""
    kind: str = "Utc"
    type = DATETIME

    @classmethod
    def of_unix(cls, seconds: float) -> "DateTime":
        return cls(EPOCH_TICKS + int(seconds * SECOND))

    @classmethod
    def of(cls, moment: datetime, kind: str = "Utc", ticks: int = 0) -> "DateTime":
        """Of a naive or aware date, its time as written, and ticks to add."""
        passed = moment.replace(tzinfo=None) - datetime(1, 1, 1)
        return cls((passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds * 10 + ticks, kind)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DateTime) and self.ticks == other.ticks

    def __lt__(self, other: "DateTime") -> bool:
        return self.ticks < other.ticks

    def __hash__(self) -> int:
        return hash(self.ticks)

    def plus(self, ticks: int) -> "DateTime":
        return DateTime(in_range(self.ticks + ticks), self.kind)

    def wall(self) -> datetime:
        """The date as it is written, microseconds rounded down."""
        return datetime(1, 1, 1) + timedelta(microseconds=self.ticks // 10)

    def datetime(self) -> datetime:
        return self.wall().replace(tzinfo=UTC)

    def format(self, pattern: str | None) -> str:
        if pattern in {"U"}:
            return self.format("F")
        suffix = {"Utc": "Z", "Local": "+00:00", "Unspecified": ""}[self.kind]
        return formatted(_expanded(pattern or "G"), self.ticks, 0, suffix)

    def text(self) -> str:
        return self.format("G")


@total_ordering
@dataclass(frozen=True, eq=False)
class DateTimeOffset:
    utc: int
    """100 nanoseconds since 0001-01-01, UTC."""
    offset: int = 0
    """What is added for the local time, in 100 nanoseconds."""
    type = OFFSET

    @classmethod
    def of_unix(cls, seconds: float) -> "DateTimeOffset":
        return cls(EPOCH_TICKS + int(seconds * SECOND))

    @property
    def ticks(self) -> int:
        """Of the local time."""
        return self.utc + self.offset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DateTimeOffset) and self.utc == other.utc

    def __lt__(self, other: "DateTimeOffset") -> bool:
        return self.utc < other.utc

    def __hash__(self) -> int:
        return hash(self.utc)

    def plus(self, ticks: int) -> "DateTimeOffset":
        in_range(self.ticks + ticks)
        return DateTimeOffset(in_range(self.utc + ticks), self.offset)

    def wall(self) -> datetime:
        return datetime(1, 1, 1) + timedelta(microseconds=self.ticks // 10)

    def datetime(self) -> datetime:
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.utc // 10)

    def unix_seconds(self) -> int:
        return self.utc // SECOND - EPOCH_TICKS // SECOND

    def unix_milliseconds(self) -> int:
        return self.utc // 10_000 - EPOCH_TICKS // 10_000

    def format(self, pattern: str | None) -> str:
        pattern = pattern or "MM/dd/yyyy HH:mm:ss zzz"
        if pattern == "U":
            raise format_error()
        universal = pattern in {"r", "R", "u"}
        sign, minutes = "-" if self.offset < 0 else "+", abs(self.offset) // MINUTE
        suffix = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
        return formatted(_expanded(pattern), self.utc if universal else self.ticks, self.offset, suffix)

    def text(self) -> str:
        return self.format(None)


def _expanded(pattern: str) -> str:
    if len(pattern) > 1:
        return pattern
    if pattern not in _STANDARD:
        raise format_error()
    return _STANDARD[pattern]


def in_range(ticks: int) -> int:
    if not 0 <= ticks <= MAX_TICKS:
        raise out_of_range("value")
    return ticks
