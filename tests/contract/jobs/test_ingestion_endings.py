"""How ingestions end before their time, and what is said of going on: only what truly helps."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.ingestion import RECORDS, Ingesting, account, csv_text, tickets

RESUME = "--resume goes on from here"


def damage(job: Ingesting) -> None:
    text = json.dumps(tickets(7))
    job.text(text.replace('"age": 5', '"age" 5'), "tickets.json")


def test_what_stands_before_damage_is_sent_and_the_rest_needs_another_run(job: Ingesting) -> None:
    job.declare("data/tickets.json", "json")
    damage(job)
    report = job.run(code=4)
    assert report["account"] == account(5, 5)
    assert report["error"]["code"] == "J005"
    assert len(job.live) == 5
    assert RESUME not in report["messages"]
    assert "mended, run the job anew" in report["messages"][0]
    assert "updated, not doubled" in report["messages"][0]
    assert job.run("--resume")["messages"] == ["nothing to resume: no interrupted run is on record"]
    job.source(tickets(7), "json")
    ran = job.project.run("run", "Ingestion/load").ok()
    assert "was not finished" not in ran.all
    assert len(job.live) == 7


@pytest.mark.parametrize("mode", ["reject", "skip"])
def test_damage_is_found_first_where_the_source_is_read_twice(job: Ingesting, mode: str) -> None:
    job.declare("data/tickets.json", "json", dedup={"mode": mode})
    damage(job)
    report = job.run(code=1)
    assert report["account"] == account(0, 0)
    assert report["messages"] == [f"nothing was sent: with dedup.mode {mode} the whole source is read beforehand"]
    assert job.live == {}


def test_a_dry_run_counts_what_stands_before_damage(job: Ingesting) -> None:
    job.declare("data/tickets.json", "json")
    damage(job)
    report = job.run("--dry-run", code=1)
    assert report["account"] == account(5, 0, pending=5)
    assert report["messages"] == []


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_no_digit_of_a_whole_number_is_lost(job: Ingesting, form: str) -> None:
    """In a text column, and in the quarantine file whence a replay takes it, whatever else stands in the block."""
    job.declare(f"data/t.{form}", form)
    wide = 2**64
    records = [{"id": "a", "name": wide}, {"id": "b", "age": wide}, {"id": "c", "name": {"x": [-wide]}}]
    text = "\n".join(json.dumps(item) for item in records) if form == "ndjson" else json.dumps(records)
    job.text(text, f"t.{form}")
    assert job.run()["account"] == account(3, 1, quarantined=2)
    assert job.live["a"]["name"] == str(wide)
    assert [item["record"] for item in job.quarantined] == records[1:]
    file = job.project.root / ".reconciler" / "quarantine" / "load.ndjson"
    corrected = file.read_text().replace('{"x":[-18446744073709551616]}', "18446744073709551617")
    file.write_text(corrected)
    assert job.run("--replay", str(file))["account"] == account(2, 1, quarantined=1)
    assert job.live["c"]["name"] == str(wide + 1)


def refuse(emulator: RunningEmulator, status: int, *, after: int) -> None:
    rules = [
        {"match": {"method": "POST", "path": RECORDS}, "times": after, "effect": {"delaySeconds": 0}},
        {"match": {"method": "POST", "path": RECORDS}, "effect": {"status": status}},
    ]
    emulator.control("POST", "faults", {"rules": rules})


def test_a_source_that_changed_cannot_be_gone_on_with_and_is_not_said_to_be(job: Ingesting) -> None:
    job.declare(batchSize=10)
    job.source(tickets(30))
    refuse(job.emulator, 403, after=1)
    try:
        report = job.run(code=4)
    finally:
        job.emulator.control("DELETE", "faults")
    assert report["messages"] == [RESUME]
    job.source(tickets(31))
    ran = job.project.run("run", "Ingestion/load").ok()
    assert "the files changed since, so that --resume cannot go on with it" in ran.all
    assert len(job.live) == 31


def test_a_stop_before_the_first_record_leaves_nothing_to_resume(job: Ingesting) -> None:
    job.text(csv_text(tickets(400_000)))
    job.declare(dedup={"mode": "skip"})
    process = job.project.spawn("run", "Ingestion/load", "--format", "json")
    assert process.stderr is not None
    assert "looking for duplicate keys" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    [report] = json.loads(out)["jobs"]
    assert report["messages"] == ["nothing was sent"]
