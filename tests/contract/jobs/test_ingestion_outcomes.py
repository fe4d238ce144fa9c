"""What becomes of ingested records over a real port: duplicates, refusals, replays, limits, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ingestion import Ingesting, account, lines_of, live_form, tickets
from tests.support.loopback import Reply, loopback_server


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
