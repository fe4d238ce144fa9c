"""StreamSink: a job that stores a stream's events in PostgreSQL (contract: Operations)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.core.partial import HOLE, Unvalidated
from reconciler.kinds.parts.base import LocalSpec, Name, Part
from reconciler.kinds.parts.event_columns import (
    IDENTIFIER,
    SinkColumn,
    SinkColumnOrType,
    column_name,
    event_path_findings,
)
from reconciler.kinds.parts.findings import each, gathered, repeated, suggestion, unknown_names
from reconciler.kinds.parts.schemas import ObjectSchema, schema_findings

_TABLE = r"^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$"


_EVENT_EXAMPLE = {
    "type": "object",
    "properties": {
        "idempotencyKey": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "attributes": {
            "type": "object",
            "properties": {"duration": {"type": ["number", "null"]}, "queueName": {"type": ["string", "null"]}},
        },
    },
    "required": ["idempotencyKey", "timestamp"],
}


class Table(Part):
    """The table that events are stored in; it is made where it does not exist."""

    name: Annotated[str, Field(pattern=_TABLE)] = Field(
        description="The table's name, with its schema if need be.", examples=["cxone_events"]
    )
    columns: Annotated[dict[Annotated[str, Field(min_length=1)], SinkColumnOrType], Field(min_length=1)] = Field(
        description=(
            "Path in the event → type of the column, or {type, name, nullable}. "
            "Types: text, integer, bigint, numeric, double precision, boolean, date, timestamptz, uuid, jsonb."
        ),
        examples=[
            {
                "idempotencyKey": "text",
                "timestamp": {"type": "timestamptz", "name": "occurred_at", "nullable": False},
                "attributes.duration": "numeric",
                "attributes.queueName": "text",
            }
        ],
    )
    conflict_key: str = Field(
        description="The path, one of columns, that says which events are the same one.", examples=["idempotencyKey"]
    )
    order_by: str | None = Field(
        default=None,
        description="The path, one of columns, by which the newer of two such events wins. Without it the later arrival.",
        examples=["timestamp"],
    )
    update_on_conflict: list[str] | None = Field(
        default=None,
        description=(
            "Paths, of columns, that a newer event updates. Default: all but the conflict key. "
            "The column of orderBy is always updated, as it tells how old the row is."
        ),
        examples=[["attributes.duration", "attributes.queueName"]],
    )


class Batch(Part):
    """How many events are written at once."""

    max_events: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=2000, description="Events a transaction at most."
    )
    max_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = Field(
        default=8 * 1024 * 1024, description="Bytes of events from which on a transaction is full."
    )
    max_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=1.0, description="Seconds that an event waits for company at most."
    )


class SpoolSize(Part):
    """How much of what was received may wait on disk for the database."""

    max_megabytes: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1024,
        description="Megabytes on disk at most. A sink whose spool is full stops reading, and the server holds its events back.",
    )


class DeadLetter(Part):
    """Where events go that do not satisfy the schema or the columns."""

    table: Annotated[str, Field(pattern=_TABLE)] = Field(
        description="The table's name; it keeps the event, the reason and the time.", examples=["cxone_events_rejected"]
    )


class StreamSinkSpec(LocalSpec):
    """Which stream is stored, what its events look like, and where they go."""

    stream_ref: Name = Field(
        description="The name of the EventStream manifest that is stored.", examples=["interaction-events"]
    )
    event_schema: ObjectSchema = Field(
        description="The JSON Schema of an event: written here, or the path of a JSON file in the project.",
        examples=[_EVENT_EXAMPLE, "event-schemas/interaction.json"],
    )
    table: Table = Field(description="The table that events are stored in.")
    database: Annotated[str, Field(min_length=1)] = Field(
        default="embedded:",
        description=(
            "A PostgreSQL URL, or 'embedded:' for one that this tool starts itself. "
            "A URL with a password is a secret: write it as a reference."
        ),
        examples=["${secret:env:SINK_DATABASE_URL}"],
    )
    batch: Batch = Field(default_factory=Batch, description="How many events are written at once.")
    spool: SpoolSize = Field(
        default_factory=SpoolSize, description="How much of what was received may wait for the database."
    )
    dead_letter: DeadLetter | None = Field(
        default=None,
        description="Where refused events go. Default: a table with the name of the first and '_dead_letter' behind it.",
        examples=[{"table": "cxone_events_rejected"}],
    )


def check(spec: StreamSinkSpec, _lookup: Lookup) -> list[Finding]:
    """The schema is one, the columns take what it describes, keys are columns, and no password stands in the manifest."""
    return gathered(
        lambda: _schema_and_paths(spec),
        lambda: _is_column(spec.table, "conflictKey", spec.table.conflict_key),
        lambda: _is_column(spec.table, "orderBy", spec.table.order_by),
        lambda: _updates(spec.table),
        lambda: _key_required(spec),
        lambda: _same_names(spec.table),
        lambda: each(spec.table.columns.items(), _impossible_name),
        lambda: _database_findings(spec.database),
    )


def _schema_and_paths(spec: StreamSinkSpec) -> Iterator[Finding]:
    found = schema_findings(("eventSchema",), spec.event_schema)
    yield from found
    if not any(finding.severity == "error" for finding in found):
        yield from event_path_findings(spec.table.columns, spec.event_schema)


def _is_column(table: Table, field: str, name: str | None) -> Iterator[Finding]:
    if name is not None and name not in table.columns:
        yield Finding(("table", field), f"{name!r} is not one of the columns", suggestion(name, table.columns))


def _updates(table: Table) -> Iterator[Finding]:
    path = ("table", "updateOnConflict")
    updated = table.update_on_conflict or []
    yield from unknown_names(path, updated, table.columns, "one of the columns")
    if table.conflict_key in updated:
        yield Finding(
            (*path, updated.index(table.conflict_key)), "the conflict key itself can't be updated", "remove it"
        )


def _key_required(spec: StreamSinkSpec) -> Iterator[Finding]:
    table = spec.table
    required = spec.event_schema.get("required")
    always = "." in table.conflict_key or (isinstance(required, list) and table.conflict_key in required)
    if table.conflict_key in table.columns and not always:
        yield Finding(
            ("table", "conflictKey"),
            f"the event schema does not require {table.conflict_key!r}: events without it can't be stored",
            f"add {table.conflict_key!r} to the schema's required fields",
            "warning",
        )


def _same_names(table: Table) -> Iterator[Finding]:
    paths = list(table.columns)
    for index, first, name in repeated(_names(table)):
        yield Finding(
            ("table", "columns", paths[index]),
            f"the column {name!r} also takes {paths[first]!r}",
            "give one of them a 'name' of its own",
        )


def _names(table: Table) -> Iterator[Any]:
    for path, column in table.columns.items():
        try:
            yield column_name(path, column)
        except Unvalidated:
            yield HOLE


def _impossible_name(_: int, item: tuple[str, SinkColumn]) -> Iterator[Finding]:
    path, column = item
    if not re.fullmatch(IDENTIFIER, name := column_name(path, column)):
        yield Finding(("table", "columns", path), f"{name!r} can't be a column's name", "give it a 'name'")


def _database_findings(database: str) -> list[Finding]:
    """Refuse literal passwords and unknown schemes; what a reference stands for is not known here and passes."""
    path = ("database",)
    if database == "embedded:" or database.startswith(("${", "(secret")):
        return []
    try:
        parts = urlsplit(database)
        password = parts.password or "password=" in parts.query
    except ValueError:
        return [Finding(path, "this is no URL", "write postgresql://host/database, or 'embedded:'")]
    if parts.scheme not in ("postgresql", "postgres"):
        what = repr(parts.scheme) if parts.scheme else "this"
        return [Finding(path, f"{what} is no database URL", "write postgresql://…, or 'embedded:'")]
    if password:
        return [
            Finding(
                path,
                "a database URL with a password stands here in the clear",
                "write ${secret:env:SINK_DATABASE_URL} and keep the URL there; change that password now",
            )
        ]
    return []


KIND = Kind(
    name="StreamSink",
    kind_class="job",
    spec=StreamSinkSpec,
    summary="A job: stores a stream's events in PostgreSQL.",
    required=frozenset({"streamRef", "eventSchema", "table"}),
    references=(Reference("streamRef", ("EventStream",)),),
    json_files=frozenset({"eventSchema"}),
    check=check,
)
