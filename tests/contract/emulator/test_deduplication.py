"""Duplicates among records that are ingested, over a real port."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.contract.emulator.tables import Table, counts, duplicates
from tests.support.emulator import RunningEmulator


@pytest.fixture
def table(api: httpx.Client, emulator: RunningEmulator) -> Table:
    return Table(api, emulator)


def test_upsert_replaces(table: Table) -> None:
    table.dedup("upsert", {"id": "a", "age": 1, "mail": "m"}, {"id": "b", "age": 1})
    answer = table.dedup("upsert", {"id": "c"}, {"id": "a", "age": 2}, {"id": "a", "age": 3}, keys=["id"])
    assert counts(answer) == (3, 0)
    assert table.stored() == [{"id": "a", "age": 3}, {"id": "b", "age": 1}, {"id": "c"}]


def test_reject_refuses_the_batch(table: Table) -> None:
    counts(table.dedup("reject", {"id": "a", "age": 1}, {"id": "b"}))
    batch = [{"id": "c"}, {"id": "a", "age": 2}, {"id": "d"}, {"id": "c"}]
    assert duplicates(table.dedup("reject", *batch)) == ["records[1].id", "records[3].id"]
    assert table.stored() == [{"id": "a", "age": 1}, {"id": "b"}]
    assert counts(table.dedup("reject", *batch[2:])) == (2, 0)


def test_skip_keeps_what_is_there(table: Table) -> None:
    table.dedup("skip", {"id": "a", "age": 1})
    answer = table.dedup("skip", {"id": "b"}, {"id": "a", "age": 2}, {"id": "b", "age": 3})
    assert counts(answer) == (1, 2)
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [
        (1, "DUPLICATE_KEY"),
        (2, "DUPLICATE_KEY"),
    ]
    assert table.stored() == [{"id": "a", "age": 1}, {"id": "b"}]


def test_numbers_that_are_equal_are_one_key(api: httpx.Client, emulator: RunningEmulator) -> None:
    table = Table(api, emulator, primaryKey="age")
    assert counts(table.send({"age": 1, "id": "a"}, {"age": 1.0, "id": "b"}, {"age": 1.5, "id": "c"})) == (3, 0)
    assert [record["id"] for record in table.stored()] == ["b", "c"]


def test_moments_that_are_equal_are_one_key(api: httpx.Client, emulator: RunningEmulator) -> None:
    table = Table(api, emulator, primaryKey="at", columns={"at": "date", "n": "number"})
    days = ["2024-01-15", "2024-01-15T00:00:00Z", "2024-01-15T01:00:00+01:00", "2024-01-15T01:00:00Z"]
    table.send(*({"at": day, "n": n} for n, day in enumerate(days)))
    assert sorted(record["n"] for record in table.stored()) == [2, 3]


class TestOtherKeys:
    """Duplicates by columns that are not the primary key."""

    def test_upsert_takes_the_place_of_all_that_are_alike(self, table: Table) -> None:
        table.send({"id": "a", "mail": "m"}, {"id": "b", "mail": "m"}, {"id": "c", "mail": "n"}, {"id": "d"})
        answer = table.dedup("upsert", {"id": "e", "mail": "x"}, {"id": "f", "mail": "m"}, keys=["mail"])
        assert counts(answer) == (2, 0)
        assert [record["id"] for record in table.stored()] == ["c", "d", "e", "f"]
        for id_ in "xy":
            table.dedup("upsert", {"id": id_, "mail": "m"}, {"id": id_ * 2}, keys=["mail"])
        assert [record["id"] for record in table.stored()] == ["c", "d", "e", "xx", "y", "yy"]

    def test_the_last_of_a_batch_wins(self, table: Table) -> None:
        table.dedup("upsert", {"id": "a", "mail": ""}, {"id": "b", "mail": ""}, keys=["mail"])
        assert table.stored() == [{"id": "b", "mail": ""}]

    def test_several_columns(self, table: Table) -> None:
        table.send({"id": "a", "mail": "m", "age": 1})
        keys = ["mail", "age"]
        batch = [{"id": "b", "mail": "m", "age": 1.0}, {"id": "c", "mail": "m", "age": 2}, {"id": "d", "mail": "m"}]
        assert duplicates(table.dedup("reject", *batch, keys=keys)) == ["records[0].mail"]
        assert counts(table.dedup("skip", *batch, keys=keys)) == (2, 1)
        assert [record["id"] for record in table.stored()] == ["a", "c", "d"]

    def test_what_others_wrote_counts(self, table: Table) -> None:
        table.dedup("skip", {"id": "a", "mail": "m"}, keys=["mail"])
        table.send({"id": "a", "mail": "new"})
        assert counts(table.dedup("skip", {"id": "b", "mail": "m"}, keys=["mail"])) == (1, 0)
        assert counts(table.dedup("skip", {"id": "c", "mail": "new"}, keys=["mail"])) == (0, 1)

    @pytest.mark.parametrize("mode", ["upsert", "reject", "skip"])
    def test_the_primary_key_stays_unique(self, table: Table, mode: str) -> None:
        table.send({"id": "a", "mail": "m"})
        batch = [{"id": "a", "mail": "n"}, {"id": "b", "mail": "o"}, {"id": "b"}]
        assert duplicates(table.dedup(mode, *batch, keys=["mail"])) == ["records[0].id", "records[2].id"]
        assert table.stored() == [{"id": "a", "mail": "m"}]
