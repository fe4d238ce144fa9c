"""What PostgreSQL says of a table that exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from reconciler.jobs.stream_sink.columns import Bounds, TableName
from reconciler.jobs.stream_sink.statements import identifier

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One column of a live table.

    ``type`` is PostgreSQL's internal name (``int4``, ``varchar``; a domain's is that of its base), ``shown`` the type as people
    write it. ``computed``: its value cannot be given. ``filled``: it has a default, so that it may be left out.
    """

    name: str
    type: str
    shown: str
    bounds: Bounds
    digits: int | None
    not_null: bool
    computed: bool
    filled: bool


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table that exists. ``unique`` are the sets of columns that a plain unique index covers."""

    name: TableName
    is_table: bool
    columns: dict[str, LiveColumn]
    unique: frozenset[frozenset[str]]


_TABLE = """
SELECT c.oid, c.relkind IN ('r', 'p') FROM pg_catalog.pg_class c
WHERE c.oid = pg_catalog.to_regclass(%s)
"""

_COLUMNS = """
WITH attribute AS (
    SELECT a.*, t.typtype, t.typbasetype,
        CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END AS base,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
        a.attnotnull OR t.typnotnull AS required
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
)
SELECT attname, b.typname, pg_catalog.format_type(atttypid, atttypmod), modifier, required,
    attgenerated <> '' OR attidentity = 'a' AS computed, atthasdef OR attidentity <> '' AS filled
FROM attribute JOIN pg_catalog.pg_type b ON b.oid = base
ORDER BY attnum
"""

_UNIQUE = """
SELECT array_agg(a.attname::text)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid
    AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid
"""


async def read_table(connection: Connection, name: TableName) -> LiveTable | None:
    """Look a table up; None where there is none of this name (any relation counts as one)."""
    quoted = identifier(name).as_string(connection)
    found = await (await connection.execute(_TABLE, [quoted])).fetchone()
    if found is None:
        return None
    oid, is_table = found
    rows = await (await connection.execute(_COLUMNS, [oid])).fetchall()
    unique = await (await connection.execute(_UNIQUE, [oid])).fetchall()
    columns = {row[0]: _column(*row) for row in rows}
    return LiveTable(name, bool(is_table), columns, frozenset(frozenset(names) for (names,) in unique))


def _column(
    name: str, type_: str, shown: str, modifier: int, required: bool, computed: bool, filled: bool
) -> LiveColumn:
    bounds, digits = Bounds(), None
    if modifier >= 0 and type_ in ("varchar", "bpchar"):
        bounds = Bounds(characters=modifier - 4)
    elif modifier >= 0 and type_ == "numeric":
        packed = modifier - 4
        scale = packed & 0x7FF
        bounds = Bounds(precision=(packed >> 16) & 0xFFFF, scale=scale - 0x800 if scale & 0x400 else scale)
    elif modifier >= 0 and type_ == "timestamptz":
        digits = modifier
    return LiveColumn(name, type_, shown, bounds, digits, required, computed, filled)
