"""The declared table against the live one: made, compared, reported with what to run, and never altered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest

from reconciler.errors import DatabaseUnusable
from reconciler.jobs.stream_sink.columns import TableName, TablePlan
from reconciler.jobs.stream_sink.database import connect, prepare_tables
from tests.support.postgres import rows
from tests.support.sink import LETTERS, PLAN, column


def prepare(url: str, plan: TablePlan = PLAN, letters: TableName = LETTERS) -> tuple[TablePlan, list[str]]:
    warnings: list[str] = []

    async def work() -> TablePlan:
        async with await connect(url, "test") as connection:
            return await prepare_tables(connection, plan, letters, warnings.append)

    return asyncio.run(work()), warnings


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def complaint(url: str, plan: TablePlan = PLAN) -> str:
    before = rows(url, "SELECT attrelid::regclass::text, attname, atttypid, attnotnull FROM pg_attribute ORDER BY 1, 2")
    with pytest.raises(DatabaseUnusable) as caught:
        prepare(url, plan)
    after = rows(url, "SELECT attrelid::regclass::text, attname, atttypid, attnotnull FROM pg_attribute ORDER BY 1, 2")
    assert [row for row in after if row[0] in {row[0] for row in before}] == before, "nothing is altered"
    return caught.value.message


def test_tables_are_made_as_declared_and_then_left_alone(database: str) -> None:
    every = tuple(
        column(f"v.{number}", f"c{number}", type_)
        for number, type_ in enumerate(
            (
                "text",
                "integer",
                "bigint",
                "numeric",
                "double precision",
                "boolean",
                "date",
                "timestamptz",
                "uuid",
                "jsonb",
            )
        )
    )
    plan = replace(PLAN, columns=(*PLAN.columns, *every, column("order", "order", "text", nullable=False)))
    assert prepare(database, plan) == (plan, [])
    shown = rows(
        database,
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = 'events'::regclass AND attnum > 0 ORDER BY attnum",
    )
    types = {"timestamptz": "timestamp with time zone"}
    declared = [(item.name, types.get(item.type, item.type), not item.nullable) for item in plan.columns]
    assert shown == declared
    assert prepare(database, plan) == (plan, [])
    run(database, "DROP TABLE events")
    assert prepare(database, plan)[0] == plan


def test_a_table_of_ones_own_is_taken_with_its_bounds(database: str) -> None:
    run(
        database,
        "CREATE TABLE events (id serial PRIMARY KEY, key varchar(255) UNIQUE NOT NULL, at timestamptz NOT NULL,"
        " channel varchar(50) NOT NULL, duration bigint, queue_name varchar(10), created timestamptz DEFAULT now())",
    )
    plan, warnings = prepare(database)
    assert plan.column("key").bounds.characters == 255
    assert plan.column("queue_name").bounds.characters == 10
    assert not plan.column("channel").nullable
    assert len(warnings) == 1
    assert "channel" in warnings[0]
    assert "NOT NULL" in warnings[0]


def test_a_domain_counts_as_what_it_is_made_of(database: str) -> None:
    run(database, "CREATE DOMAIN word AS varchar(7) NOT NULL CHECK (VALUE <> 'x')")
    run(
        database,
        "CREATE TABLE events (key word PRIMARY KEY, at timestamptz, channel text, duration int, queue_name text)",
    )
    plan, warnings = prepare(database)
    assert plan.column("key").bounds.characters == 7
    assert any("at" in text for text in warnings)


def test_a_declared_scale_is_kept(database: str) -> None:
    run(database, "CREATE TABLE events (key text PRIMARY KEY, amount numeric(10, 2))")
    plan = TablePlan(
        PLAN.table, (column("k", "key", "text", nullable=False), column("a", "amount", "numeric")), "key", None, ()
    )
    bounds = prepare(database, plan)[0].column("amount").bounds
    assert (bounds.precision, bounds.scale) == (10, 2)


def test_every_difference_is_said_with_its_remedy_which_settles_it(database: str) -> None:
    run(
        database,
        "CREATE TABLE events (key text, at timestamptz(3) NOT NULL, channel integer, queue_name text, owner text NOT NULL)",
    )
    said = complaint(database)
    remedies = [line.partition(" — ")[2] for line in said.splitlines() if " — " in line]
    assert len(remedies) == 5
    assert "column at is timestamp(3) with time zone, and the manifest declares timestamptz" in said
    assert "column channel is integer, and the manifest declares text" in said
    assert "column duration is missing" in said
    assert "no unique index stands on key alone" in said
    assert "column owner is NOT NULL without a default" in said
    run(database, *remedies)
    prepare(database)


def test_a_partial_or_wider_index_is_not_enough(database: str) -> None:
    prepare(database)
    run(
        database,
        "ALTER TABLE events DROP CONSTRAINT events_pkey",
        "CREATE UNIQUE INDEX ON events (key) WHERE duration > 0",
        "CREATE UNIQUE INDEX ON events (key, at)",
        "CREATE UNIQUE INDEX ON events (lower(key))",
        "ALTER TABLE events ADD UNIQUE (key) DEFERRABLE",
    )
    assert "no unique index stands on key alone" in complaint(database)
    run(database, "CREATE UNIQUE INDEX ON events (key) INCLUDE (at)")
    prepare(database)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            "key text PRIMARY KEY, at timestamptz, channel text, queue_name text, duration smallint",
            "duration is smallint",
        ),
        ("key char(9) PRIMARY KEY, at timestamptz, channel text, queue_name text, duration int", "key is character(9)"),
        ("key text PRIMARY KEY, at timestamp, channel text, queue_name text, duration int", "at is timestamp without"),
        (
            "key text PRIMARY KEY, at timestamptz, channel text, queue_name text, duration int GENERATED ALWAYS AS (1) STORED",
            "duration is computed",
        ),
        (
            "key text PRIMARY KEY, at timestamptz, channel text, queue_name text, duration int GENERATED ALWAYS AS IDENTITY",
            "duration is computed",
        ),
        (
            "key text PRIMARY KEY, at timestamptz, channel text, queue_name text, duration numeric(4)",
            "duration is numeric(4,0)",
        ),
    ],
)
def test_columns_that_would_change_values(database: str, columns: str, said: str) -> None:
    run(database, f"CREATE TABLE events ({columns})")
    assert said in complaint(database)


def test_a_view_is_no_table(database: str) -> None:
    run(database, "CREATE VIEW events AS SELECT 1")
    assert "events is no table" in complaint(database)


def test_the_dead_letter_table_is_compared_too(database: str) -> None:
    run(database, "CREATE TABLE events_rejected (sink text, fingerprint text, reason varchar(40), event jsonb)")
    said = complaint(database)
    assert "events_rejected" in said
    assert "column reason is limited to 40 characters" in said
    assert "column event is jsonb, and the manifest declares text" in said
    assert "no unique index stands on sink, fingerprint alone" in said
    run(database, *[line.partition(" — ")[2] for line in said.splitlines() if " — " in line])
    prepare(database)


def test_a_schema_that_does_not_exist(database: str) -> None:
    with pytest.raises(psycopg.errors.InvalidSchemaName):
        prepare(database, replace(PLAN, table=TableName("nowhere", "events")))
    run(database, "CREATE SCHEMA nowhere")
    prepare(database, replace(PLAN, table=TableName("nowhere", "events")))
    assert rows(database, "SELECT count(*) FROM nowhere.events") == [(0,)]


def test_sinks_that_start_together_make_one_table(database: str) -> None:
    async def work() -> None:
        async def one() -> None:
            async with await connect(database, "test") as connection:
                await prepare_tables(connection, PLAN, LETTERS, [].append)

        await asyncio.gather(*[one() for _ in range(5)])

    asyncio.run(work())
    assert rows(database, "SELECT count(*) FROM pg_class WHERE relname = 'events'") == [(1,)]
