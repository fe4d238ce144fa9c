"""What the emulator keeps: every resource in SQLite, with a working set in memory that answers reads.

One Store belongs to one event loop. Several processes may open one file: each write is one ``BEGIN IMMEDIATE``
transaction, and before a request ``refresh`` takes in what others have committed since.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.emulator.collection import Collection, Row, shown_json
from reconciler.emulator.state_file import damaged, open_copy, open_state

_KEPT_TOMBSTONES = 10_000
_META: dict[str, type] = {"etag_key": bytes, "next_id": int, "clock_offset": float, "rev": int, "purged_rev": int}


@dataclass(frozen=True, slots=True)
class Written:
    """One resource as a write leaves it: the row for the working set, the whole document, and new blob bytes."""

    row: Row
    stored: bytes
    blob: bytes | None = None


class Store:
    """The tenant's resources and the emulator's own facts about them.

    ``copied`` works on a copy of the state in memory, which nobody else sees and nothing is left of. Raises StateError when
    ``path`` is not a usable state file.
    """

    def __init__(self, path: Path | None, kinds: Sequence[str], *, show_etags: bool, copied: bool = False) -> None:
        self._path = None if copied else path
        self._show_etags = show_etags
        self.connection = open_copy(path) if copied and path is not None else open_state(path)
        # No lifespan event is promised in-process, so the connection closes with the store's own end.
        self.close = weakref.finalize(self, self.connection.close)
        self.collections = {kind: Collection(show_etags=show_etags) for kind in kinds}
        self._users: dict[str, set[tuple[str, str]]] = {}
        self._revision = -1
        self._data_version = -1
        self.etag_key = b""
        self.next_id = 0
        self.clock_offset = 0.0
        self._pending: list[Written | tuple[str, str]] = []
        self._after: list[Callable[[], object]] = []
        try:
            self.refresh()
        except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError) as error:
            self.close()
            raise damaged(path, error) from error

    def refresh(self) -> None:
        """Take in what other processes have committed. Costs microseconds when nothing has."""
        if self._path is None and self._revision >= 0:
            return
        seen = self.connection.execute("PRAGMA data_version").fetchone()[0]
        if seen != self._data_version:
            self._data_version = seen
            self._load_changes()

    def _load_changes(self) -> None:
        """Load everything that is newer than what memory holds, as of one moment."""
        if self.connection.in_transaction:
            self._load_since()
            return
        self.connection.execute("BEGIN")
        try:
            self._load_since()
        finally:
            self.connection.execute("COMMIT")

    def _load_since(self) -> None:
        meta: dict[str, Any] = dict(self.connection.execute("SELECT key, value FROM meta"))
        wrong = [key for key, kind in _META.items() if type(meta.get(key)) is not kind]
        if wrong:
            raise ValueError(f"what it says of itself lacks {wrong[0]}")
        self.etag_key = meta["etag_key"]
        self.next_id = meta["next_id"]
        self.clock_offset = meta["clock_offset"]
        if self._revision < meta["purged_rev"]:
            self._forget_all()
        since = (self._revision,)
        for kind, id_ in self.connection.execute("SELECT kind, id FROM tombstones WHERE rev > ?", since).fetchall():
            self._remove(kind, id_)
        query = "SELECT kind, id, name, etag, refs, shown FROM resources WHERE rev > ? ORDER BY kind, id"
        for kind, id_, name, etag, refs, shown in self.connection.execute(query, since):
            self._put(Row(kind, id_, name, etag, tuple(refs.split()), shown))
        self._revision = meta["rev"]

    def _forget_all(self) -> None:
        self._revision = -1
        self._users.clear()
        for kind in self.collections:
            self.collections[kind] = Collection(show_etags=self._show_etags)

    def _put(self, row: Row) -> None:
        collection = self.collections.get(row.kind)
        if collection is None:
            raise ValueError(f"unknown kind {row.kind}")
        self._unlink(collection.get(row.id))
        collection.put(row)
        for target in row.refs:
            self._users.setdefault(target, set()).add((row.kind, row.id))

    def _remove(self, kind: str, id_: str) -> None:
        self._unlink(self.collections[kind].get(id_))
        self.collections[kind].remove(id_)

    def _unlink(self, row: Row | None) -> None:
        if row is not None:
            for target in row.refs:
                self._users[target].discard((row.kind, row.id))

    def users(self, id_: str) -> list[Row]:
        """Give the resources whose references name ``id_``."""
        return [self.collections[kind].rows[user] for kind, user in sorted(self._users.get(id_, ()))]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the database for one write; memory follows only after the commit. Must not be left by an await."""
        self.connection.execute("BEGIN IMMEDIATE")
        self._pending = []
        self._after = []
        try:
            self.refresh()
            yield
            if self._pending:
                self._set_meta("rev", self._revision + 1)
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        if self._pending:
            self._revision += 1
            for change in self._pending:
                if isinstance(change, Written):
                    self._put(change.row)
                else:
                    self._remove(*change)
        for follow in self._after:
            follow()

    def on_commit(self, follow: Callable[[], object]) -> None:
        """Let memory that others keep beside the store follow too: called once the present transaction is committed."""
        self._after.append(follow)

    def _set_meta(self, key: str, value: float) -> None:
        self.connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))

    def stored(self, kind: str, id_: str) -> bytes:
        """Give the whole document of a resource, secrets included, as it was written."""
        query = "SELECT stored FROM resources WHERE kind = ? AND id = ?"
        found: bytes = self.connection.execute(query, (kind, id_)).fetchone()[0]
        return found

    def shown(self, row: Row) -> bytes:
        """Give a row's JSON as it is read back; works for rows that are not committed yet."""
        return shown_json(row, show_etag=self._show_etags)

    def blob(self, kind: str, id_: str) -> bytes | None:
        """Give the bytes kept beside a resource, if any."""
        row = self.connection.execute("SELECT data FROM blobs WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
        return None if row is None else row[0]

    def allocate(self) -> int:
        """Give the next number for an id, inside a transaction. Numbers are not used twice, a reset included."""
        number = self.connection.execute("SELECT value FROM meta WHERE key = 'next_id'").fetchone()[0]
        self._set_meta("next_id", number + 1)
        return int(number)

    def write(self, changes: Iterable[Written]) -> None:
        """Create or replace resources, inside a transaction."""
        written = list(changes)
        revision = self._revision + 1
        self.connection.executemany(
            "INSERT OR REPLACE INTO resources (kind, id, name, etag, refs, rev, shown, stored)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (w.row.kind, w.row.id, w.row.name, w.row.etag, " ".join(w.row.refs), revision, w.row.shown, w.stored)
                for w in written
            ],
        )
        blobs = [(w.row.kind, w.row.id, w.blob) for w in written if w.blob is not None]
        self.connection.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", blobs)
        self._pending.extend(written)

    def delete(self, kind: str, id_: str) -> None:
        """Delete a resource and what is kept beside it, inside a transaction."""
        revision = self._revision + 1
        for table in ("resources", "blobs"):
            self.connection.execute(f"DELETE FROM {table} WHERE kind = ? AND id = ?", (kind, id_))  # noqa: S608  # nosec B608 - names of ours
        self.connection.execute("INSERT INTO tombstones VALUES (?, ?, ?)", (revision, kind, id_))
        self._trim_tombstones()
        self._pending.append((kind, id_))

    def _trim_tombstones(self) -> None:
        """Keep few: who has slept through more than these loads everything again."""
        span = self.connection.execute("SELECT max(rowid) - min(rowid) FROM tombstones").fetchone()[0]
        if span > 2 * _KEPT_TOMBSTONES:
            query = "SELECT rev FROM tombstones ORDER BY rev DESC LIMIT 1 OFFSET ?"
            oldest = self.connection.execute(query, (_KEPT_TOMBSTONES,)).fetchone()[0]
            self.connection.execute("DELETE FROM tombstones WHERE rev <= ?", (oldest,))
            self._set_meta("purged_rev", oldest)

    def advance_clock(self, seconds: float) -> None:
        """Move the wall clock of everybody on this state forward."""
        with self.transaction():
            self.clock_offset += seconds
            self._set_meta("clock_offset", self.clock_offset)

    def clear(self) -> None:
        """Delete everything but the ETag key and the counter of ids, and set the clock right."""
        with self.transaction():
            for table in ("resources", "blobs", "tombstones", "tokens", "answers"):
                self.connection.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608 - names of ours
            revision = self._revision + 1
            self._set_meta("rev", revision)
            self._set_meta("purged_rev", revision)
            self._set_meta("clock_offset", 0.0)
        self._load_changes()
