"""Whether the role may do what a sink does, asked before the first event comes rather than found out with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

from psycopg import sql

from reconciler.errors import DatabaseUnusable
from reconciler.jobs.stream_sink.catalog import Connection
from reconciler.jobs.stream_sink.columns import TableName
from reconciler.jobs.stream_sink.statements import identifier

STORES: Final = ("SELECT", "INSERT", "UPDATE")
"""What storing events needs on their table."""

SETS_ASIDE: Final = ("SELECT", "INSERT")
"""What dead letters need: one that comes again is left as it is."""

_DATABASE: Final = "SELECT current_user, current_database(), has_database_privilege(current_database(), 'TEMPORARY')"
# A right on some columns is enough for the question: which ones, PostgreSQL judges with the first event.
_TABLE: Final = "SELECT has_any_column_privilege(to_regclass(%s), %s)"
_SCHEMA: Final = "SELECT coalesce(%s, current_schema()), has_schema_privilege(coalesce(%s, current_schema()), 'CREATE')"


async def require_rights(
    connection: Connection, needed: Mapping[TableName, Sequence[str]], *, absent: Sequence[TableName] = ()
) -> None:
    """Raise `DatabaseUnusable` with the statements that would give the rights that are missing.

    ``needed`` are the tables that are there, with the rights on them; ``absent`` are those that have to be made.
    """
    role, database, staging = await _row(connection, _DATABASE)
    to = sql.Identifier(role)
    missing = [] if staging else [sql.SQL("TEMPORARY ON DATABASE {}").format(sql.Identifier(database))]
    for table, rights in needed.items():
        name = identifier(table)
        for right in rights:
            (allowed,) = await _row(connection, _TABLE, name.as_string(connection), right)
            if not allowed:
                missing.append(sql.SQL("{} ON {}").format(sql.SQL(right), name))
    for table in absent:
        schema, allowed = await _row(connection, _SCHEMA, table.schema or None, table.schema or None)
        if schema is not None and not allowed:
            missing.append(sql.SQL("CREATE ON SCHEMA {}").format(sql.Identifier(schema)))
    lines = [sql.SQL("GRANT {} TO {};").format(what, to).as_string(connection) for what in missing]
    if lines:
        listed = "\n  ".join(dict.fromkeys(lines))
        raise DatabaseUnusable(
            f"the role {role} may not do all that the sink has to do:\n  {listed}",
            fix="have what is shown run by the owner; nothing was altered, and nothing that was received is lost",
        )


async def _row(connection: Connection, query: LiteralString, *values: str | None) -> tuple[Any, ...]:
    found = await (await connection.execute(query, values)).fetchone()
    return tuple(found or ())
