"""Reaching PostgreSQL: connections, what an error means for the batch in hand, and the tables made or compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import psycopg
from psycopg import AsyncConnection, sql

from reconciler.errors import DatabaseUnusable
from reconciler.jobs.stream_sink.catalog import Connection, read_table
from reconciler.jobs.stream_sink.columns import TableName, TablePlan
from reconciler.jobs.stream_sink.rights import SETS_ASIDE, STORES, require_rights
from reconciler.jobs.stream_sink.statements import create_dead_letter_statement, create_table_statement
from reconciler.jobs.stream_sink.table import Difference, dead_letter_differences, differences, fitted

CONNECT_SECONDS = 10
"""How long one attempt to connect may take."""

Meaning = Literal["away", "contended", "data", "fatal"]
"""What an error says: the database cannot take anything now; somebody else was in the way of this transaction; it refuses these
rows; or nothing will change by itself."""

_DATA = ("22", "23", "27", "38", "39", "44", "54", "P0")
_AWAY = ("08", "40003", "53", "55", "57", "58", "25006")
_CONTENDED = ("40000", "40001", "40002", "40P01", "55P03", "57014", "25P03", "25P04")


def meaning_of(error: psycopg.Error) -> Meaning:
    """Judge an error by its SQLSTATE (PostgreSQL, appendix A); one without is a connection that broke or was never made."""
    state = error.sqlstate
    if state is None:
        return "away" if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) else "fatal"
    if state in _CONTENDED:
        return "contended"
    if state.startswith(_AWAY):
        return "away"
    return "data" if state.startswith(_DATA) else "fatal"


def said(error: psycopg.Error, *, secret: str = "") -> str:
    """What an error says, in one line, without ``secret``."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    line = " ".join(text.split())
    if secret:
        line = line.replace(secret, "(secret)")
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= 300 else line[:299] + "…"


class Database(Protocol):
    """A PostgreSQL that events are stored in."""

    shown: str
    """How it is called in messages: without a password."""

    password: str
    """What must not be shown of an error's text; empty where there is none."""

    async def open(self) -> Connection:
        """Connect; raises `psycopg.OperationalError` where it is away."""

    async def aclose(self) -> None:
        """Give back what this object itself has started."""


class ServerDatabase:
    """A server that somebody else runs, by its URL. What the URL leaves out comes from libpq's usual places."""

    def __init__(self, url: str, application: str) -> None:
        self._url = url
        self._application = application
        parameters = psycopg.conninfo.conninfo_to_dict(url)
        self.password = str(parameters.get("password") or "")
        host, name = parameters.get("host") or "the local server", parameters.get("dbname") or "its default database"
        self.shown = f"{name} on {host}"

    async def open(self) -> Connection:
        """Connect, with settings under which texts mean the same everywhere."""
        return await connect(self._url, self._application)

    async def aclose(self) -> None:
        """Nothing: the server is not ours."""


async def connect(url: str, application: str) -> Connection:
    """Make a connection; a peer that vanishes without a word is noticed within half a minute."""
    return await AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=application,
        client_encoding="utf8",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
        options="-c TimeZone=UTC -c DateStyle=ISO -c standard_conforming_strings=on -c jit=off",
    )


async def prepare_tables(
    connection: Connection, plan: TablePlan, dead_letters: TableName, warn: Callable[[str], None]
) -> TablePlan:
    """Create the tables that are absent, compare those that are not, and give the plan with the live bounds.

    Sinks that start at the same time wait for each other. Raises `DatabaseUnusable` where a table differs: nothing is ever
    altered here. So it does where the role lacks a right.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('reconciler stream sink tables'))")
        live = await read_table(connection, plan.table) or await _created(
            connection, plan.table, create_table_statement(plan)
        )
        letters = await read_table(connection, dead_letters) or await _created(
            connection, dead_letters, create_dead_letter_statement(dead_letters)
        )
    _refuse(plan.table, differences(plan, live))
    _refuse(dead_letters, dead_letter_differences(dead_letters, letters))
    await require_rights(connection, {plan.table: STORES, dead_letters: SETS_ASIDE})
    plan, warnings = fitted(plan, live)
    for text in warnings:
        warn(text)
    return plan


async def preview_tables(
    connection: Connection, plan: TablePlan, dead_letters: TableName, warn: Callable[[str], None]
) -> tuple[TablePlan, list[str]]:
    """What `prepare_tables` would do, and the plan with the live bounds; raises what it would raise, and creates nothing."""
    told = []
    live = await read_table(connection, plan.table)
    if live is None:
        told.append(f"would run: {create_table_statement(plan).as_string(connection)}")
    else:
        _refuse(plan.table, differences(plan, live))
        plan, warnings = fitted(plan, live)
        for text in warnings:
            warn(text)
    letters = await read_table(connection, dead_letters)
    tables = {plan.table: (live, STORES), dead_letters: (letters, SETS_ASIDE)}
    await require_rights(
        connection,
        {table: rights for table, (found, rights) in tables.items() if found is not None},
        absent=[table for table, (found, _) in tables.items() if found is None],
    )
    if letters is None:
        told.append(f"would run: {create_dead_letter_statement(dead_letters).as_string(connection)}")
    else:
        _refuse(dead_letters, dead_letter_differences(dead_letters, letters))
    return plan, told


async def _created(connection: Connection, table: TableName, statement: sql.Composed) -> Any:
    await connection.execute(statement)
    live = await read_table(connection, table)
    if live is None:
        raise DatabaseUnusable(
            f"the table {table} was created and cannot be found",
            fix="put its schema on the search path, or into its name",
        )
    return live


def _refuse(table: TableName, found: list[Difference]) -> None:
    if found:
        listed = "\n  ".join(str(item) for item in found)
        raise DatabaseUnusable(
            f"the table {table} is not what the manifest declares:\n  {listed}",
            fix="run what is shown, or change the manifest; nothing was altered, and nothing that was received is lost",
        )


def unreachable(database: Database, text: str) -> DatabaseUnusable:
    """The error for a database that there has been no connection to so far; ``text`` says why."""
    return DatabaseUnusable(
        f"the database {database.shown} cannot be reached: {text}",
        fix="check the URL, and that it takes connections from here; what was received waits in the spool",
    )


def unusable(database: Database, error: psycopg.Error, *, secret: str = "") -> DatabaseUnusable:
    """The error of this tool for one after which waiting does not help."""
    if error.sqlstate is None and meaning_of(error) == "away":
        return unreachable(database, said(error, secret=secret))
    state = f" [{error.sqlstate}]" if error.sqlstate else ""
    return DatabaseUnusable(
        f"the database {database.shown} cannot be used: {said(error, secret=secret)}{state}",
        fix="correct it and run again; what was received waits in the spool",
    )
