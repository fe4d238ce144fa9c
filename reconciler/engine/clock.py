"""The wall clock, in one place, as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache


def now() -> datetime:
    """The current time, with its zone."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Write a time the way that plans, ledgers and logs do: whole seconds, UTC, ``Z``."""
    return _written(moment.replace(microsecond=0))


@lru_cache(maxsize=16)
def _written(moment: datetime) -> str:
    """An audit log has hundreds of records of the same second."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def after_hours(moment: datetime, hours: float) -> str:
    """The stamp of a moment so many hours later."""
    return stamp(moment + timedelta(hours=hours))


def parse(text: str) -> datetime:
    """Read a stamp; raises `ValueError` for anything that is not an RFC 3339 time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
