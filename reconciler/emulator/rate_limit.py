"""A token bucket for ``--rate-limit``: pure, on a clock that is handed in."""

from __future__ import annotations

import math


class RateLimit:
    """Lets ``per_second`` requests a second through, and bursts of one second's worth (at least one request)."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._capacity = max(1.0, per_second)
        self._level = self._capacity
        self._then = now

    def wait(self, now: float) -> int:
        """Take one request at ``now`` (seconds, monotonic). Gives 0, or whole seconds to wait when it is too many."""
        self._level = min(self._capacity, self._level + (now - self._then) * self._per_second)
        self._then = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0
        return max(1, math.ceil((1.0 - self._level) / self._per_second))
