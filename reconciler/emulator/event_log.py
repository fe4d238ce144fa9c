"""The events of every stream, kept in the order of their publication for as long as the stream exists.

The log is what a slow reader is buffered by: each connection reads from it at its own pace and holds no queue of its
own. It stands in the state's database, so that what one process publishes another may deliver, and what was
published before a restart is delivered after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from reconciler.emulator.delivery import Place, hindmost
from reconciler.emulator.store import Store

_TABLES = (
    """CREATE TABLE IF NOT EXISTS events (
        stream TEXT NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (stream, seq)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS breaks (
        stream TEXT NOT NULL, client TEXT NOT NULL, position INTEGER NOT NULL, at REAL NOT NULL,
        arrived BLOB NOT NULL DEFAULT '[]'
    )""",
    """CREATE TRIGGER IF NOT EXISTS stream_deleted AFTER DELETE ON resources WHEN OLD.kind = 'EventStream' BEGIN
        DELETE FROM events WHERE stream = OLD.id;
        DELETE FROM breaks WHERE stream = OLD.id;
    END""",
)

REMEMBERED_SECONDS = 600.0
"""How long a connection that broke is expected back, in seconds of the emulated clock."""


@dataclass(frozen=True, slots=True)
class Published:
    """The numbers of the events that one call has added: ``first`` to ``last``, both included."""

    first: int
    last: int


class EventLog:
    """Events by stream, numbered from 1 without gaps, and the places at which broken connections stood."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction():
            for statement in _TABLES:
                store.connection.execute(statement)
            self._add_arrivals()

    def _add_arrivals(self) -> None:
        """Bring a state that an earlier version made up to date."""
        columns = {row[1] for row in self._store.connection.execute("PRAGMA table_info(breaks)")}
        if "arrived" not in columns:
            self._store.connection.execute("ALTER TABLE breaks ADD COLUMN arrived BLOB NOT NULL DEFAULT '[]'")

    def append(self, stream: str, events: Iterable[bytes]) -> Published:
        """Add events, each the text of one message in UTF-8, all of them or none."""
        with self._store.transaction():
            first = self.last(stream) + 1
            rows = ((stream, first + offset, event) for offset, event in enumerate(events))
            self._store.connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
            return Published(first, self.last(stream))

    def last(self, stream: str) -> int:
        """Give the number of a stream's newest event, 0 where there is none."""
        row = self._store.connection.execute("SELECT max(seq) FROM events WHERE stream = ?", (stream,)).fetchone()
        return int(row[0] or 0)

    def after(self, stream: str, position: int, most_bytes: int) -> Sequence[bytes]:
        """Give the events that follow number ``position``: one at least, if there is one, and not many bytes more."""
        query = "SELECT data FROM events WHERE stream = ? AND seq > ? ORDER BY seq"
        found: list[bytes] = []
        size = 0
        cursor = self._store.connection.execute(query, (stream, position))
        for (event,) in cursor:
            found.append(event)
            size += len(event)
            if size >= most_bytes:
                break
        cursor.close()
        return found

    def broke(self, stream: str, client: str, place: Place, now: float) -> None:
        """Remember that a client's connection has ended, and where the next one has to begin."""
        row = (stream, client, place.position, now, orjson.dumps(place.arrived))
        with self._store.transaction():
            self._store.connection.execute("DELETE FROM breaks WHERE at < ?", (now - REMEMBERED_SECONDS,))
            self._store.connection.execute("INSERT INTO breaks VALUES (?, ?, ?, ?, ?)", row)

    def return_of(self, stream: str, client: str, now: float) -> Place | None:
        """Take the return of one of a client's broken connections; give where it begins, None where none broke.

        Which of several connections returns can't be known: each begins where the hindmost stood, and the foremost
        place is forgotten, so that none of them can miss anything.
        """
        with self._store.transaction():
            rows = self._store.connection.execute(
                "SELECT position, arrived, rowid FROM breaks"
                " WHERE stream = ? AND client = ? AND at >= ? ORDER BY position",
                (stream, client, now - REMEMBERED_SECONDS),
            ).fetchall()
            if not rows:
                return None
            self._store.connection.execute("DELETE FROM breaks WHERE rowid = ?", (rows[-1][2],))
        return hindmost([Place(position, orjson.loads(arrived)) for position, arrived, _ in rows])
