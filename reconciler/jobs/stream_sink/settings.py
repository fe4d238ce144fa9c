"""What a manifest says, as the sink takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.values import Secret
from reconciler.jobs.stream_sink.columns import Column, TableName, TablePlan
from reconciler.kinds.parts.event_columns import column_name

EMBEDDED = "embedded:"
DEAD_LETTER_SUFFIX = "_dead_letter"


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How much is written at once: events, bytes, and for how many seconds an event waits for company."""

    max_events: int
    max_bytes: int
    max_seconds: float


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """One sink. ``database`` is a PostgreSQL URL, which may hold a password, or ``embedded:``."""

    schema: dict[str, Any]
    plan: TablePlan
    dead_letters: TableName
    database: Secret
    batch: BatchSettings
    spool_bytes: int


def read_settings(model: Any, spec: Mapping[str, Any]) -> SinkSettings:
    """Read a validated spec; ``spec`` is the same as a tree, in which the database may be a resolved secret."""
    table = model.table
    names = {path: column_name(path, column) for path, column in table.columns.items()}
    columns = tuple(
        Column(
            tuple(path.split(".")),
            names[path],
            column.type,
            column.nullable and path != table.conflict_key,
        )
        for path, column in table.columns.items()
    )
    updated = [path for path in table.columns if path != table.conflict_key]
    if table.update_on_conflict is not None:
        updated = table.update_on_conflict
    name = TableName.parse(table.name)
    plan = TablePlan(
        name,
        columns,
        names[table.conflict_key],
        names[table.order_by] if table.order_by else None,
        tuple(names[path] for path in updated),
    )
    given = spec.get("database", EMBEDDED)
    return SinkSettings(
        dict(model.event_schema),
        plan,
        TableName.parse(model.dead_letter.table) if model.dead_letter else _beside(name),
        given if isinstance(given, Secret) else Secret("database", str(given)),
        BatchSettings(model.batch.max_events, model.batch.max_bytes, model.batch.max_seconds),
        model.spool.max_megabytes * 1_000_000,
    )


def _beside(table: TableName) -> TableName:
    """The default dead-letter table; PostgreSQL's names end after 63 bytes."""
    return TableName(table.schema, table.name[: 63 - len(DEAD_LETTER_SUFFIX)] + DEAD_LETTER_SUFFIX)
