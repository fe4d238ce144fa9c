"""What the state keeps of every sync: what was asked for, how far it is, and which process carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import orjson

from reconciler.emulator.fields import Doc
from reconciler.emulator.store import Store

Phase = Literal["syncing", "notifying", "done"]
"""``syncing`` until the records are dealt with, ``notifying`` until the webhook is; nothing is left to do after."""

_TABLES = (
    """CREATE TABLE IF NOT EXISTS syncs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, resource TEXT NOT NULL,
        request BLOB NOT NULL, state BLOB NOT NULL, phase TEXT NOT NULL, owner TEXT
    )""",
    "CREATE INDEX IF NOT EXISTS syncs_resource ON syncs (resource, seq)",
    """CREATE TRIGGER IF NOT EXISTS synced_deleted AFTER DELETE ON resources BEGIN
        DELETE FROM batches WHERE owner IN (SELECT id FROM syncs WHERE resource = OLD.id);
        DELETE FROM syncs WHERE resource = OLD.id;
    END""",
)
_COLUMNS = "seq, id, resource, request, state, phase, owner"


@dataclass(frozen=True, slots=True)
class Row:
    """One sync as it is kept. ``owner`` names the process that carries it out; None where nobody does."""

    seq: int
    id: str
    resource: str
    request: Doc
    state: Doc
    phase: Phase
    owner: str | None


class SyncTable:
    """The syncs of a tenant; those of a resource go with it. Must be made after the records' own tables."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction():
            for statement in _TABLES:
                store.connection.execute(statement)

    def add(self, id_: str, resource: str, request: Doc, state: Doc, phase: Phase) -> None:
        """Keep a new sync, inside a transaction."""
        query = "INSERT INTO syncs (id, resource, request, state, phase) VALUES (?, ?, ?, ?, ?)"
        values = (id_, resource, orjson.dumps(request), orjson.dumps(state), phase)
        self._store.connection.execute(query, values)

    def get(self, id_: str, resource: str | None = None) -> Row | None:
        """Give a sync; None where there is none, or it is one of another resource."""
        rows = self._rows("WHERE id = ?", id_)
        return rows[0] if rows and resource in (None, rows[0].resource) else None

    def unfinished(self) -> list[Row]:
        """Give the syncs with something left to do, the oldest first."""
        return self._rows("WHERE phase != 'done' ORDER BY seq")

    def all(self) -> list[Row]:
        """Give all syncs, the oldest first."""
        return self._rows("ORDER BY seq")

    def is_next(self, row: Row) -> bool:
        """Say whether no older sync of the same resource is at work on its records."""
        query = "SELECT 1 FROM syncs WHERE resource = ? AND seq < ? AND phase = 'syncing' LIMIT 1"
        return self._store.connection.execute(query, (row.resource, row.seq)).fetchone() is None

    def update(self, id_: str, state: Doc, phase: Phase) -> bool:
        """Keep how far a sync is, inside a transaction; says whether there still is such a sync."""
        query = "UPDATE syncs SET state = ?, phase = ? WHERE id = ?"
        return self._store.connection.execute(query, (orjson.dumps(state), phase, id_)).rowcount == 1

    def claim(self, id_: str, owner: str | None) -> None:
        """Note who carries a sync out, inside a transaction."""
        self._store.connection.execute("UPDATE syncs SET owner = ? WHERE id = ?", (owner, id_))

    def clear(self) -> None:
        """Forget all syncs, inside a transaction."""
        self._store.connection.execute("DELETE FROM syncs")

    def _rows(self, where: str, *values: str) -> list[Row]:
        found = self._store.connection.execute(f"SELECT {_COLUMNS} FROM syncs {where}", values)  # noqa: S608  # nosec B608 - names of ours
        return [
            Row(seq, id_, resource, orjson.loads(request), orjson.loads(state), phase, owner)
            for seq, id_, resource, request, state, phase, owner in found.fetchall()
        ]
