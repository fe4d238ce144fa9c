"""Ingesting records into a dataset, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import orjson
import pytest

from tests.contract.emulator.bodies import DATASETS, patch, refused
from tests.contract.emulator.tables import Table, counts
from tests.support.emulator import RunningEmulator

ALL_TYPES = {
    "id": "string",
    "n": "number",
    "b": "boolean",
    "d": "date",
    "s": {"type": "string", "maxLength": 3},
    "must": {"type": "number", "nullable": False},
}


@pytest.fixture
def table(api: httpx.Client, emulator: RunningEmulator) -> Table:
    return Table(api, emulator)


def test_records_are_stored_by_their_key(table: Table) -> None:
    answer = table.send({"id": "b", "age": 3, "mail": None}, {"id": "a", "age": 1.5}, headers={"X-Request-Id": "r-1"})
    assert counts(answer) == (2, 0)
    assert answer.headers["x-request-id"] == "r-1"
    assert table.stored() == [{"id": "a", "age": 1.5}, {"id": "b", "age": 3, "mail": None}]


def test_an_empty_batch_is_none(table: Table) -> None:
    assert counts(table.send()) == (0, 0)
    assert table.stored() == []


def test_ingesting_moves_neither_etag_nor_times(table: Table) -> None:
    table.send({"id": "a"})
    assert table.read() == table.resource | {"recordCount": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": "1"}, "must be a number"),
        ({"n": True}, "must be a number"),
        ({"b": 1}, "must be true or false"),
        ({"s": 1}, "must be a string"),
        ({"s": "four"}, "must have at most 3 characters"),
        ({"must": None}, "must not be null"),
        ({"id": None}, "must not be null"),
        ({"d": 0}, "must be a date"),
        ({"d": ""}, "must be a date"),
        ({"d": "soon"}, "must be a date"),
        ({"d": "2024-02-30"}, "must be a date"),
        ({"d": "2024-01-15T10:00:00"}, "must be a date"),
        ({"d": "2024-01-15 10:00:00Z"}, "must be a date"),
        ({"d": "2024-W03-1"}, "must be a date"),
        ({"d": "2024-01-15\n2024-01-15"}, "must be a date"),
        ({"d": "٢٠٢٤-01-15"}, "must be a date"),
        ({"n": {}}, "must be a number"),
        ({"extra": None}, "is not a column"),
    ],
)
def test_one_wrong_record_refuses_the_batch(
    api: httpx.Client, emulator: RunningEmulator, change: dict[str, Any], message: str
) -> None:
    table = Table(api, emulator, columns=ALL_TYPES)
    right = {"id": "a", "must": 1}
    answer = table.send(right, {"id": "b", "must": 1} | change, right | {"id": "c"})
    assert refused(answer) == [f"records[1].{next(iter(change))}"]
    assert answer.json()["code"] == "SCHEMA_VIOLATION"
    assert answer.json()["details"][0]["message"].startswith(message)
    assert answer.json()["details"][0]["field"] in answer.json()["message"]
    assert table.stored() == []


def test_what_is_right(api: httpx.Client, emulator: RunningEmulator) -> None:
    table = Table(api, emulator, columns=ALL_TYPES)
    dates = [
        "2024-02-29",
        "2024-01-15T09:30:00Z",
        "2024-01-15T09:30:00.123Z",
        "0001-01-01T00:00:00+14:00",
        "2024-01-15T09:30:00.123456789-08:00",
        None,
    ]
    records = [{"id": str(i), "must": -0.5, "d": date, "s": "äöü", "b": False} for i, date in enumerate(dates)]
    assert counts(table.send(*records, {"id": "", "must": 2**60})) == (7, 0)
    assert table.stored()[1:] == records


def test_each_offending_record_is_named_once(table: Table) -> None:
    answer = table.send({"id": 1, "age": "x"}, {"id": "a"}, {"age": 1}, {"id": "b", "nope": 1, "mail": 5})
    assert refused(answer) == ["records[0].id", "records[2].id", "records[3].nope"]
    assert answer.json()["message"].startswith("3 of 4 records")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["records"]),
        ({"records": {}}, ["records"]),
        ({"records": [{"id": "a"}, 5, [], None]}, ["records[1]", "records[2]", "records[3]"]),
        ({"records": [], "mode": "upsert"}, ["mode"]),
        ({"records": [], "deduplicationStrategy": {"mode": "merge"}}, ["deduplicationStrategy.mode"]),
        ({"records": [], "deduplicationStrategy": {"keys": ["no"]}}, ["deduplicationStrategy.keys[0]"]),
        ({"records": [], "deduplicationStrategy": {"keys": ["id", "id"]}}, ["deduplicationStrategy.keys"]),
        ({"records": [], "schemaInference": {"enabled": "yes"}}, ["schemaInference.enabled"]),
    ],
)
def test_the_envelope(table: Table, api: httpx.Client, body: dict[str, Any], fields: list[str]) -> None:
    assert refused(api.post(table.path + "/records", json=body)) == fields


def test_no_more_than_1000_records(table: Table) -> None:
    records = [{"id": str(i)} for i in range(1001)]
    answer = table.send(*records)
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_MANY_RECORDS")
    assert table.stored() == []
    assert counts(table.send(*records[:1000])) == (1000, 0)
    assert len(table.stored()) == 1000


def test_no_more_than_16_mib(table: Table, api: httpx.Client) -> None:
    body = orjson.dumps({"records": [{"id": "a" * 17_000} for _ in range(1000)]})
    headers = {"Content-Type": "application/json"}
    answer = api.post(table.path + "/records", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


class TestUnknownColumns:
    """What schemaInference makes of them."""

    BATCH = (
        {"id": "a", "word": "x", "count": 1, "on": True, "day": "2024-01-15", "none": None},
        {"id": "b", "word": None, "count": 0.5, "day": "2024-01-15T00:00:00Z"},
    )

    @pytest.mark.parametrize("inference", [{}, {"enabled": False}, {"enabled": True}, {"strictMode": True}])
    def test_refused(self, table: Table, inference: dict[str, Any]) -> None:
        assert refused(table.send(*self.BATCH, schemaInference=inference)) == ["records[0].count", "records[1].count"]

    def test_left_out(self, table: Table) -> None:
        assert counts(table.send(*self.BATCH, schemaInference={"strictMode": False})) == (2, 0)
        assert table.stored() == [{"id": "a"}, {"id": "b"}]
        assert table.read()["etag"] == table.resource["etag"]

    def test_added(self, table: Table) -> None:
        inference = {"enabled": True, "strictMode": False}
        assert counts(table.send(*self.BATCH, schemaInference=inference)) == (2, 0)
        first = {name: value for name, value in self.BATCH[0].items() if name != "none"}
        assert table.stored() == [first, self.BATCH[1]]
        new = {"count": "number", "day": "date", "on": "boolean", "word": "string"}
        columns = {name: {"type": type_, "nullable": True} for name, type_ in new.items()}
        changed = table.read()
        assert changed["columns"] == table.resource["columns"] | columns
        assert changed["etag"] != table.resource["etag"]
        assert refused(table.send({"id": "c", "count": "2"}, schemaInference=inference)) == ["records[0].count"]

    def test_a_refused_batch_adds_none(self, table: Table) -> None:
        answer = table.send({"id": 1, "new": 1}, schemaInference={"enabled": True, "strictMode": False})
        assert refused(answer) == ["records[0].id"]
        assert table.read() == table.resource

    def test_values_of_several_types_make_no_column(self, table: Table) -> None:
        batch = ({"id": "a", "x": 1, "y": {}}, {"id": "b", "x": "1"})
        assert counts(table.send(*batch, schemaInference={"enabled": True, "strictMode": False})) == (2, 0)
        assert table.stored() == [{"id": "a"}, {"id": "b"}]

    def test_names_are_held_to_the_rule_for_columns(self, table: Table) -> None:
        answer = table.send({"id": "a", "x\n": 1}, schemaInference={"enabled": True, "strictMode": False})
        assert refused(answer) == ["columns.x\n"]


def test_a_key_makes_repeating_safe(table: Table) -> None:
    key = {"Idempotency-Key": "k1"}
    strategy = {"mode": "reject"}
    first = table.send({"id": "a"}, headers=key, deduplicationStrategy=strategy)
    assert table.send({"id": "a"}, headers=key, deduplicationStrategy=strategy).content == first.content
    other = table.send({"id": "b"}, headers=key, deduplicationStrategy=strategy)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert table.stored() == [{"id": "a"}]
    # What is left out of the records was sent nevertheless.
    loose, extra = {"Idempotency-Key": "k3"}, {"id": "e", "extra": 1}
    for _ in range(2):
        assert counts(table.send(extra, headers=loose, schemaInference={"strictMode": False})) == (1, 0)
    # A refusal is not kept: the batch may be sent again under its key once the reason is gone.
    again = {"Idempotency-Key": "k2"}
    assert table.send({"id": "c", "age": "1"}, headers=again).status_code == 400
    assert counts(table.send({"id": "c", "age": 1}, headers=again)) == (1, 0)


def test_a_dropped_answer_leaves_the_records_stored(table: Table, emulator: RunningEmulator) -> None:
    rule = {"match": {"path": "*/records"}, "times": 1, "effect": {"drop": "after"}}
    emulator.control("POST", "faults", {"rules": [rule]})
    with pytest.raises(httpx.RemoteProtocolError):
        table.send({"id": "a"}, headers={"Idempotency-Key": "k"})
    assert counts(table.send({"id": "a"}, headers={"Idempotency-Key": "k"})) == (1, 0)
    assert table.stored() == [{"id": "a"}]


def test_records_lock_the_schema(table: Table, api: httpx.Client) -> None:
    assert patch(api, DATASETS, table.resource, {"columns": {"age": "string"}}).status_code == 200
    table.send({"id": "a", "age": "1"})
    locked = patch(api, DATASETS, table.resource, {"columns": {"age": "number"}})
    assert (locked.status_code, locked.json()["code"]) == (409, "SCHEMA_LOCKED")
    assert patch(api, DATASETS, table.resource, {"columns": {"new": "date"}}).status_code == 200
    assert counts(table.send({"id": "b", "new": "2024-01-01"})) == (1, 0)
    refusal = api.delete(table.path, headers={"If-Match": "*"})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "IN_USE")
    assert api.delete(table.path + "?force=true", headers={"If-Match": "*"}).status_code == 204
    assert table.send({"id": "c"}).status_code == 404


def test_who_may(emulator: RunningEmulator, table: Table) -> None:
    body = {"records": [{"id": "a"}]}
    with emulator.client("data-actions:read data:write") as other:
        refusal = other.post(table.path + "/records", json=body)
        assert refusal.status_code == 403
        assert refusal.json()["details"] == [{"field": "scope", "message": "data-actions:write"}]
        del other.headers["authorization"]
        assert other.post(table.path + "/records", json=body).status_code == 401


def test_other_requests(table: Table, api: httpx.Client) -> None:
    assert api.get(table.path + "/records").status_code == 405
    assert api.post(table.path + "/records", data={"records": "x"}).status_code == 415
    assert api.post(DATASETS + "/nope/records", json={"records": []}).status_code == 404
    malformed = api.post(table.path + "/records", content=b"{", headers={"Content-Type": "application/json"})
    assert (malformed.status_code, malformed.json()["code"]) == (400, "MALFORMED_JSON")
