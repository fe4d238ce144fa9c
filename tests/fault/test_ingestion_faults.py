"""An ingestion that is killed, stopped, held off and lied to: every record is in the dataset once, with its right value."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.ingestion import RECORDS, Ingesting, account, lines_of, live_form, report_of, tickets
from tests.support.profile import ACCEPTANCE
from tests.support.project import Ran

_PATIENCE_SECONDS = 60
KILLS = 20 if ACCEPTANCE else 2


@pytest.fixture
def job(emulator: RunningEmulator, tmp_path: Path) -> Ingesting:
    return Ingesting.make(tmp_path / "project", emulator)


def _mixed(count: int) -> list[dict[str, Any]]:
    """Records of which some are wrong, and some come again later with another value."""
    records = tickets(count)
    for number in range(0, count, 97):
        records[number]["age"] = "not a number"
    again = [{**record, "name": f"again {number}"} for number, record in enumerate(tickets(count)[1::50])]
    return [*records[: count // 2], *again[::2], *records[count // 2 :], *again[1::2]]


def _expected(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["id"]: live_form(record) for record in records if isinstance(record["age"], int)}


def _bad(records: list[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records if not isinstance(record["age"], int)]


def _sent(job: Ingesting, mark: int) -> int:
    return sum(item["path"].endswith("/records") for item in job.emulator.requests(mark))


def _stop_after(job: Ingesting, batches: int, number: int, *options: str) -> Ran:
    """Start the job and send it a signal once the tenant has seen so many batches of this run."""
    mark = job.setting.mark
    with job.project.spawn("run", "Ingestion/load", "--format", "json", *options) as process:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _sent(job, mark) < batches and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize("form", ["csv", "ndjson", "json", "parquet"])
def test_killed_at_any_moment_and_resumed(job: Ingesting, form: str) -> None:
    chance = random.Random(form)
    size = 2000 * KILLS
    records = tickets(size) if form == "parquet" else _mixed(size)
    job.declare(f"data/t.{form}", form, batchSize=40)
    job.source(records, form, f"t.{form}")
    job.setting.fault("POST", RECORDS, delaySeconds=0.005)
    for attempt in range(KILLS):
        ran = _stop_after(job, chance.randint(1, 40), signal.SIGKILL, *(["--resume"] if attempt else []))
        assert ran.code == -signal.SIGKILL, ran.all
    job.setting.heal()
    report = job.run("--resume")
    bad = _bad(records)
    assert report["account"] == account(len(records), len(records) - len(bad), quarantined=len(bad))
    assert job.live == _expected(records)
    assert [item["record"]["id"] for item in job.quarantined] == bad
    assert job.run("--resume")["messages"] == ["nothing to resume: no interrupted run is on record"]


@pytest.mark.parametrize("mode", ["reject", "skip"])
def test_killed_while_the_tenant_refuses_duplicates(job: Ingesting, mode: str) -> None:
    """Batches in mode reject are refused once and sent in parts: what got in is not taken for a duplicate afterwards."""
    job.source(tickets(30, start=100))
    job.run()
    job.declare(batchSize=20, dedup={"mode": mode})
    records = tickets(1500)
    job.source([{**record, "name": "new"} for record in records])
    job.setting.fault("POST", RECORDS, delaySeconds=0.005)
    for attempt in range(3):
        options = ["--resume"] if attempt else []
        ran = _stop_after(job, 6 + 3 * attempt, signal.SIGKILL, *options)
        assert ran.code == -signal.SIGKILL, ran.all
    job.setting.heal()
    report = job.run("--resume")
    expected = account(1500, 1470, rejected=30) if mode == "reject" else account(1500, 1500)
    assert report["account"] == expected
    assert sum(record["name"] == "new" for record in job.live.values()) == 1470
    assert len(job.quarantined) == (30 if mode == "reject" else 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_after_what_is_in_hand(job: Ingesting, number: int) -> None:
    records = _mixed(4000)
    job.declare(batchSize=40)
    job.source(records)
    job.setting.fault("POST", RECORDS, delaySeconds=0.01)
    ran = _stop_after(job, 5, number)
    report = report_of(ran.ok(128 + number))
    assert report["verdict"] == "interrupted"
    assert report["account"]["balanced"]
    assert report["account"]["pending"] > 0
    assert report["account"]["accepted"] == len(job.live) > 0
    job.setting.heal()
    final = job.run("--resume")["account"]
    assert final == account(len(records), len(records) - len(_bad(records)), quarantined=len(_bad(records)))
    assert job.live == _expected(records)


def test_a_replay_that_was_stopped_is_resumed_with_its_file(job: Ingesting) -> None:
    wrong = [{**record, "active": "yes"} for record in tickets(900)]
    job.declare(batchSize=20)
    job.source(wrong)
    assert job.run()["account"] == account(900, 0, quarantined=900)
    file = job.project.root / ".reconciler" / "quarantine" / "load.ndjson"
    file.write_text(file.read_text().replace('"yes"', '"true"', 890))
    job.setting.fault("POST", RECORDS, delaySeconds=0.005)
    assert _stop_after(job, 5, signal.SIGKILL, "--replay", str(file)).code == -signal.SIGKILL
    job.setting.heal()
    assert job.run("--resume")["account"] == account(900, 890, quarantined=10)
    assert len(job.live) == 890
    assert [item["row"] for item in lines_of(file.with_name("load-replay.ndjson"))] == list(range(891, 901))


def test_answers_that_are_lost_after_the_write(job: Ingesting) -> None:
    records = tickets(2000)
    job.declare(batchSize=50, dedup={"mode": "reject"})
    job.source(records)
    rules = [
        {"match": {"method": "POST", "path": RECORDS}, "rate": 0.2, "effect": {"drop": "after"}},
        {"match": {"method": "POST", "path": RECORDS}, "rate": 0.1, "effect": {"truncate": True}},
        {"match": {"method": "POST", "path": RECORDS}, "rate": 0.1, "effect": {"drop": "before"}},
    ]
    job.emulator.control("POST", "faults", {"rules": rules})
    assert job.run()["account"] == account(2000, 2000)
    assert job.live == _expected(records)


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_of_refusals(job: Ingesting, status: int) -> None:
    records = tickets(1000)
    job.declare(batchSize=50)
    job.source(records)
    effect = {"status": status, "headers": {"Retry-After": "0"}}
    rule = {"match": {"method": "POST", "path": RECORDS}, "rate": 0.5, "times": 20, "effect": effect}
    job.emulator.control("POST", "faults", {"rules": [rule]})
    assert job.run()["account"] == account(1000, 1000)
    assert job.live == _expected(records)


def test_a_tenant_that_stays_away_ends_the_run_and_nothing_is_lost(job: Ingesting) -> None:
    records = tickets(500)
    job.declare(batchSize=50)
    job.source(records)
    effect = {"status": 503, "headers": {"Retry-After": "1000"}}
    rule = {"match": {"method": "POST", "path": RECORDS}, "effect": effect}
    job.emulator.control("POST", "faults", {"rules": [rule]})
    report = job.run(code=1)
    assert (report["verdict"], report["error"]["code"]) == ("failed", "H009")
    assert report["account"] == account(500, 0, pending=500)
    job.setting.heal()
    assert job.run("--resume")["account"] == account(500, 500)
    assert job.live == _expected(records)


def test_a_source_that_changed_is_not_resumed(job: Ingesting) -> None:
    job.declare(batchSize=10)
    job.source(tickets(500))
    job.setting.fault("POST", RECORDS, delaySeconds=0.01)
    _stop_after(job, 3, signal.SIGKILL)
    job.setting.heal()
    job.source(tickets(501))
    report = job.run("--resume", code=1)
    assert (report["error"]["code"], "files changed" in report["error"]["message"]) == ("J006", True)
    assert job.run()["account"] == account(501, 501)


def test_two_runs_at_a_time_exclude_each_other(job: Ingesting) -> None:
    job.declare(batchSize=10)
    job.source(tickets(20))
    job.setting.fault("POST", RECORDS, delaySeconds=600)
    mark = job.setting.mark
    with job.project.spawn("run", "Ingestion/load") as process:
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not any(item["path"].endswith("/records") for item in job.emulator.requests(mark)):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert job.run(code=1)["error"]["code"] == "J003"
        finally:
            process.kill()
            process.communicate(timeout=_PATIENCE_SECONDS)
            job.setting.heal()


@pytest.mark.parametrize(("name", "form"), [("t.csv.gz", "csv"), ("t.ndjson.gz", "ndjson")])
def test_a_file_that_was_cut_off_gives_what_stands_before(job: Ingesting, name: str, form: str) -> None:
    records = tickets(60_000)
    job.declare(f"data/{name}", form, batchSize=1000)
    path = job.source(records, form, name)
    path.write_bytes(path.read_bytes()[:-40])
    report = job.run(code=4)
    assert report["error"]["code"] == "J005"
    assert report["account"]["balanced"]
    assert 30_000 < report["account"]["accepted"] == len(job.live) < 60_000
    assert job.quarantined == []


def test_an_array_that_was_cut_off(job: Ingesting) -> None:
    job.declare("data/t.json", "json", batchSize=1000)
    path = job.source(tickets(30_000), "json", "t.json")
    path.write_text(path.read_text()[:-40])
    report = job.run(code=4)
    assert report["error"]["code"] == "J005"
    assert 10_000 < report["account"]["accepted"] == len(job.live) < 30_000
