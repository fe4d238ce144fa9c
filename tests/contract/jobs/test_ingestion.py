"""Ingesting over a real port: formats, rules, duplicates, replays, and an account that adds up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.ingestion import Ingesting, account, csv_text, lines_of, live_form, tickets
from tests.support.loopback import Reply, loopback_server
from tests.support.project import manifest


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def job(emulator: RunningEmulator, tmp_path: Path) -> Ingesting:
    return Ingesting.make(tmp_path / "project", emulator)


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


def _with_repeats() -> list[dict[str, Any]]:
    records = tickets(700)
    again = [{**record, "name": f"again {index}"} for index, record in enumerate(records[::7])]
    wrong = [{**tickets(1, 9000)[0], "age": "x"}, {**tickets(1, 9000)[0], "name": "the right one"}]
    return [*records, *again, *records[:1], *wrong]


def test_a_later_record_updates_an_earlier_one_however_batches_finish(job: Ingesting) -> None:
    job.declare(batchSize=50, dedup={"mode": "upsert"})
    job.source(_with_repeats())
    assert job.run()["account"] == account(803, 802, quarantined=1)
    live = job.live
    assert [live[f"T-{number:06}"]["name"] for number in (0, 7, 14, 1)] == [
        "ticket 0",
        "again 1",
        "again 2",
        "ticket 1",
    ]
    assert len(live) == 701


@pytest.mark.parametrize("mode", ["reject", "skip"])
def test_the_first_record_of_a_key_stands(job: Ingesting, mode: str) -> None:
    job.declare(batchSize=50, dedup={"mode": mode})
    job.source(_with_repeats())
    report = job.run()
    twice = 101
    expected = account(803, 701, quarantined=102) if mode == "reject" else account(803, 802, quarantined=1)
    assert report["account"] == expected
    live = job.live
    assert {live[f"T-{number:06}"]["name"] for number in (0, 7, 14)} == {"ticket 0", "ticket 7", "ticket 14"}
    assert live["T-009000"]["name"] == "the right one"
    reasons = [item["reason"] for item in job.quarantined if "has the id" in item["reason"]]
    assert len(reasons) == (twice if mode == "reject" else 0)
    if mode == "reject":
        assert reasons[1] == "has the id of record 8 of data/tickets.csv"
    else:
        assert f"{twice} of the accepted were left out" in report["messages"][0]


@pytest.mark.parametrize("mode", ["reject", "skip"])
def test_keys_that_the_tenant_has_already(job: Ingesting, mode: str) -> None:
    job.source(tickets(60, start=40))
    job.run()
    job.declare(dedup={"mode": mode}, batchSize=30)
    job.source([{**record, "name": "new"} for record in tickets(100)])
    expected = account(100, 40, rejected=60) if mode == "reject" else account(100, 100)
    assert job.run()["account"] == expected
    assert sum(record["name"] == "new" for record in job.live.values()) == 40
    if mode == "reject":
        assert {item["by"] for item in job.quarantined} == {"tenant"}
        assert "DUPLICATE_KEY" in job.quarantined[0]["reason"]
        assert job.quarantined[0]["row"] == 41


def test_what_the_tenant_alone_refuses_costs_only_itself(job: Ingesting) -> None:
    """The dataset became narrower behind git's back in a way that the check before does not look at."""
    job.setting.edit("Dataset", "tickets", columns={"since": {"type": "date", "nullable": False}})
    records = tickets(900)
    for number in (3, 500, 899):
        records[number]["since"] = None
    job.source(records)
    report = job.run()
    assert report["account"] == account(900, 897, rejected=3)
    assert [(item["row"], item["by"]) for item in job.quarantined] == [(4, "tenant"), (501, "tenant"), (900, "tenant")]


def test_a_dataset_that_is_not_live_as_declared_stops_before_anything_is_sent(job: Ingesting) -> None:
    job.source(tickets(3))
    job.setting.edit("Dataset", "tickets", columns={"age": {"type": "string"}})
    report = job.run(code=1)
    assert (report["error"]["code"], "age" in report["error"]["message"]) == ("J002", True)
    job.setting.remove("Dataset", "tickets")
    assert job.run(code=1)["error"]["code"] == "J002"


