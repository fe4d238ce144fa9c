"""date and timestamptz."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any

from reconciler.jobs.stream_sink.columns import Column
from reconciler.jobs.stream_sink.conversion import STRINGS, Fields, Misfit, fields_of, shown

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COMMON_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-5]):[0-5]\d)", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(?:[0-5]\d|(60))(?:\.\d+)?(?:[Zz]|[+-](?:0\d|1[0-5]|(1[6-9]|2[0-3])):[0-5]\d)",
    re.ASCII,
)


class DateConverter:
    """date: a full-date of RFC 3339. A date-time is refused: which day it is depends on a zone."""

    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All dates that exist."""
        return _all(values, kinds, _DATE, date.fromisoformat)

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

    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All times that exist, none of them a leap second or in a zone that PostgreSQL does not read."""
        return _all(values, kinds, _COMMON_TIME, datetime.fromisoformat)

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


def _all(
    values: Sequence[Any], kinds: frozenset[type], shape: re.Pattern[str], read: Callable[[str], Any]
) -> Fields | None:
    """The fields of strings that all have a shape and can be read; None where one does not."""
    if not kinds <= STRINGS:
        return None
    texts = [value for value in values if value is not None] if NoneType in kinds else values
    if not all(map(shape.fullmatch, texts)):
        return None
    try:
        deque(map(read, texts), maxlen=0)
    except ValueError:
        return None
    return fields_of(values, kinds, str)
