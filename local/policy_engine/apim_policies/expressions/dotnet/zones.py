"""System.TimeZoneInfo. The local time zone is UTC, as on API Management's machines."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.objects.reflection import equal
from apim_policies.expressions.types import BOOL, DATETIME, OBJECT, OFFSET, STRING, TIMESPAN
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan, in_range
from apim_policies.expressions.values.zones import UTC_ZONE, Zone, zone

_ZONE = Zone.type


def _kind(given: Zone) -> str:
    return "Utc" if given is UTC_ZONE else "Unspecified"


def _needed(given: Zone | None, name: str) -> Zone:
    if given is None:
        raise argument_null(name)
    return given


def _between(moment: DateTime, source: Zone | None, target: Zone | None) -> DateTime:
    """`ConvertTime(moment, source, target)`."""
    start, end = _needed(source, "sourceTimeZone"), _needed(target, "destinationTimeZone")
    if moment.kind not in {"Unspecified", _kind(start)}:
        raise CSharpException(
            "System.ArgumentException",
            "The conversion could not be completed: the Kind is not that of the source time zone.",
        )
    if start.skipped(moment.ticks):
        raise CSharpException("System.ArgumentException", "The supplied DateTime represents an invalid time.")
    if moment.kind == _kind(end) == "Utc":
        return moment
    utc = in_range(moment.ticks - start.of(moment.ticks))
    return DateTime(in_range(utc + end.at(utc)), _kind(end))


def _from_own(moment: DateTime, target: Zone | None) -> DateTime:
    """`ConvertTime(moment, target)`: from UTC, or from the local time, which is UTC."""
    end = _needed(target, "destinationTimeZone")
    if moment.kind == _kind(end) == "Utc":
        return moment
    return DateTime(in_range(moment.ticks + end.at(moment.ticks)), _kind(end))


def _offset_in(moment: DateTimeOffset, target: Zone | None) -> DateTimeOffset:
    offset = _needed(target, "destinationTimeZone").at(moment.utc)
    in_range(moment.utc + offset)
    return DateTimeOffset(moment.utc, offset)


def _at(given: Zone, moment: DateTime) -> int:
    return given.of(moment.ticks) if moment.kind == "Unspecified" else given.at(moment.ticks)


def _summer(given: Zone, moment: DateTime) -> bool:
    return given.changes and _at(given, moment) != given.base


def _unspecified(test: Callable[[Zone, int], bool], otherwise: bool | None) -> Callable[[Zone, DateTime], bool]:
    def told(given: Zone, moment: DateTime) -> bool:
        if moment.kind == "Unspecified":
            return test(given, moment.ticks)
        if otherwise is None:
            raise NotImplementedError("TimeZoneInfo.IsAmbiguousTime of a time that is no time of its clocks")
        return otherwise

    return told


def _changes(given: Zone) -> bool:
    if not given.changes and given is not UTC_ZONE:
        raise NotImplementedError("whether a time zone had a summer time once")
    return given.changes


def _to_utc(moment: DateTime) -> DateTime:
    return DateTime(moment.ticks, "Utc")


def _by_ids(moment: DateTime, *ids: str | None) -> DateTime:
    return _from_own(moment, zone(ids[0])) if len(ids) == 1 else _between(moment, zone(ids[0]), zone(ids[1]))


def _same(given: Zone, other: Any) -> bool:
    return isinstance(other, Zone) and equal(given, other)


MODELS: dict[str, Model] = {
    "TimeZoneInfo": Model(
        methods={
            "GetUtcOffset": [
                Method((DATETIME,), TIMESPAN, lambda given, moment: TimeSpan(_at(given, moment))),
                Method((OFFSET,), TIMESPAN, lambda given, moment: TimeSpan(given.at(moment.utc))),
            ],
            "IsDaylightSavingTime": [
                Method((DATETIME,), BOOL, _summer),
                Method((OFFSET,), BOOL, lambda given, moment: given.changes and given.at(moment.utc) != given.base),
            ],
            "IsInvalidTime": [Method((DATETIME,), BOOL, _unspecified(Zone.skipped, False))],
            "IsAmbiguousTime": [Method((DATETIME,), BOOL, _unspecified(Zone.repeated, None))],
            "Equals": [Method((_ZONE,), BOOL, _same), Method((OBJECT,), BOOL, _same)],
        },
        properties={
            "Id": Property(STRING, lambda given: given.id),
            "BaseUtcOffset": Property(TIMESPAN, lambda given: TimeSpan(given.base)),
            "SupportsDaylightSavingTime": Property(BOOL, _changes),
        },
        statics={
            "FindSystemTimeZoneById": [Method((STRING,), _ZONE, zone)],
            "ConvertTimeFromUtc": [
                Method((DATETIME, _ZONE), DATETIME, lambda moment, end: _between(moment, UTC_ZONE, end))
            ],
            "ConvertTimeToUtc": [
                Method((DATETIME, _ZONE), DATETIME, lambda moment, start: _between(moment, start, UTC_ZONE)),
                Method((DATETIME,), DATETIME, _to_utc),
            ],
            "ConvertTime": [
                Method((DATETIME, _ZONE), DATETIME, _from_own),
                Method((DATETIME, _ZONE, _ZONE), DATETIME, _between),
                Method((OFFSET, _ZONE), OFFSET, _offset_in),
            ],
            "ConvertTimeBySystemTimeZoneId": [
                Method((DATETIME, STRING), DATETIME, _by_ids),
                Method((DATETIME, STRING, STRING), DATETIME, _by_ids),
                Method((OFFSET, STRING), OFFSET, lambda moment, id: _offset_in(moment, zone(id))),
            ],
        },
        static_properties={"Utc": Property(_ZONE, lambda: UTC_ZONE)},
    ),
}
NAMES = {"TimeZoneInfo": "System"}
