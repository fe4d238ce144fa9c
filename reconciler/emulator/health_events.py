"""Health events that clients push (contract: Operations), kept so that tests can see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Choice, Doc, Json, Member, Record, Text
from reconciler.emulator.store import Store

HEALTH_PATH = "/api/v2/events/stream"

HEALTH_SCOPES = frozenset({"data:read", "data:write", "data:sync"})
"""Any one of these lets a client push its events (contract: Tokens)."""

KEPT = 10_000
"""Events that are kept at most; the oldest go first."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Number:
    """Any number within bounds."""

    lowest: float
    highest: float

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.lowest <= value <= self.highest:
            problems.append(Problem(path, f"must be a number from {self.lowest:g} to {self.highest:g}"))
        return value

    def schema(self) -> Doc:
        return {"type": "number", "minimum": self.lowest, "maximum": self.highest}


class _Moment:
    """A moment as RFC 3339 writes it."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        try:
            right = isinstance(value, str) and bool(_MOMENT.fullmatch(value)) and bool(datetime.fromisoformat(value))
        except ValueError:
            right = False
        if not right:
            problems.append(Problem(path, "must be an RFC 3339 date-time"))
        return value

    def schema(self) -> Doc:
        return {"type": "string", "format": "date-time"}


_DATA = Record(
    {
        "extensionId": Member(Text(1, 128), required=True),
        "syncLatencyMs": Member(_Number(0, 2**53), required=True),
        "rejectionRatePercent": Member(_Number(0, 100), required=True),
        "healthScore": Member(Choice(("HEALTHY", "DEGRADED")), required=True),
        "reportedAt": Member(_Moment(), required=True),
    }
)
BODY = Record(
    {
        "eventType": Member(Choice(("CXONE_EXTENSION_HEALTH",)), required=True),
        "data": Member(_DATA, required=True),
    }
)
"""The body of ``POST /api/v2/events/stream``."""

_TABLE = """CREATE TABLE IF NOT EXISTS health_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, client TEXT NOT NULL, event BLOB NOT NULL
)"""


class HealthEvents:
    """The events that were pushed, in their order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction():
            store.connection.execute(_TABLE)

    def add(self, event: Doc, client: str, at: str) -> None:
        """Keep an event that came from a client at a time in RFC 3339, inside a transaction."""
        execute = self._store.connection.execute
        query = "INSERT INTO health_events (at, client, event) VALUES (?, ?, ?)"
        newest = execute(query, (at, client, orjson.dumps(event))).lastrowid
        execute("DELETE FROM health_events WHERE seq <= ?", ((newest or 0) - KEPT,))

    def as_json(self) -> list[Doc]:
        """Give the events with when they came and from whom."""
        rows = self._store.connection.execute("SELECT at, client, event FROM health_events ORDER BY seq")
        return [{"at": at, "clientId": client} | orjson.loads(event) for at, client, event in rows]

    def clear(self) -> None:
        """Drop all events, inside a transaction."""
        self._store.connection.execute("DELETE FROM health_events")
