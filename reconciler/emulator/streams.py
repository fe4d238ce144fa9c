"""The open connections of event streams: where each stands, who wakes them, and why the server closes one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import anyio
import orjson

from reconciler.emulator.clock import Clock
from reconciler.emulator.collection import Row
from reconciler.emulator.delivery import Delivery, hindmost
from reconciler.emulator.event_log import EventLog, Published
from reconciler.emulator.fields import Doc
from reconciler.emulator.store import Store

KIND = "EventStream"

_TICK_SECONDS = 0.1
"""How often a connection looks what the clock, and other processes on the same state, have done meanwhile."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A close that the server decides on. Code 1006 is no close frame: the connection is broken off."""

    code: int
    reason: str


ENDED = Closing(1000, "the stream has ended")
PAUSED = Closing(1012, "the stream is paused")
EXPIRED = Closing(4001, "the token has expired")
FAILED = Closing(1011, "the server failed")


@dataclass(slots=True, eq=False)
class Connection:
    """One client that is connected to one stream. ``expires`` is by the emulated clock, in seconds since 1970."""

    stream: str
    client_id: str
    expires: float
    delivery: Delivery
    asked: Closing | None = None
    """A close that a control has asked for."""
    _seen: Row | None = field(default=None, repr=False)
    _active: bool = True

    def closing(self, row: Row | None, now: float) -> Closing | None:
        """Say whether the connection must end now, and how."""
        if self.asked is not None:
            return self.asked
        if row is None:
            return ENDED
        if now >= self.expires:
            return EXPIRED
        if row is not self._seen:
            self._seen = row
            self._active = is_active(row)
        return None if self._active else PAUSED

    def as_json(self) -> Doc:
        """Give what a control shows of a connection."""
        return {
            "clientId": self.client_id,
            "sent": self.delivery.position,
            "confirmed": self.delivery.confirmed,
        }


def is_active(row: Row) -> bool:
    """Say whether a stream delivers events at present."""
    return bool(orjson.loads(row.shown)["status"] == "ACTIVE")


class Streams:
    """The log of events and the connections that read from it. Belongs to one event loop, as its store does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.log = EventLog(store)
        self._store = store
        self._clock = clock
        self._open: set[Connection] = set()
        self._news = anyio.Event()

    def connections(self, stream: str) -> Iterator[Connection]:
        """Give the open connections of a stream."""
        return (connection for connection in self._open if connection.stream == stream)

    def publish(self, stream: str, events: Iterable[bytes]) -> Published:
        """Add events to a stream's log and wake its readers."""
        published = self.log.append(stream, events)
        self._wake()
        return published

    def close(self, stream: str, closing: Closing) -> int:
        """Ask all connections of a stream to close; gives how many there are."""
        found = list(self.connections(stream))
        for connection in found:
            connection.asked = closing
        self._wake()
        return len(found)

    def connect(self, stream: str, client_id: str, expires: float) -> Connection:
        """Open a connection. It begins where one of the client's earlier ones may have missed something.

        A client that was never connected begins with the stream's first event, and one that is connected already
        where its other connections would: a break that the server has not noticed yet looks like that.
        """
        now = self._clock.now()
        own = [c for c in self.connections(stream) if c.client_id == client_id]
        places = [connection.delivery.resume_at(now) for connection in own]
        returned = self.log.return_of(stream, client_id, now)
        if returned is not None:
            places.append(returned)
        connection = Connection(stream, client_id, expires, Delivery(hindmost(places)))
        self._open.add(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection, but not where its successor has to begin. Only the first call counts."""
        if connection in self._open:
            self._open.discard(connection)
            now = self._clock.now()
            self.log.broke(connection.stream, connection.client_id, connection.delivery.resume_at(now), now)

    def confirm(self, connection: Connection, position: int) -> None:
        """Note that a connection's client has received everything up to ``position``."""
        connection.delivery.confirm(position, self._clock.now())

    def closing(self, connection: Connection) -> Closing | None:
        """Say whether a connection must end now, as the clock and the state stand; other processes' writes count."""
        self._store.refresh()
        return connection.closing(self._store.collections[KIND].get(connection.stream), self._clock.now())

    async def news(self) -> None:
        """Wait until something may have changed."""
        with anyio.move_on_after(_TICK_SECONDS):
            await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()
