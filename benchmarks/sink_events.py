"""The events that the sink's benchmark stores: the same ones for every way of storing them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

SCHEMA = {
    "type": "object",
    "properties": {
        "interactionId": {"type": "string", "minLength": 1, "maxLength": 255},
        "timestamp": {"type": "string", "format": "date-time"},
        "type": {"enum": ["call", "chat", "email", "callback"]},
        "idempotencyKey": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 255},
        "attributes": {
            "type": "object",
            "properties": {
                "duration": {"type": ["number", "null"]},
                "disposition": {"type": ["string", "null"]},
                "queueName": {"type": ["string", "null"]},
                "agentId": {"type": ["string", "null"]},
            },
        },
    },
    "required": ["interactionId", "timestamp", "type", "idempotencyKey"],
    "additionalProperties": False,
}

TABLE = {
    "name": "cxone_events",
    "columns": {
        "idempotencyKey": "text",
        "interactionId": {"type": "text", "nullable": False},
        "timestamp": {"type": "timestamptz", "name": "occurred_at", "nullable": False},
        "type": {"type": "text", "name": "channel"},
        "attributes.duration": {"type": "numeric", "name": "duration_seconds"},
        "attributes.disposition": "text",
        "attributes.queueName": "text",
        "attributes.agentId": "text",
    },
    "conflictKey": "idempotencyKey",
    "orderBy": "timestamp",
}


def events(count: int) -> list[bytes]:
    """So many events, of which one in twenty repeats an earlier key with a later time."""
    chance = random.Random(1)
    begin = datetime(2026, 11, 20, tzinfo=UTC)
    made = []
    for number in range(count):
        key = chance.randrange(number) if number and chance.random() < 0.05 else number
        moment = (begin + timedelta(milliseconds=37 * number)).isoformat(timespec="milliseconds")
        event = {
            "interactionId": f"int-{key:08}",
            "timestamp": moment.replace("+00:00", "Z"),
            "type": chance.choice(["call", "chat", "email", "callback"]),
            "idempotencyKey": f"{key:08}-{key * 7919 % 100003:x}",
            "attributes": {
                "duration": chance.choice([None, chance.randrange(3000), round(chance.random() * 900, 1)]),
                "disposition": chance.choice(["resolved", "transferred", None]),
                "queueName": f"queue-{chance.randrange(40)}",
                "agentId": f"agent-{chance.randrange(400)}",
            },
        }
        made.append(json.dumps(event, separators=(",", ":")).encode())
    return made
