"""Batches against a real table: upserts, the newer event, what PostgreSQL refuses, and dead letters."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.jobs.stream_sink.catalog import Connection
from reconciler.jobs.stream_sink.columns import TablePlan
from reconciler.jobs.stream_sink.database import connect, prepare_tables
from reconciler.jobs.stream_sink.events import Prepared, Preparer, compile_schema
from reconciler.jobs.stream_sink.writer import Writer, Written, fingerprint
from tests.support.postgres import Server, fresh_database, rows
from tests.support.sink import LETTERS, PLAN, SCHEMA, event, expected, interactions, raw

VALIDATOR = compile_schema(SCHEMA)


def ignore(_text: str) -> None:
    """Warnings that a test is not about."""


def work(url: str, do: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def inner() -> Any:
        async with await connect(url, "test") as connection:
            return await do(connection)

    return asyncio.run(inner())


def store(url: str, batches: list[list[bytes]], plan: TablePlan = PLAN) -> list[Written]:
    async def do(connection: Connection) -> list[Written]:
        fitted = await prepare_tables(connection, plan, LETTERS, ignore)
        writer, preparer = Writer(fitted, LETTERS, "StreamSink/test"), Preparer(VALIDATOR, fitted)
        await writer.ready(connection)
        return [await writer.write(connection, preparer.prepare(batch, [1.5e9] * len(batch))) for batch in batches]

    return list(work(url, do))


def stored(url: str) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows(url, "SELECT key, at, duration, queue_name, channel FROM events")}


def letters(url: str) -> list[tuple[Any, ...]]:
    return rows(url, "SELECT refused_by, reason, event, encoding FROM events_rejected ORDER BY event")


def test_the_newer_event_wins_within_a_batch_and_between_batches(database: str) -> None:
    first = raw(event("a", 5, duration=1), event("a", 9, duration=2), event("a", 7, duration=3), event("b", 1))
    assert store(database, [first]) == [Written(4, 0)]
    assert stored(database)["a"][1] == 2
    store(database, [raw(event("a", 8, duration=4)), raw(event("b", 1, duration=5))])
    assert (stored(database)["a"][1], stored(database)["b"][1]) == (2, 5), "older: kept; as old: the later arrival"
    store(database, [raw(event("b", 2, duration=6), event("b", 2, duration=7))])
    assert stored(database)["b"][1] == 7


def test_without_an_order_the_later_arrival_wins(database: str) -> None:
    plan = replace(PLAN, order=None)
    store(database, [raw(event("a", 9, duration=1), event("a", 5, duration=2)), raw(event("a", 1, duration=3))], plan)
    assert stored(database)["a"][1] == 3


@pytest.mark.parametrize("size", [1, 2, 4])
def test_columns_that_are_not_updated_stay_as_the_first_event_had_them(database: str, size: int) -> None:
    """However the events fall into batches."""
    plan = replace(PLAN, updated=("duration",))
    events = raw(
        event("a", 5, duration=1, queueName="first"),
        event("a", 9, duration=2, queueName="second"),
        event("a", 7, duration=3, queueName="third"),
        event("b", 7, queueName="other"),
    )
    store(database, [events[start : start + size] for start in range(0, 4, size)], plan)
    at, duration, queue, _ = stored(database)["a"]
    assert (at.second, duration, queue) == (9, 2, "first"), "the column that orders is always kept up"


def test_nothing_to_update(database: str) -> None:
    plan = replace(PLAN, updated=(), order=None)
    store(database, [raw(event("a", 5, duration=1), event("a", 9, duration=2)), raw(event("a", 10, duration=3))], plan)
    assert stored(database)["a"][1] == 1


def test_a_repeated_batch_writes_nothing(database: str) -> None:
    batch = raw(*[event(f"k{number}", number, duration=number) for number in range(20)])
    store(database, [batch])
    before = rows(database, "SELECT key, xmin::text, ctid::text FROM events ORDER BY key")
    assert store(database, [batch]) == [Written(20, 0)]
    assert rows(database, "SELECT key, xmin::text, ctid::text FROM events ORDER BY key") == before


def test_what_is_refused_before_it_reaches_the_table(database: str) -> None:
    batch = [
        *raw(event("good"), {"no": "event"}, event("half", duration=12.5), event("huge", duration=3e9)),
        *raw(event("nul", queueName="a\0b"), b"{", b"[1]", b'"\\ud800"', b"\xff\xfe", b"a\0b"),
    ]
    assert store(database, [batch, batch]) == [Written(1, 9)] * 2
    found = letters(database)
    assert len(found) == 9, "delivered again, they are the same dead letters"
    assert sorted(row[0] for row in found) == ["column"] * 3 + ["json"] * 5 + ["schema"]
    assert any("duration is 12.5, which is no whole number" in row[1] for row in found)
    assert any("duration is 3000000000" in row[1] and "outside the range of integer" in row[1] for row in found)
    assert {base64.b64decode(row[2]) for row in found if row[3] == "base64"} == {b"\xff\xfe", b"a\0b"}
    plain = {row[2].encode() for row in found if row[3] == "utf-8"}
    assert plain == set(batch[1:]) - {b"\xff\xfe", b"a\0b"}
    marks = {row[0] for row in rows(database, "SELECT fingerprint FROM events_rejected")}
    assert marks == {fingerprint(item) for item in batch[1:]}


def test_what_only_the_table_refuses_costs_itself_alone(database: str) -> None:
    """A check constraint, a trigger and a foreign constraint that waits for the end of the transaction."""
    store(database, [])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE events ADD CHECK (duration <> 13)")
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.duration = 17 THEN RAISE 'no seventeens'; END IF; RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()")
        connection.execute("CREATE TABLE queues (name text PRIMARY KEY)")
        connection.execute("INSERT INTO queues VALUES ('known')")
        connection.execute(
            "ALTER TABLE events ADD FOREIGN KEY (queue_name) REFERENCES queues DEFERRABLE INITIALLY DEFERRED"
        )
    wrong = {3: {"duration": 13}, 40: {"duration": 17}, 41: {"queueName": "unknown"}, 99: {"duration": 13}}
    batch = raw(*[event(f"k{number}", number, **wrong.get(number, {"queueName": "known"})) for number in range(100)])
    assert store(database, [batch, raw(event("after", 1))]) == [Written(96, 4), Written(1, 0)]
    assert set(stored(database)) == {f"k{number}" for number in range(100)} - {f"k{number}" for number in wrong} | {
        "after"
    }
    found = letters(database)
    assert [row[0] for row in found] == ["database"] * 4
    assert sum("23514" in row[1] for row in found) == 2
    assert any("no seventeens [P0001]" in row[1] for row in found)
    assert any("23503" in row[1] for row in found)


def test_a_key_that_no_index_takes_is_a_dead_letter(database: str) -> None:
    long = "".join(chr(97 + (number * number) % 26) + str(number) for number in range(8000))
    plan = replace(PLAN, key="queue_name")
    batch = raw(event("a", queueName="fine"), event("b", queueName=long))
    assert store(database, [batch], plan) == [Written(1, 1)]
    assert "54000" in letters(database)[0][1]


def test_an_error_about_no_row_is_raised_and_nothing_is_written(database: str) -> None:
    store(database, [])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE events_rejected RENAME TO elsewhere")

    async def do(connection: Connection) -> None:
        writer = Writer(PLAN, LETTERS, "StreamSink/test")
        await writer.ready(connection)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await writer.write(connection, Preparer(VALIDATOR, PLAN).prepare(raw(event("a"), b"{"), [0.0, 0.0]))

    work(database, do)
    assert stored(database) == {}


def test_a_database_whose_encoding_lacks_a_character(postgres: Server) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    url = postgres.url("latin")
    try:
        wrong = {"type": "fax €"}
        batch = raw(event("a", queueName="é"), event("b", queueName="€"), wrong)
        assert store(url, [batch]) == [Written(1, 2)]
        assert {base64.b64decode(row[2]) for row in letters(url)} == {batch[1], batch[2]}
    finally:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP DATABASE latin WITH (FORCE)")


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_whatever_the_batches_the_table_holds_the_newest_of_each_key(
    postgres: Server, seed: int, cuts: list[int]
) -> None:
    """And what was already written may come again from any point on."""
    events = interactions(sum(cuts), seed, keys=15, bad=0.2)
    wire = [item.encode() if isinstance(item, str) else raw(item)[0] for item in events]
    batches, place = [], 0
    for cut in cuts:
        batches.append(wire[place : place + cut])
        place += cut
    again = wire[seed % len(wire) :]
    with fresh_database(postgres) as url:
        done = store(url, [*batches, again])
        table, dead = expected(events)
        assert {key: (row[0], row[1]) for key, row in stored(url).items()} == table
        assert {row[2] for row in letters(url)} == dead
        assert sum(item.accepted + item.refused for item in done) == len(wire) + len(again)


def test_several_sinks_at_once_do_no_harm(database: str) -> None:
    """Two that are given the same events in different order, in one transaction after another, end with the same table."""
    events = interactions(400, 7, keys=20)
    wire = raw(*events)

    async def both() -> None:
        async def one(batches: list[list[bytes]]) -> None:
            async with await connect(database, "test") as connection:
                fitted = await prepare_tables(connection, PLAN, LETTERS, ignore)
                writer, preparer = Writer(fitted, LETTERS, "StreamSink/test"), Preparer(VALIDATOR, fitted)
                await writer.ready(connection)
                for batch in batches:
                    await writer.write(connection, preparer.prepare(batch, [0.0] * len(batch)))

        forwards = [wire[start : start + 20] for start in range(0, 400, 20)]
        await asyncio.gather(one(forwards), one([list(reversed(batch)) for batch in reversed(forwards)]))

    asyncio.run(both())
    newest = {}
    for item in events:
        assert isinstance(item, dict)
        newest[item["idempotencyKey"]] = max(newest.get(item["idempotencyKey"], ""), item["timestamp"])
    assert {key: row[0].isoformat() for key, row in stored(database).items()} == newest


def test_an_empty_batch(database: str) -> None:
    assert store(database, [[]]) == [Written(0, 0)]
    assert Prepared([], [], [], [], []).lines == []


def test_a_batch_that_is_prepared_in_parts(database: str) -> None:
    """Places go on from part to part: of equal events, the later arrival wins across them."""
    first, second = raw(event("a", duration=1), event("b", duration=1)), raw(event("a", duration=2))

    async def do(connection: Connection) -> Written:
        fitted = await prepare_tables(connection, PLAN, LETTERS, ignore)
        writer, preparer = Writer(fitted, LETTERS, "StreamSink/test"), Preparer(VALIDATOR, fitted)
        await writer.ready(connection)
        one, two = preparer.prepare(first, [0.0] * 2), preparer.prepare(second, [0.0], 2)
        lines = [*two.lines, *one.lines]
        return await writer.write(connection, Prepared(first + second, [0.0] * 3, lines, [2, 0, 1], []))

    assert work(database, do) == Written(3, 0)
    assert stored(database)["a"][1] == 2
