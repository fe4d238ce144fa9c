"""The records of Datasets and DataExtensions: a log of batches in the state, with an index in memory.

Each write adds one row for all of its records, so that a million take as long as a thousand times a thousand, in
whatever order their keys come. A batch goes once none of its records is the newest of its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import orjson

from reconciler.emulator.shelf import Shelf
from reconciler.emulator.store import Store

_TABLES = (
    """CREATE TABLE IF NOT EXISTS batches (
        batch INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, keys BLOB NOT NULL, dropped BLOB, data BLOB NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS batches_owner ON batches (owner, batch)",
    "CREATE TABLE IF NOT EXISTS epochs (owner TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TRIGGER IF NOT EXISTS owner_deleted AFTER DELETE ON resources BEGIN
        DELETE FROM batches WHERE owner = OLD.id;
        DELETE FROM epochs WHERE owner = OLD.id;
    END""",
)


class Records:
    """Records by their owner, which is a resource's id, and in it by key. One writer a transaction and owner."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shelves: dict[str, Shelf] = {}
        with store.transaction():
            for statement in _TABLES:
                store.connection.execute(statement)

    def shelf(self, owner: str) -> Shelf:
        """Give the index of an owner's records as the state has it now, other processes' writes included."""
        execute = self._store.connection.execute
        row = execute("SELECT epoch FROM epochs WHERE owner = ?", (owner,)).fetchone()
        epoch = row[0] if row is not None else 0
        shelf = self._shelves.get(owner)
        if shelf is None or shelf.epoch != epoch:
            self._forget_empty()
            shelf = self._shelves[owner] = Shelf(epoch)
        query = "SELECT batch, keys, dropped FROM batches WHERE owner = ? AND batch > ? ORDER BY batch"
        for batch, keys, dropped in execute(query, (owner, shelf.newest)):
            shelf.take_in(batch, orjson.loads(keys), orjson.loads(dropped) if dropped else ())
        return shelf

    def _forget_empty(self) -> None:
        """Let go of the indexes of owners without records: most of them were deleted."""
        query = "SELECT 1 FROM batches WHERE owner = ? LIMIT 1"
        for owner in list(self._shelves):
            if self._store.connection.execute(query, (owner,)).fetchone() is None:
                del self._shelves[owner]

    def write(self, owner: str, keys: Sequence[str], lines: Sequence[bytes], dropped: Sequence[str] = ()) -> int:
        """Add or replace records, inside a transaction, and give by how many there are more of them now.

        ``keys`` holds none twice, ``lines`` the JSON of each, without a line break; ``dropped`` are keys to delete.
        """
        shelf = self.shelf(owner)
        execute = self._store.connection.execute
        values = (owner, orjson.dumps(keys), orjson.dumps(dropped) if dropped else None, b"\n".join(lines))
        query = "INSERT INTO batches (owner, keys, dropped, data) VALUES (?, ?, ?, ?)"
        batch = execute(query, values).lastrowid
        assert batch is not None
        gone = list(set(dropped).difference(keys))
        replaced = shelf.held(keys)
        if replaced or gone:
            # What a batch has dropped would be back after a restart if it went, so such a one stays.
            outlived = [(number,) for number in shelf.outlived([*keys, *gone])]
            query = "DELETE FROM batches WHERE batch = ? AND dropped IS NULL"
            self._store.connection.executemany(query, outlived)
        self._store.on_commit(partial(shelf.take_in, batch, keys, dropped))
        return len(keys) - replaced - shelf.held(gone)

    def read(self, owner: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Give the records that there are under ``keys``."""
        found: dict[str, bytes] = {}
        for batch, places in self.shelf(owner).places(keys).items():
            query = "SELECT data FROM batches WHERE batch = ?"
            lines = self._store.connection.execute(query, (batch,)).fetchone()[0].split(b"\n")
            found.update((key, lines[position]) for position, key in places)
        return found

    def all(self, owner: str) -> Iterator[tuple[str, bytes]]:
        """Give all records with their keys, in the order in which they were last written."""
        shelf = self.shelf(owner)
        query = "SELECT batch, keys, data FROM batches WHERE owner = ? ORDER BY batch"
        for batch, keys, data in self._store.connection.execute(query, (owner,)):
            yield from shelf.living(batch, orjson.loads(keys), data.split(b"\n") if data else ())

    def move(self, source: str, target: str) -> None:
        """Put all records of one owner in the place of another's, inside a transaction."""
        execute = self._store.connection.execute
        execute("DELETE FROM batches WHERE owner = ?", (target,))
        execute("UPDATE batches SET owner = ? WHERE owner = ?", (target, source))
        query = "INSERT INTO epochs VALUES (?, 1) ON CONFLICT (owner) DO UPDATE SET epoch = epoch + 1"
        execute(query, (target,))
        self._store.on_commit(partial(self._shelves.pop, source, None))

    def drop(self, owner: str) -> None:
        """Delete all records of an owner, inside a transaction."""
        self._store.connection.execute("DELETE FROM batches WHERE owner = ?", (owner,))
        self._store.on_commit(partial(self._shelves.pop, owner, None))

    def clear(self) -> None:
        """Delete all records of everybody, inside a transaction."""
        self._store.connection.execute("DELETE FROM batches")
        self._store.connection.execute("DELETE FROM epochs")
        self._store.on_commit(self._shelves.clear)
