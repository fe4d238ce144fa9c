"""What of a stream one connection has been given, and what is repeated after it breaks. Pure."""

from __future__ import annotations

from collections import deque

REPEAT_SECONDS = 10.0
"""What a client has received this shortly before its connection broke is sent again (contract: at least once)."""


class Delivery:
    """How far a connection is: what is sent, what has surely arrived, and since when.

    Bytes that are written to a socket may lie unread in buffers for as long as a reader is slow. What counts as
    arrived is therefore only what the other side has confirmed, which it does by answering a ping that followed it.
    Times are seconds of the emulated clock; positions are numbers of events, 0 before the first.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        """The last event that was sent."""
        self._settled = position
        self._recent: deque[tuple[float, int]] = deque()

    @property
    def confirmed(self) -> int:
        """The last event that has surely arrived."""
        return self._recent[-1][1] if self._recent else self._settled

    def confirm(self, position: int, now: float) -> None:
        """Note that everything up to ``position`` has arrived by now."""
        self._settle(now)
        self._recent.append((now, position))

    def resume_after(self, now: float) -> int:
        """Give the event after which another connection has to begin if this one breaks now."""
        self._settle(now)
        return self._settled

    def _settle(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - REPEAT_SECONDS:
            self._settled = self._recent.popleft()[1]
