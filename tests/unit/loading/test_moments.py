"""Times as people write them: weekdays, zones, and the ends of days, above all where the clock is set."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, time

import pytest

from reconciler.core.freeze import WeekTime
from reconciler.loading.moments import expiry, week_time, zone_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Friday 16:00", WeekTime(4, time(16))),
        ("fri 16:00", WeekTime(4, time(16))),
        ("MONDAY 06:05:30", WeekTime(0, time(6, 5, 30))),
        ("Sun 00:00", WeekTime(6, time())),
    ],
)
def test_times_of_a_week(text: str, expected: WeekTime) -> None:
    assert week_time(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Friday", "16:00", "Frid 16:00", "Friday 24:30", "Friday 16:00+01:00", "Friday noon"]
)
def test_no_times_of_a_week(text: str) -> None:
    with pytest.raises(ValueError, match="weekday and a time"):
        week_time(text)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-31", "UTC", "2027-01-01T00:00:00+00:00"),
        ("2026-12-31", "Europe/Berlin", "2026-12-31T23:00:00+00:00"),
        ("2026-06-30", "Europe/Berlin", "2026-06-30T22:00:00+00:00"),
        ("2026-12-31T18:00:00+01:00", "America/New_York", "2026-12-31T17:00:00+00:00"),
        ("2026-12-31T18:00:00Z", "UTC", "2026-12-31T18:00:00+00:00"),
        # In Havana midnight comes twice: the day ends with the later one.
        ("2026-10-31", "America/Havana", "2026-11-01T05:00:00+00:00"),
        # Samoa left out 30 December 2011: the 29th ended where the 31st began.
        ("2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),
    ],
)
def test_the_end_of_what_was_accepted(text: str, zone: str, expected: str) -> None:
    found = expiry(text, zone)
    assert found.tzinfo is UTC
    assert found.isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30", "2026-12-31T18:00:00", "31.12.2026"])
def test_no_end(text: str) -> None:
    with pytest.raises(ValueError, match="neither a day"):
        expiry(text, "UTC")


def test_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert zone_of("UTC") is UTC
    assert str(zone_of("Europe/Berlin")) == "Europe/Berlin"
    for name in ("Europe/Berlyn", "", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(ValueError, match="is not a time zone"):
            zone_of(name)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ValueError, match="pip install tzdata"):
        zone_of("Europe/Berlyn")
