"""The SQL of a sink: the staging table, the upsert of a batch, and the dead letters. Pure: text from a plan."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from reconciler.jobs.stream_sink.columns import TableName, TablePlan

STAGING = sql.Identifier("reconciler_staging")
PLACE = sql.Identifier("#")
"""The staging table's column with an event's place in its batch; no declared column can have this name."""


def identifier(table: TableName) -> sql.Identifier:
    """A table's name, quoted."""
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(name) for name in names])


def staging_statement(plan: TablePlan) -> sql.Composed:
    """Make a temporary table with the live types of the columns; it is empty at the start of every transaction."""
    return sql.SQL(
        "CREATE TEMPORARY TABLE {staging} ON COMMIT DELETE ROWS AS"
        " SELECT 0::integer AS {place}, {columns} FROM {table} WITH NO DATA"
    ).format(staging=STAGING, place=PLACE, columns=_listed(plan.names), table=identifier(plan.table))


def copy_statement(plan: TablePlan) -> sql.Composed:
    """Take a batch in COPY's text format."""
    return sql.SQL("COPY {staging} ({place}, {columns}) FROM STDIN").format(
        staging=STAGING, place=PLACE, columns=_listed(plan.names)
    )


def merge_statement(plan: TablePlan) -> sql.Composed:
    """Move the staged batch into the table: of events with one key the newest wins, whatever the order of arrival.

    Within a batch, columns that are not updated on conflict come from the first event that arrived, as if each had been
    written by itself. Rows are written in the order of their keys, so that several sinks cannot wait for each other in a ring.
    """
    key = sql.Identifier(plan.key)
    newest = [sql.SQL("{} DESC NULLS LAST").format(sql.Identifier(plan.order))] if plan.order else []
    order = sql.SQL(", ").join([key, *newest, sql.SQL("{} DESC").format(PLACE)])
    overwritten = _overwritten(plan)
    kept = [name for name in plan.names if name != plan.key and name not in overwritten]
    chosen = [
        sql.SQL("first_value({}) OVER arrived").format(sql.Identifier(name)) if name in kept else sql.Identifier(name)
        for name in plan.names
    ]
    window = sql.SQL(" WINDOW arrived AS (PARTITION BY {} ORDER BY {})").format(key, PLACE) if kept else sql.SQL("")
    return sql.SQL(
        "INSERT INTO {table} AS live ({columns}) SELECT DISTINCT ON ({key}) {chosen} FROM {staging}{window}"
        " ORDER BY {order} ON CONFLICT ({key}) {action}"
    ).format(
        table=identifier(plan.table),
        columns=_listed(plan.names),
        key=key,
        chosen=sql.SQL(", ").join(chosen),
        staging=STAGING,
        window=window,
        order=order,
        action=_action(plan, overwritten),
    )


def _overwritten(plan: TablePlan) -> list[str]:
    """What a newer event overwrites. The column that says which is newer must always tell the age of what stands there."""
    return [name for name in plan.names if name in plan.updated or (name == plan.order and name != plan.key)]


def _action(plan: TablePlan, overwritten: Sequence[str]) -> sql.Composable:
    if not overwritten:
        return sql.SQL("DO NOTHING")
    settings = sql.SQL(", ").join([sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in overwritten])
    before = sql.SQL(", ").join([sql.SQL("live.{}").format(sql.Identifier(name)) for name in overwritten])
    after = sql.SQL(", ").join([sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in overwritten])
    # What is repeated changes nothing, and should not write anything either.
    where = sql.SQL("ROW({}) IS DISTINCT FROM ROW({})").format(before, after)
    if plan.order is not None:
        newer = sql.SQL("(live.{0} IS NULL OR excluded.{0} >= live.{0})").format(sql.Identifier(plan.order))
        where = sql.SQL("{} AND {}").format(newer, where)
    return sql.SQL("DO UPDATE SET {} WHERE {}").format(settings, where)


def create_table_statement(plan: TablePlan) -> sql.Composed:
    """Create the table as it is declared, with the conflict key as its primary key."""
    lines = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type),
            sql.SQL("" if column.nullable else " NOT NULL"),
        )
        for column in plan.columns
    ]
    lines.append(sql.SQL("PRIMARY KEY ({})").format(sql.Identifier(plan.key)))
    return sql.SQL("CREATE TABLE {} ({})").format(identifier(plan.table), sql.SQL(", ").join(lines))


DEAD_LETTER_COLUMNS = {
    "sink": "text",
    "fingerprint": "text",
    "refused_by": "text",
    "reason": "text",
    "event": "text",
    "encoding": "text",
    "received_at": "timestamptz",
}
"""The dead-letter table: which sink refused it, the SHA-256 of the raw event, what it failed, why, the event itself and how it
is written (``utf-8``, or ``base64`` where PostgreSQL's text cannot hold it), and when it was received."""

DEAD_LETTER_KEY = ("sink", "fingerprint")


def create_dead_letter_statement(table: TableName) -> sql.Composed:
    """Create the dead-letter table; an event that is delivered and refused again stays one row."""
    lines = [
        sql.SQL("{} {} NOT NULL").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in DEAD_LETTER_COLUMNS.items()
    ]
    lines.append(sql.SQL("PRIMARY KEY ({})").format(_listed(DEAD_LETTER_KEY)))
    return sql.SQL("CREATE TABLE {} ({})").format(identifier(table), sql.SQL(", ").join(lines))


def dead_letter_statement(table: TableName) -> sql.Composed:
    """Insert dead letters given as one array a column, after the sink's name."""
    return sql.SQL(
        "INSERT INTO {table} ({columns})"
        " SELECT %s::text, letter.fingerprint, letter.refused_by, letter.reason, letter.event, letter.encoding,"
        " to_timestamp(letter.received)"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[])"
        " AS letter(fingerprint, refused_by, reason, event, encoding, received)"
        " ORDER BY letter.fingerprint ON CONFLICT ({key}) DO NOTHING"
    ).format(table=identifier(table), columns=_listed(tuple(DEAD_LETTER_COLUMNS)), key=_listed(DEAD_LETTER_KEY))
