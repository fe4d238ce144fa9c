"""Freeze windows: times in which nothing is applied, told by the clock on a wall.

A wall's clock is set forward and back. A local time that does not exist, or that comes twice, has two readings; a freeze takes
the earlier one to begin and the later one to end, so that a change of the clock never makes it shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from reconciler.core.plan import Change, Plan
from reconciler.core.selection import Selector

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class WeekTime:
    """A time in every week: ``weekday`` from 0 (Monday), and the time on the wall."""

    weekday: int
    at: time


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window in which nothing is applied, but what ``allow`` selects.

    Either ``begin`` and ``end`` are set (local times without a zone, the end not included), or ``week_begin`` and ``week_end``
    for a window that comes every week. ``zone`` is where the wall is, ``zone_name`` what it is called; ``targets`` empty means all.
    """

    name: str
    reason: str
    zone: tzinfo
    zone_name: str = "UTC"
    begin: datetime | None = None
    end: datetime | None = None
    week_begin: WeekTime | None = None
    week_end: WeekTime | None = None
    targets: tuple[str, ...] = ()
    allow: tuple[Selector, ...] = field(default=())

    def until(self, moment: datetime) -> datetime | None:
        """When it ends, in its own zone, if it is in force at a moment (with a zone); else None."""
        ends = [end for begin, end in self._windows(moment) if begin <= moment.astimezone(UTC) < end]
        return max(ends).astimezone(self.zone) if ends else None

    def holds_back(self, plan: Plan) -> list[Change]:
        """The changes of a plan that it does not let pass."""
        return [change for change in plan.changes if change.steps and not any(_means(change, self.allow))]

    def _windows(self, moment: datetime) -> Iterable[tuple[datetime, datetime]]:
        """The windows around a moment, in UTC."""
        if self.begin is not None and self.end is not None:
            yield _earlier(self.begin, self.zone), _later(self.end, self.zone)
        if self.week_begin is None or self.week_end is None:
            return
        today = moment.astimezone(self.zone).date()
        length = (self.week_end.weekday - self.week_begin.weekday) % 7
        if length == 0 and self.week_end.at <= self.week_begin.at:
            length = 7
        for back in range(-1, 9):
            day = today - timedelta(days=back)
            if day.weekday() == self.week_begin.weekday:
                last: date = day + timedelta(days=length)
                yield (
                    _earlier(datetime.combine(day, self.week_begin.at), self.zone),
                    _later(datetime.combine(last, self.week_end.at), self.zone),
                )


def _means(change: Change, selectors: Sequence[Selector]) -> Iterable[bool]:
    return (
        selector.means(change.key, change.labels, change.mark.file if change.mark else "") for selector in selectors
    )


def _readings(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Both readings of a local time (PEP 495), in UTC; mostly they are the same."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _earlier(local: datetime, zone: tzinfo) -> datetime:
    return min(_readings(local, zone))


def _later(local: datetime, zone: tzinfo) -> datetime:
    return max(_readings(local, zone))
