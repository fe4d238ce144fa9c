"""What of a stream one connection has been given, and what is repeated after it breaks. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

REPEAT_SECONDS = 10.0
"""What a client first received this shortly before its connection broke is sent again (contract: at least once)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection has to begin: after event ``position``.

    ``arrived`` says of what follows when it arrived for the first time, as pairs of a time and the last event that had arrived
    by then, both ascending. A repeat is no new arrival: however often connections break, an event is repeated for
    `REPEAT_SECONDS` and no longer.
    """

    position: int = 0
    arrived: Sequence[tuple[float, int]] = ()

    def arrival_of(self, event: int) -> float | None:
        """Give when an event arrived first: None where it has not, minus infinity where it is not to be repeated."""
        if event <= self.position:
            return float("-inf")
        return next((at for at, last in self.arrived if last >= event), None)


def hindmost(places: Sequence[Place]) -> Place:
    """Give the place from which nobody who stood at one of ``places`` misses anything: what came later counts."""
    arrived: list[tuple[float, int]] = []
    for event in sorted({last for place in places for _, last in place.arrived}):
        times = [place.arrival_of(event) for place in places]
        known = [at for at in times if at is not None]
        if len(known) == len(times):
            arrived.append((max(known), event))
    return Place(min((place.position for place in places), default=0), tuple(arrived))


class Delivery:
    """How far a connection is: what is sent, what has surely arrived, and since when.

    Bytes that are written to a socket may lie unread in buffers for as long as a reader is slow. What counts as
    arrived is therefore only what the other side has confirmed, which it does by answering a ping that followed it.
    Times are seconds of the emulated clock; positions are numbers of events, 0 before the first.
    """

    def __init__(self, begin: Place) -> None:
        self.position = begin.position
        """The last event that was sent."""
        self.confirmed = begin.position
        """The last event that has surely arrived on this connection, or was never to be sent on it."""
        self._settled = begin.position
        self._recent: deque[tuple[float, int]] = deque(begin.arrived)

    def confirm(self, position: int, now: float) -> None:
        """Note that everything up to ``position`` has arrived by now, if not on an earlier connection already."""
        self.confirmed = position
        self._settle(now)
        if position > (self._recent[-1][1] if self._recent else self._settled):
            self._recent.append((now, position))

    def resume_at(self, now: float) -> Place:
        """Give the place at which another connection has to begin if this one breaks now."""
        self._settle(now)
        return Place(self._settled, tuple(self._recent))

    def _settle(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - REPEAT_SECONDS:
            self._settled = self._recent.popleft()[1]
