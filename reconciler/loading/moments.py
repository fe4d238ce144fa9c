"""Times as people write them in files: weekdays with a time, time zones, ends of days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from reconciler.core.freeze import WEEKDAYS, WeekTime


def week_time(text: str) -> WeekTime:
    """Read a weekday (in full, or its first three letters) and a time; raises `ValueError`."""
    day, _, clock = text.strip().partition(" ")
    found = [number for number, name in enumerate(WEEKDAYS) if day.casefold() in (name.casefold(), name[:3].casefold())]
    try:
        at = time.fromisoformat(clock.strip())
    except ValueError:
        at = None
    if not found or at is None or at.tzinfo is not None:
        raise ValueError("is not a weekday and a time such as Friday 16:00")
    return WeekTime(found[0], at)


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; raises `ValueError` where there is none of that name, or no data about any."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        if not available_timezones():
            raise ValueError(
                "needs the time zones of the world, which this machine lacks: pip install tzdata"
            ) from error
        raise ValueError(f"{name} is not a time zone such as Europe/Berlin") from error


def expiry(text: str, zone: str) -> datetime:
    """When something ends: at a time with an offset, or at the end of a day in a zone; raises `ValueError`.

    The end of a day that the clock repeats is the later one.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is not None:
        midnight = datetime.combine(day + timedelta(days=1), time(), zone_of(zone))
        return max(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("is neither a day such as 2026-12-31 nor a time such as 2026-12-31T18:00:00+01:00")
    return moment.astimezone(UTC)
