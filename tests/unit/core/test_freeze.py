"""Freeze windows: when they begin and end, above all where the clock is set."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.freeze import Freeze, WeekTime
from reconciler.core.plan import Change, Header, Plan, Step
from reconciler.core.resource import Key
from reconciler.core.selection import Selector

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]


def once(begin: str, end: str, zone: str = "Europe/Berlin") -> Freeze:
    return Freeze("f", "r", ZoneInfo(zone), zone, datetime.fromisoformat(begin), datetime.fromisoformat(end))


def weekly(begin: WeekTime, end: WeekTime, zone: str = "Europe/Berlin") -> Freeze:
    return Freeze("f", "r", ZoneInfo(zone), zone, week_begin=begin, week_end=end)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-12-20T17:59:59+01:00", False),
        ("2026-12-20T18:00:00+01:00", True),
        ("2026-12-20T17:00:00Z", True),
        ("2027-01-04T04:59:59Z", True),
        ("2027-01-04T05:00:00Z", False),
    ],
)
def test_the_end_is_not_included(moment: str, frozen: bool) -> None:
    end = once("2026-12-20T18:00", "2027-01-04T06:00").until(at(moment))
    assert (end is not None) == frozen
    if end is not None:
        assert end.isoformat() == "2027-01-04T06:00:00+01:00"


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        # 2026-03-29: 02:00 to 03:00 does not exist in Berlin. The earlier reading is 01:30 by the old clock.
        ("2026-03-29T02:30", "2026-03-29T04:00", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"),
        ("2026-03-29T01:00", "2026-03-29T02:30", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
        # 2026-10-25: 02:00 to 03:00 comes twice.
        ("2026-10-25T02:30", "2026-10-25T04:00", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
        ("2026-10-25T01:00", "2026-10-25T02:30", "2026-10-24T23:00:00Z", "2026-10-25T01:30:00Z"),
    ],
)
def test_a_change_of_the_clock_never_makes_it_shorter(begin: str, end: str, first: str, last: str) -> None:
    freeze = once(begin, end)
    second = timedelta(seconds=1)
    assert freeze.until(at(first) - second) is None
    assert freeze.until(at(first)) is not None
    end_found = freeze.until(at(last) - second)
    # In UTC: Python holds a time that comes twice for unequal to any of another zone.
    assert end_found is not None
    assert end_found.astimezone(UTC) == at(last)
    assert freeze.until(at(last)) is None


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-03-27T15:59:59+01:00", None),
        ("2026-03-27T16:00:00+01:00", "2026-03-30T06:00:00+02:00"),
        ("2026-03-29T12:00:00+02:00", "2026-03-30T06:00:00+02:00"),
        ("2026-03-30T05:59:59+02:00", "2026-03-30T06:00:00+02:00"),
        ("2026-03-30T06:00:00+02:00", None),
    ],
)
def test_a_weekend(moment: str, end: str | None) -> None:
    found = weekly(WeekTime(4, time(16)), WeekTime(0, time(6))).until(at(moment))
    assert (found.isoformat() if found else None) == end


def test_a_window_inside_one_day_and_one_of_nearly_a_week() -> None:
    lunch = weekly(WeekTime(2, time(12)), WeekTime(2, time(13)), "UTC")
    assert lunch.until(at("2026-03-25T12:30:00Z")) == at("2026-03-25T13:00:00Z")
    assert lunch.until(at("2026-03-26T12:30:00Z")) is None
    but_lunch = weekly(WeekTime(2, time(13)), WeekTime(2, time(12)), "UTC")
    assert but_lunch.until(at("2026-03-25T12:30:00Z")) is None
    assert but_lunch.until(at("2026-03-25T11:59:59Z")) == at("2026-03-25T12:00:00Z")
    assert but_lunch.until(at("2026-03-25T13:00:00Z")) == at("2026-04-01T12:00:00Z")


@given(
    zone=st.sampled_from(ZONES),
    begin=st.builds(WeekTime, st.integers(0, 6), st.times().map(lambda value: value.replace(microsecond=0))),
    end=st.builds(WeekTime, st.integers(0, 6), st.times().map(lambda value: value.replace(microsecond=0))),
    moment=st.integers(1_300_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_a_weekly_window_is_in_force_when_the_wall_says_so(
    zone: str, begin: WeekTime, end: WeekTime, moment: datetime
) -> None:
    """Away from changes of the clock, the local weekday and time alone decide; and the end is in the future."""
    if begin == end:
        return
    found = weekly(begin, end, zone).until(moment)
    if found is not None:
        assert found > moment
        assert found - moment <= timedelta(days=8)
    local = moment.astimezone(ZoneInfo(zone))
    around = {(local + timedelta(days=days)).utcoffset() for days in (-8, -4, -2, -1, 0, 1, 2, 4, 8)}
    if len(around) == 1:
        now = (local.weekday(), local.time())
        first, last = (begin.weekday, begin.at), (end.weekday, end.at)
        inside = first <= now < last if first < last else now >= first or now < last
        assert (found is not None) == inside


def test_what_it_holds_back() -> None:
    def change(name: str, **fields: object) -> Change:
        return Change(Key("Dataset", name), "update", name, steps=(Step("update", {}),), **fields)  # type: ignore[arg-type]

    plan = Plan(
        Header(),
        (
            change("a"),
            change("b", labels={"hotfix": "yes"}),
            change("crm-c"),
            Change(Key("Dataset", "d"), "none", "d"),
        ),
    )
    freeze = once("2026-01-01T00:00", "2026-01-02T00:00")
    assert [item.key.name for item in freeze.holds_back(plan)] == ["a", "b", "crm-c"]
    allowing = Freeze("f", "r", BERLIN, allow=(Selector.parse("hotfix=yes"), Selector.parse("*/crm-*")))
    assert [item.key.name for item in allowing.holds_back(plan)] == ["a"]
