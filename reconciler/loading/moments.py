"""Times as people write them in files: weekdays with a time, time zones."""

from __future__ import annotations

from datetime import time, tzinfo

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
    """A time zone by its IANA name; raises `ValueError` where there is none of that name."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{name} is not a time zone such as Europe/Berlin") from error
