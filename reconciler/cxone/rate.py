"""How fast requests may leave, learnt from the server's 429s. Pure: every call is told the time.

Requests leave on a virtual schedule, one each ``1 / rate`` seconds, with a little credit so that a late wake-up is made good.
The rate follows the idea of CUBIC (RFC 9438): after a 429 it falls a little below the limit that was just met, comes back to it
quickly, stays near it, and only then probes beyond, ever more boldly as long as nobody objects. Each further 429 makes the
next probe come later, because with a server that knows whole seconds only, every probe costs a pause of one.
"""

from __future__ import annotations

import math

CREDIT_SECONDS = 0.05
"""How far behind its schedule a request may leave without the schedule moving."""

DROP = 0.06
"""By how much the rate falls below the limit that was met."""

FIRST_PLATEAU_SECONDS = 4.0
LONGEST_PLATEAU_SECONDS = 240.0
"""How long the rate takes back to the limit, after the first 429 and at most."""

GUESS_GROWTH = 1.4
"""By what the rate grows each second where the limit is a guess from a burst of under a second."""

MOST_GROWTH = 10.0
"""By what the rate exceeds the limit that was met at most, when nobody objects for long."""

SLOWEST = 0.2
"""Requests per second that are sent at least, so that the limiter alone never stops a run."""

FIRST_GUESS = 5.0
"""Requests per second after the first 429 at least: a few requests tell nothing of a limit that others may have used up."""

LEAST_GUESS = 1.0
"""Requests per second after further 429s with nothing taken between them: a server that refuses everything has no pace that
could be measured, and says by Retry-After when to come again."""

IDLE_SECONDS = 1.0
"""A gap longer than this, and than the rate itself asks for, is not time in which the limit was tried."""


class RateController:
    """Paces requests and adapts to 429s.

    ``ceiling`` is the configured limit in requests per second, None where there is none; then nothing is paced before the
    first 429. Times are seconds on any clock that never goes back.
    """

    def __init__(self, ceiling: float | None, now: float) -> None:
        if ceiling is not None and ceiling <= 0:
            raise ValueError("the ceiling must be more than 0 requests per second")
        self._ceiling = ceiling
        self._limit: float | None = None
        self._guessed = False
        self._plateau = FIRST_PLATEAU_SECONDS
        self._tried = 0.0
        self._asked = now
        self._due = now
        self._paused_until = now
        self._cut_at = now
        self._taken = 0

    @property
    def rate(self) -> float | None:
        """Requests per second at present; None: as many as may be in flight."""
        if self._limit is None:
            return self._ceiling
        offset = self._tried - self._plateau
        if self._guessed and offset > 0:
            adapted = self._limit * math.pow(GUESS_GROWTH, min(offset, 60.0))
        else:
            adapted = self._limit * min(1.0 + DROP * (offset / self._plateau) ** 3, MOST_GROWTH)
        adapted = max(SLOWEST, adapted)
        return adapted if self._ceiling is None else min(adapted, self._ceiling)

    def delay(self, now: float) -> float:
        """Take leave to send: 0 grants it and counts it as used, anything else is seconds to wait before asking again."""
        if now < self._paused_until:
            return self._paused_until - now
        rate = self.rate
        if rate is None:
            return 0.0
        if now < self._due:
            return self._due - now
        self._tried += min(max(now - self._asked, 0.0), max(IDLE_SECONDS, 1.0 / rate))
        self._asked = now
        self._due = max(self._due, now - CREDIT_SECONDS) + 1.0 / rate
        return 0.0

    def pause(self, now: float, seconds: float) -> None:
        """Let nothing leave for ``seconds``; the rate stays."""
        self._paused_until = max(self._paused_until, now + seconds)
        self._asked = max(self._asked, self._paused_until)
        self._due = max(self._due, self._paused_until)

    def succeeded(self) -> None:
        """Count a request that the server took; how many there were between two 429s tells its limit."""
        self._taken += 1

    def limited(self, now: float, sent_at: float, seconds: float) -> None:
        """A request that left at ``sent_at`` was answered 429: pause for ``seconds`` and slow down.

        Requests that left before the last slowing down are answers to the same excess and only lengthen the pause.
        """
        if self._limit is None or sent_at > self._cut_at:
            self._cut(now)
        self.pause(now, seconds)

    def _cut(self, now: float) -> None:
        rate = self.rate
        active = now - max(self._cut_at, min(self._paused_until, now))
        measured = self._taken / max(active, 1.0)
        nothing = rate is not None and self._taken == 0
        if rate is None:
            limit = max(measured, FIRST_GUESS)
        elif nothing:
            limit = min(rate, max(rate * 0.7, LEAST_GUESS))
        elif self._guessed and self._tried > self._plateau:
            limit = max(min(rate, measured), rate / GUESS_GROWTH)
        elif active >= 1.0:
            limit = min(rate, measured)
        else:
            limit = rate * 0.7
        if self._limit is not None and not nothing:
            self._plateau = min(self._plateau * 3.0, LONGEST_PLATEAU_SECONDS)
        self._guessed = nothing or (rate is None and active < 1.0)
        self._limit = max(limit, SLOWEST)
        self._tried = 0.0
        self._taken = 0
        self._cut_at = now
