"""The emulator's wall clock, which a control can move forward, and times as the API writes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """The machine's wall clock plus an offset in seconds, which belongs to the state and only grows."""

    def __init__(self, offset_seconds: Callable[[], float]) -> None:
        self._offset_seconds = offset_seconds

    def now(self) -> float:
        """Give the present emulated time in seconds since 1970."""
        return time.time() + self._offset_seconds()


def timestamp(seconds: float) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
