"""Time zones, by the ids of Windows and of IANA.

Windows' rules and IANA's are the same as long as a zone keeps one rule. Where it changed its rule they differ, so only moments are
converted since which the rule of a zone is what it is today; and none before 2010, from when on Windows' history is kept.

The ids are those of CLDR: https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import SECOND, DateTime, in_range

_FIRST, _LAST, _FURTHEST = 2010, 2037, 9000
_HOUR = timedelta(hours=1)


class Zone:
    """A time zone; its offsets are in ticks."""

    type = Type("TimeZoneInfo")

    def __init__(self, id: str, place: ZoneInfo) -> None:
        self.id, self._place = id, place

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def base(self) -> int:
        """The offset of its standard time."""
        january, july = (datetime(_LAST, month, 1, 12, tzinfo=self._place) for month in (1, 7))
        return _ticks(min(_offset(january), _offset(july)))

    @property
    def changes(self) -> bool:
        """Whether it has a summer time."""
        return _pattern(self._place.key, _LAST)[0].month > 0

    def at(self, utc: int) -> int:
        """The offset at a moment of UTC."""
        if self._place.key == "UTC":
            return 0
        return _ticks(_offset(self._told(utc).replace(tzinfo=UTC).astimezone(self._place)))

    def of(self, wall: int) -> int:
        """The offset at a time of its clocks: standard time where they show one twice, or never."""
        return min(self._both(wall))

    def skipped(self, wall: int) -> bool:
        """Whether its clocks never show a time."""
        first, second = self._both(wall)
        return second > first

    def repeated(self, wall: int) -> bool:
        """Whether its clocks show a time twice."""
        first, second = self._both(wall)
        return second < first

    def _both(self, wall: int) -> tuple[int, int]:
        """The offset if a time that is shown twice is the first one, and the second one."""
        if self._place.key == "UTC":
            return 0, 0
        at = self._told(wall)
        first, second = (_ticks(_offset(at.replace(tzinfo=self._place, fold=fold))) for fold in (0, 1))
        return first, second

    def _told(self, ticks: int) -> datetime:
        at = DateTime(in_range(ticks)).wall().replace(tzinfo=None)
        # The whole year before has the rule, too: what one place calls a year is another one elsewhere.
        if not max(_since(self._place.key), _FIRST) < at.year <= _FURTHEST:
            raise NotImplementedError(
                f"the time zone {self.id} in {at.year}, when Windows and IANA may differ about it"
            )
        return at


UTC_ZONE = Zone("UTC", ZoneInfo("UTC"))


def zone(id: str | None) -> Zone:
    """`TimeZoneInfo.FindSystemTimeZoneById`.

    Raises:
        CSharpException: there is none.
        NotImplementedError: whether there is one depends on the machine, or it has no rule that lasts.
    """
    if id is None:
        raise argument_null("id")
    name = _windows().get(id, id)
    if id == "UTC":
        return UTC_ZONE
    if name not in available_timezones():
        if any(id.lower() == other.lower() for other in (*_windows(), *available_timezones())):
            raise NotImplementedError(f"the time zone {id!r}, which is written in another way")
        raise CSharpException("System.TimeZoneNotFoundException", f"The time zone ID '{id}' was not found.")
    try:
        return Zone(id, ZoneInfo(name))
    except ZoneInfoNotFoundError:  # pragma: no cover  (a broken installation)
        raise NotImplementedError(f"the time zone {id!r}") from None


@cache
def _windows() -> dict[str, str]:
    lines = Path(__file__).with_name("windows_zones.txt").read_text(encoding="ascii").splitlines()
    return dict(line.split("=") for line in lines)


def _offset(at: datetime) -> timedelta:
    offset = at.utcoffset()
    assert offset is not None
    return offset


def _ticks(offset: timedelta) -> int:
    return int(offset.total_seconds()) * SECOND


@dataclass(frozen=True)
class _Change:
    """A change of the clocks, or in month 0 that there is none."""

    month: int
    week: int
    """Which one of its weekday it is in the month; 5 is the last."""
    weekday: int
    hour: int
    offset: timedelta


@cache
def _since(key: str) -> int:
    """The first year since which a zone keeps the rule that it has now; one that never comes, where a rule is told in two ways."""
    place, today = ZoneInfo(key), _pattern(key, _LAST)
    for month in (1, 7):
        if (datetime(_LAST, month, 1, tzinfo=place).dst() or timedelta()) < timedelta():
            return 10_000
    return max((year for year in range(_FIRST - 1, _LAST + 1) if _pattern(key, year) != today), default=_FIRST - 1) + 1


@cache
def _pattern(key: str, year: int) -> tuple[_Change, ...]:
    """The changes of a year."""
    place = ZoneInfo(key)

    def offset(at: datetime) -> timedelta:
        return _offset(at.astimezone(place))

    start = datetime(year, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=day) for day in range((datetime(year + 1, 1, 1, tzinfo=UTC) - start).days + 1)]
    found: list[_Change] = []
    for day, following in pairwise(days):
        if offset(day) == offset(following):
            continue
        at = next(day + hour * _HOUR for hour in range(1, 25) if offset(day + hour * _HOUR) != offset(day))
        clock = at + offset(day)
        week = 5 if (clock + timedelta(days=7)).month != clock.month else (clock.day - 1) // 7 + 1
        found.append(_Change(clock.month, week, clock.weekday(), clock.hour, offset(following)))
    return tuple(found) or (_Change(0, 0, 0, 0, offset(start)),)
