"""Ingesting over a real port: formats, rows that break rules, columns that differ, mappings."""

from __future__ import annotations

import pytest
import zstandard

from tests.support.ingestion import Ingesting, account, csv_text, live_form, tickets
from tests.support.project import manifest


@pytest.mark.parametrize("form", ["csv", "ndjson", "json", "parquet"])
def test_every_format(job: Ingesting, form: str) -> None:
    records = tickets(1234)
    job.declare(f"data/tickets.{form}", form)
    job.source(records, form)
    report = job.run()
    assert report["account"] == account(1234, 1234)
    assert report["verdict"] == "done"
    assert job.live == {record["id"]: live_form(record) for record in records}
    assert job.quarantined == []


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_compressed(job: Ingesting, form: str, packing: str) -> None:
    plain = job.source(tickets(50), form).read_bytes()
    job.declare(f"data/packed.{form}.{packing}", form)
    if packing == "gz":
        job.source(tickets(50), form, f"packed.{form}.gz")
    else:
        half = len(plain) // 2
        frames = [zstandard.compress(part) for part in (plain[:half], plain[half:])]
        job.text(b"".join(frames), f"packed.{form}.zst")
    assert job.run()["account"] == account(50, 50)


def test_a_glob_in_the_order_of_names(job: Ingesting) -> None:
    for number, name in enumerate(("b.csv", "a.csv", "c.csv")):
        job.source([{**record, "name": name} for record in tickets(3)] + tickets(1, 10 + number), "csv", name)
    assert job.run()["account"] == account(12, 12)
    assert {record["name"] for key, record in job.live.items() if key < "T-000003"} == {"c.csv"}


def test_no_file_matches(job: Ingesting) -> None:
    report = job.run(code=1)
    assert report["error"]["code"] == "J005"
    assert "no file matches data/*.csv" in report["error"]["message"]


BAD_ROWS: list[tuple[str, str, str]] = [
    ("T-1,n,abc,true,2026-01-01", "age", "is not a number"),
    ("T-2,n,NaN,true,2026-01-01", "age", "is not a number"),
    ("T-3,n,Infinity,true,2026-01-01", "age", "is not a number"),
    ("T-4,n,9007199254740993,true,2026-01-01", "age", "2^53"),
    ("T-5,n,1,yes,2026-01-01", "active", "neither true nor false"),
    ("T-6,n,1,true,01/02/2026", "since", "no date"),
    ("T-7,n,1,true,2026-02-30", "since", "no date"),
    ("T-8,n,1,true,0", "since", "no date"),
    (",n,1,true,2026-01-01", "id", "has no value"),
    ("T-10-is-far-too-long,n,1,true,2026-01-01", "id", "longer than 12"),
    ("T-11,n,1,true", "", "4 fields"),
    ("T-12,n,1,true,2026-01-01,more", "", "6 fields"),
]


def test_bad_rows_are_set_aside_each_with_its_reason(job: Ingesting) -> None:
    header = csv_text([])
    good = csv_text(tickets(3)).removeprefix(header)
    job.text(header + good + "".join(f"{line}\n" for line, _, _ in BAD_ROWS))
    report = job.run()
    assert report["account"] == account(3 + len(BAD_ROWS), 3, quarantined=len(BAD_ROWS))
    assert sorted(job.live) == ["T-000000", "T-000001", "T-000002"]
    found = job.quarantined
    assert [item["row"] for item in found] == list(range(4, 4 + len(BAD_ROWS)))
    for item, (line, column, reason) in zip(found, BAD_ROWS, strict=True):
        assert (item["file"], item["column"] or "") == ("data/tickets.csv", column)
        assert reason in item["reason"]
        assert item["raw"] == line if item["record"] is None else item["record"]["id"] == (line.split(",")[0] or None)


def test_nothing_is_silently_made_into_something_else(job: Ingesting) -> None:
    lines = [
        '{"id":"a","name":null,"age":null,"active":null,"since":null}',
        '{"id":"b"}',
        '{"id":"c","age":"","since":""}',
    ]
    lines += ['{"id":"d","name":"null","age":"12.50","active":"false","since":"2026-01-01T10:00:00+02:00"}']
    lines += ['{"id":5,"name":true,"age":1e3}', '{"id":"f","name":""}', '{"id":"g","name":{"x":1}}', "[1]", "nonsense"]
    job.declare("data/t.ndjson", "ndjson")
    job.text("\n".join(lines), "t.ndjson")
    assert job.run()["account"] == account(9, 6, quarantined=3)
    nothing = {"name": None, "age": None, "active": None, "since": None}
    assert job.live == {
        "a": {"id": "a", **nothing},
        "b": {"id": "b", **nothing},
        "c": {"id": "c", **nothing},
        "d": {"id": "d", "name": "null", "age": 12.5, "active": False, "since": "2026-01-01T08:00:00.000Z"},
        "5": {"id": "5", **nothing, "name": "true", "age": 1000},
        "f": {"id": "f", **nothing, "name": ""},
    }
    assert [(item["row"], item["column"]) for item in job.quarantined] == [(7, "name"), (8, None), (9, None)]


def test_a_column_that_the_file_lacks_is_not_emptied(job: Ingesting) -> None:
    job.text(csv_text([{"id": "a", "name": "x"}], ["id", "name"]))
    job.run()
    assert job.live == {"a": {"id": "a", "name": "x"}}
    job.text(csv_text([{"name": "x"}], ["name"]))
    assert "has no column 'id'" in job.run(code=1)["error"]["message"]


def test_columns_that_the_dataset_lacks_are_named_and_left_out(job: Ingesting) -> None:
    job.text(csv_text([{"id": "a", "colour": "red"}], ["id", "colour"]))
    ran = job.project.run("run", "Ingestion/load").ok()
    assert "colour" in ran.err
    assert job.live == {"a": {"id": "a"}}


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_columns_are_inferred_where_the_manifest_says_so(job: Ingesting, form: str) -> None:
    job.declare(f"data/t.{form}", form, schemaInference={"enabled": True, "strictMode": False})
    job.source([{**record, "score": index} for index, record in enumerate(tickets(3))], form, f"t.{form}")
    if form == "csv":
        job.text(csv_text([{"id": "a", "score": "7"}], ["id", "score"]), "t.csv")
    job.run()
    assert {record["score"] for record in job.live.values()} == ({"7"} if form == "csv" else {0, 1, 2})


def test_a_field_mapping(job: Ingesting) -> None:
    mappings = [
        {"source": "No", "target": "id", "transformation": "uppercase"},
        {"source": "Who", "target": "name", "transformation": "split:,:0"},
        {"source": "Age", "target": "age", "transformation": "default:0"},
        {"target": "active", "transformation": "constant:true"},
        {"source": "Day", "target": "since", "transformation": "date:%d.%m.%Y"},
    ]
    job.project.put("mapping.yaml", manifest("FieldMapping", "names", {"mappings": mappings}))
    job.declare(fieldMappingRef="names")
    job.text('No,Who,Age,Day\na-1,"Berg, Ann",,03.11.2026\na-2,Ben,7,31.02.2026\n')
    assert job.run()["account"] == account(2, 1, quarantined=1)
    since = "2026-11-03T00:00:00.000Z"
    assert job.live == {"A-1": {"id": "A-1", "name": "Berg", "age": 0, "active": True, "since": since}}
    assert job.quarantined[0]["record"] == {"No": "a-2", "Who": "Ben", "Age": "7", "Day": "31.02.2026"}
    job.text("Number,Who,Age,Day\na-1,x,1,03.11.2026\n")
    assert "has no column 'No'" in job.run(code=1)["error"]["message"]
