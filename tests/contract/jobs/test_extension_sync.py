"""`run ExtensionSync/…` against the emulator, from the files to the extension."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.loopback import Reply, loopback_server
from tests.support.project import manifest
from tests.support.sync_project import (
    PEOPLE,
    audit,
    counts,
    extension,
    project_job,
    records_of,
    report_of,
    stored,
    sync_project,
)
from tests.support.sync_tenant import FIELDS, SECRET

SECRET_REFERENCE = "${secret:env:TEST_WEBHOOK_SECRET}"
STAMPED = [*FIELDS, {"name": "_syncTimestamp", "type": "date"}, {"name": "_sourceSystem", "type": "string"}]


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator(webhook_secret=SECRET) as running:
        yield running


def test_files_arrive_as_they_are_meant(tmp_path: Path, emulator: RunningEmulator) -> None:
    project = sync_project(tmp_path, emulator.url)
    project.put("all.yaml", extension(fields=STAMPED), json.loads(project_job(project)))
    project.apply()
    report = report_of(project)
    assert counts(report) == (3, 3, 0, 0, 0)
    assert report["metrics"]["rejected percent"] == 0
    found = stored(project, emulator)
    stamp = found["p-1"]["_syncTimestamp"]
    common = {"_syncTimestamp": stamp, "_sourceSystem": "ETL_PIPELINE_V1"}
    assert stamp.endswith("Z")
    assert found == {
        "p-1": {"id": "p-1", "name": "Ada", "age": 36, "since": "1815-12-10T00:00:00.000Z", "active": True} | common,
        "p-2": {"id": "p-2", "name": "Grace", "age": 85, "since": "1906-12-08T22:00:00.000Z", "active": False} | common,
        "p-3": {"id": "p-3", "name": "Edsger", "age": None, "since": "1930-05-11T00:00:00.000Z", "active": None}
        | common,
    }
    assert [request["path"] for request in emulator.requests() if request["method"] == "POST"][-1] == (
        "/api/v2/events/stream"
    )
    job = next(iter(records_of(project)))
    assert [(entry["action"], entry["jobId"]) for entry in audit(project)] == [
        ("extension_sync_started", job),
        ("extension_sync_ended", job),
    ]


def test_pages_of_any_number_arrive_whole(tmp_path: Path, emulator: RunningEmulator) -> None:
    rows = "".join(f"p-{number},Name {number},{number},,true\n" for number in range(2_503))
    people = "id,name,age,since,active\n" + rows
    project = sync_project(tmp_path, emulator.url, people=people, options={"maxBatchSize": 500}, syncMode="FULL")
    project.apply()
    assert counts(report_of(project)) == (2503, 2503, 0, 0, 0)
    assert len(stored(project, emulator)) == 2503
    assert not list((project.state / "jobs" / "ExtensionSync-load").glob("pages*"))


def test_the_tenant_fetches_an_address_itself(tmp_path: Path, emulator: RunningEmulator) -> None:
    with served([{"Id": "a", "Age": 1}, {"Id": "b", "Age": "old"}, {"Id": "c"}]) as url:
        mapping = manifest(
            "FieldMapping",
            "names",
            {"mappings": [{"source": "Id", "target": "id"}, {"source": "Age", "target": "age"}]},
        )
        project = sync_project(
            tmp_path,
            emulator.url,
            mapping,
            source={"url": url},
            fieldMappingRef="names",
            maxRejectedPercent=40,
        )
        project.apply()
        report = report_of(project)
        assert counts(report) == (3, 2, 1, 0, 0)
        recovery = project.root / report["files"]["recovery"]
        assert json.loads(recovery.read_bytes()) == [{"recordId": "b", "corrections": {}, "retryBatch": True}]
        assert set(stored(project, emulator)) == {"a", "c"}
        # The record is not ours, so that whoever corrects it brings it whole.
        entry = {"recordId": "b", "corrections": {"id": "b", "age": 7}, "retryBatch": True}
        recovery.write_text(json.dumps([entry]))
        assert counts(report_of(project, "--replay", str(recovery))) == (1, 1, 0, 0, 0)
    assert stored(project, emulator)["b"]["age"] == 7


def test_too_many_rejected_records_are_exit_4(tmp_path: Path, emulator: RunningEmulator) -> None:
    with served([{"id": "a"}, {"id": "b", "age": "old"}]) as url:
        project = sync_project(tmp_path, emulator.url, source={"url": url}, maxRejectedPercent=49)
        project.apply()
        assert counts(report_of(project, code=4)) == (2, 1, 1, 0, 0)


def test_rejects_of_the_files_are_set_aside_and_replayed(tmp_path: Path, emulator: RunningEmulator) -> None:
    people = PEOPLE + "p-4,Alan,many,1912-06-23,true\n,Nobody,1,,true\np-6," + "x" * 41 + ",1,,true\n"
    project = sync_project(tmp_path, emulator.url, people=people, maxRejectedPercent=50)
    project.apply()
    report = report_of(project)
    assert counts(report) == (6, 3, 0, 3, 0)
    quarantine = project.root / report["files"]["quarantine"]
    assert quarantine.stat().st_mode & 0o777 == 0o600
    entries = [json.loads(line) for line in quarantine.read_text().splitlines()]
    assert [(entry["row"], entry["column"], entry["reason"]) for entry in entries] == [
        (4, "age", "age is not a number"),
        (5, "id", "id has no value, and every record needs one"),
        (6, "name", "name is longer than 40 characters"),
    ]
    entries[0]["record"]["age"] = "41"
    replay = project.write("corrected.ndjson", "\n".join(map(json.dumps, entries[:1])) + "\n")
    assert counts(report_of(project, "--replay", str(replay))) == (1, 1, 0, 0, 0)
    assert stored(project, emulator)["p-4"]["age"] == 41


def test_a_lost_answer_starts_no_second_sync(tmp_path: Path, emulator: RunningEmulator) -> None:
    project = sync_project(tmp_path, emulator.url)
    project.apply()
    rule = {
        "match": {"method": "POST", "path": "/api/v2/data/extensions/*/sync"},
        "times": 2,
        "effect": {"drop": "after"},
    }
    emulator.control("POST", "faults", {"rules": [rule]})
    assert counts(report_of(project)) == (3, 3, 0, 0, 0)
    starts = [item for item in emulator.requests() if item["method"] == "POST" and item["path"].endswith("/sync")]
    assert len(starts) == 3
    assert len(records_of(project)) == 1


def test_a_storm_delays_and_loses_nothing(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Every kind of failure, and a webhook that nobody hears."""
    project = sync_project(
        tmp_path, emulator.url, webhook={"publicUrl": "http://127.0.0.1:9/", "secret": SECRET_REFERENCE}
    )
    project.apply()
    busy = {"status": 503, "headers": {"Retry-After": "0"}}
    effects = {
        "GET schema": [busy],
        "POST sync": [busy, {"drop": "after"}, {"truncate": True}],
        "GET sync/*/status": [busy, {"status": 500}, {"drop": "before"}, {"malformed": True}],
    }
    rules = [
        {"match": {"method": method, "path": f"/api/v2/data/extensions/*/{path}"}, "times": 1, "effect": effect}
        for (method, path), found in ((key.split(), found) for key, found in effects.items())
        for effect in found
    ]
    emulator.control("POST", "faults", {"rules": rules})
    assert counts(report_of(project)) == (3, 3, 0, 0, 0)
    assert len(stored(project, emulator)) == 3
    assert [item["endedBy"] for item in records_of(project).values()] == ["poll"]