def test_replaying_the_corrected_quarantine(job: Ingesting) -> None:
    records = tickets(10)
    records[2]["age"] = "two"
    records[5]["since"] = "yesterday"
    job.source(records)
    assert job.run()["account"] == account(10, 8, quarantined=2)
    file = job.project.root / ".reconciler" / "quarantine" / "load.ndjson"
    file.write_text(file.read_text().replace('"two"', '"2"'))
    before = file.read_bytes()
    report = job.run("--replay", str(file))
    assert report["account"] == account(2, 1, quarantined=1)
    assert job.live["T-000002"] == live_form(tickets(1, 2)[0])
    assert file.read_bytes() == before
    [left] = lines_of(file.with_name("load-replay.ndjson"))
    assert (left["row"], left["file"], left["column"]) == (6, "data/tickets.csv", "since")


def test_a_dry_run_sends_nothing(job: Ingesting) -> None:
    records = tickets(10)
    records[0]["age"] = "x"
    job.source(records)
    mark = job.setting.mark
    report = job.run("--dry-run")
    assert report["account"] == account(10, 0, quarantined=1, pending=9)
    assert (report["dryRun"], report["verdict"]) == (True, "done")
    assert job.emulator.requests(mark) == []
    assert job.live == {}


def test_too_many_bad_records(job: Ingesting) -> None:
    records = tickets(100)
    for record in records[:3]:
        record["age"] = "x"
    job.source(records)
    job.declare(maxRejectedPercent=2)
    assert job.run(code=4)["verdict"] == "partial"
    job.declare(maxRejectedPercent=3)
    assert job.run()["verdict"] == "done"


def test_the_orchestrator_is_told_and_its_failure_changes_nothing(job: Ingesting) -> None:
    records = tickets(10)
    records[0]["age"] = "x"
    job.source(records)
    with loopback_server(lambda _call: Reply(500)) as orchestrator:
        job.declare(callbackUrl=f"{orchestrator.url}/done", batchSize=5)
        ran = job.project.run("run", "Ingestion/load").ok()
    [call] = orchestrator.calls
    body = call.json()
    assert "callback was not taken" in ran.err
    payload = body["payload"]
    assert body["event"] == "data_actions_ingestion_complete"
    assert (payload["totalRecords"], payload["validRecords"], payload["chunksProcessed"]) == (10, 9, 2)
    assert [entry["batchSize"] for entry in payload["auditLogs"]] == [5, 4]
    ran = job.project.run("run", "Ingestion/load").ok()
    assert "callback was not taken" in ran.err


def test_the_audit_log_has_every_batch_with_its_digest(job: Ingesting) -> None:
    job.source(tickets(25))
    job.declare(batchSize=10)
    job.run()
    records = job.project.run("audit", "--format", "json").ok().events
    entries = [item for item in records if item["action"] == "ingest_batch"]
    assert sorted(item["batchSize"] for item in entries) == [5, 10, 10]
    assert all(len(item["payloadSha256"]) == 64 and item["requestId"] for item in entries)
    job.project.run("audit", "--verify").ok()


def test_a_refused_token_stops_and_drops_nothing(job: Ingesting) -> None:
    job.source(tickets(10))
    ran = job.project.run("run", "Ingestion/load", "--format", "json", TEST_CLIENT_SECRET="wrong").ok(3)
    assert ran.json["verdict"] == "denied"
    assert job.quarantined == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_job_stops_it_and_resume_goes_on(job: Ingesting, status: int) -> None:
    job.source(tickets(100))
    job.declare(batchSize=10)
    job.setting.fault("POST", "/api/v2/data-actions/datasets/*/records", status=status)
    report = job.run(code=1 if status == 404 else 3)
    assert report["account"] == account(100, 0, pending=100)
    job.setting.heal()
    assert job.run("--resume")["account"] == account(100, 100)
    assert len(job.live) == 100
