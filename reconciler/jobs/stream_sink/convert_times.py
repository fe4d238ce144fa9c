"""date and timestamptz."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from reconciler.jobs.stream_sink.columns import Column
from reconciler.jobs.stream_sink.conversion import Misfit, Texts, shown

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(?:[0-5]\d|(60))(?:\.\d+)?(?:[Zz]|[+-](?:0\d|1[0-5]|(1[6-9]|2[0-3])):[0-5]\d)",
    re.ASCII,
)


class DateConverter:
    """date: a full-date of RFC 3339. A date-time is refused: which day it is depends on a zone."""

    free = False
    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any]) -> Texts | None:
        """All dates that exist."""
        return _all_texts(values, self.one)

    def one(self, value: Any) -> str:
        """A date that exists."""
        if not isinstance(value, str) or _DATE.fullmatch(value) is None:
            raise Misfit(f"is {shown(value)}, which is no date (YYYY-MM-DD)")
        try:
            date.fromisoformat(value)
        except ValueError as error:
            raise Misfit(f"is {shown(value)}, which is no date: {error}") from error
        return value


class TimeConverter:
    """timestamptz: a date-time of RFC 3339, with its zone; PostgreSQL rounds it to microseconds."""

    free = False
    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any]) -> Texts | None:
        """All times that exist."""
        return _all_texts(values, self.one)

    def one(self, value: Any) -> str:
        """A time that exists; a leap second is handed on, as PostgreSQL knows it."""
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise Misfit(f"is {shown(value)}, which is no time with a zone (RFC 3339)")
        leap, wide = found.groups()
        plain: str = value.upper() if leap is None else f"{value[:17]}59{value[19:]}".upper()
        try:
            moment = datetime.fromisoformat(plain)
            # PostgreSQL reads zones up to 15:59 only.
            return value if wide is None else moment.astimezone(UTC).isoformat()
        except (ValueError, OverflowError) as error:
            raise Misfit(f"is {shown(value)}, which is no time: {error}") from error


def _all_texts(values: Sequence[Any], one: Callable[[Any], str]) -> Texts | None:
    try:
        return [None if value is None else one(value) for value in values]
    except Misfit:
        return None