def test_a_dry_run_sends_nothing_and_counts(tmp_path: Path, emulator: RunningEmulator) -> None:
    project = sync_project(tmp_path, emulator.url, people=PEOPLE + "p-4,Alan,many,,\n", maxRejectedPercent=25)
    project.apply()
    before = len(emulator.requests())
    report = report_of(project, "--dry-run")
    assert counts(report) == (4, 0, 0, 1, 3)
    made = [(item["method"], item["path"].rpartition("/")[2]) for item in emulator.requests()[before:]]
    assert made == [("POST", "token"), ("GET", "schema")]
    assert report["files"]["quarantine"].endswith("quarantine-dry-run.ndjson")
    assert not (project.state / "jobs" / "ExtensionSync-load" / "run.json").exists()


def test_null_handling_is_the_manifests(tmp_path: Path, emulator: RunningEmulator) -> None:
    project = sync_project(tmp_path, emulator.url, options={"nullValueHandling": "DEFAULT"})
    project.apply()
    report_of(project)
    assert stored(project, emulator)["p-3"]["age"] == 0
    assert stored(project, emulator)["p-3"]["active"] is False
    project.write("people.csv", "id,name,age,since,active\np-1,,37,,\n")
    project.put("all.yaml", extension(), json.loads(project_job(project, options={"nullValueHandling": "SKIP"})))
    report_of(project)
    assert stored(project, emulator)["p-1"]["name"] == "Ada"
    assert stored(project, emulator)["p-1"]["age"] == 37


@contextmanager
def served(records: list[dict[str, Any]]) -> Iterator[str]:
    """Serve a JSON array on a loopback port."""
    with loopback_server(lambda _: Reply(body=records)) as server:
        yield f"{server.url}/"
