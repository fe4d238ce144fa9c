"""What tests of the stream sink share: a table, a schema, events, and a job's client of PostgreSQL."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from reconciler.jobs.stream_sink.columns import Column, TableName, TablePlan

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "manifests" / "event-schemas" / "interaction.json").read_text()
)
LETTERS = TableName("", "events_rejected")


def column(path: str, name: str, type_: str, *, nullable: bool = True) -> Column:
    """A column, its path written with dots."""
    return Column(tuple(path.split(".")), name, type_, nullable)


PLAN = TablePlan(
    TableName("", "events"),
    (
        column("idempotencyKey", "key", "text", nullable=False),
        column("timestamp", "at", "timestamptz", nullable=False),
        column("type", "channel", "text"),
        column("attributes.duration", "duration", "integer"),
        column("attributes.queueName", "queue_name", "text"),
    ),
    key="key",
    order="at",
    updated=("at", "channel", "duration", "queue_name"),
)

BEGIN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def event(key: str, second: float = 0, **attributes: Any) -> dict[str, Any]:
    """An event that the schema allows, so many seconds after `BEGIN`."""
    return {
        "interactionId": f"int-{key}",
        "timestamp": (BEGIN + timedelta(seconds=second)).isoformat(),
        "type": "call",
        "idempotencyKey": key,
        "attributes": attributes,
    }


def raw(*events: Any) -> list[bytes]:
    """Events as they come over the wire."""
    return [item if isinstance(item, bytes) else orjson.dumps(item) for item in events]


def interactions(count: int, seed: int, *, keys: int, bad: float = 0.0) -> list[dict[str, Any] | str]:
    """Events with repeated keys and mixed times; of these, a fraction breaks the schema, fits no column, or is no JSON."""
    chance = random.Random(seed)
    made: list[dict[str, Any] | str] = []
    for number in range(count):
        one = event(f"k{chance.randrange(keys)}", number + chance.uniform(-40, 40), duration=chance.randrange(4000))
        one["attributes"]["queueName"] = chance.choice(["support", "ventas €", "a\tb\\n", None])
        if chance.random() < bad:
            wrong = chance.randrange(3)
            if wrong == 0:
                one["type"] = f"fax {number}"
            elif wrong == 1:
                one["attributes"]["duration"] = chance.choice([12.5 + number, 3_000_000_000 + number])
            made.append(f'{{"broken": {number}' if wrong == 2 else one)
        else:
            made.append(one)
    return made


def expected(events: Sequence[Any]) -> tuple[dict[str, tuple[datetime, int | None]], set[str]]:
    """What must be in the table (key → time and duration of the newest, ties to the later) and the raw dead letters."""
    table: dict[str, tuple[datetime, int | None]] = {}
    dead: set[str] = set()
    for item in events:
        if isinstance(item, str):
            dead.add(item)
            continue
        duration = item["attributes"].get("duration")
        whole = duration is None or (duration == int(duration) and abs(duration) < 2**31)
        if item["type"] not in ("call", "chat", "email", "callback") or not whole:
            dead.add(orjson.dumps(item).decode())
            continue
        at, key = datetime.fromisoformat(item["timestamp"]), item["idempotencyKey"]
        if key not in table or at >= table[key][0]:
            table[key] = (at, duration)
    return table, dead
