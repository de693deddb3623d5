"""DateTimeOffset and DateTime, in UTC, with 100 nanoseconds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secure_mcp_local.expressions.failing import out_of_range
from secure_mcp_local.expressions.failures import CSharpException

_EPOCH_TICKS = 621_355_968_000_000_000
_MAX_TICKS = 3_155_378_975_999_999_999


@dataclass(frozen=True, order=True)
class Moment:
    ticks: int
    """100 nanoseconds since 0001-01-01, UTC."""
    offset: bool = True
    """Whether it is a DateTimeOffset, else a DateTime of kind Utc."""

    @classmethod
    def of_unix(cls, seconds: float, *, offset: bool = True) -> "Moment":
        return cls(_EPOCH_TICKS + int(seconds * 10_000_000), offset)

    def plus(self, ticks: int) -> "Moment":
        total = self.ticks + ticks
        if not 0 <= total <= _MAX_TICKS:
            raise out_of_range("value")
        return Moment(total, self.offset)

    def unix_seconds(self) -> int:
        return self.ticks // 10_000_000 - _EPOCH_TICKS // 10_000_000

    def datetime(self) -> datetime:
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.ticks // 10)

    def format(self, pattern: str) -> str:
        """The standard formats that are modelled: R and o."""
        moment = self.datetime()
        if pattern in {"R", "r"}:
            days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
            months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
            day, month = days[moment.weekday()], months[moment.month - 1]
            return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"
        if pattern in {"o", "O"}:
            fraction = self.ticks % 10_000_000
            return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S}.{fraction:07}" + ("+00:00" if self.offset else "Z")
        raise CSharpException("System.FormatException", f"the format {pattern!r} is not modelled by the local cloud")

    def text(self) -> str:
        moment = self.datetime()
        return f"{moment:%m/%d/}{moment.year:04}{moment: %H:%M:%S}" + (" +00:00" if self.offset else "")
