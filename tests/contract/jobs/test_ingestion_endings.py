"""How ingestions end before their time, and what is said of going on: only what truly helps."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.ingestion import RECORDS, Ingesting, account, csv_text, lines_of, tickets
from tests.support.project import manifest

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
    match = {"method": "POST", "path": RECORDS}
    passing = [{"match": match, "times": after, "effect": {"delaySeconds": 0}}] if after else []
    rules = [*passing, {"match": match, "effect": {"status": status}}]
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
    head, _, rows = csv_text(tickets(4000)).partition("\n")
    job.text(f"{head}\n{rows * 100}")
    job.declare(dedup={"mode": "skip"})
    process = job.project.spawn("run", "Ingestion/load", "--format", "json")
    assert process.stderr is not None
    assert "looking for duplicate keys" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    [report] = json.loads(out)["jobs"]
    assert report["messages"] == ["nothing was sent"]


@pytest.mark.parametrize("content", ["", "\n\n", "id,name\na,b\n", '[{"id": "a"}]', '{"id": "a"}\n', "\x00\xff"])
def test_a_file_that_no_run_wrote_is_not_replayed(job: Ingesting, content: str) -> None:
    file = job.text(content.encode("latin-1"), "other.ndjson")
    report = job.run("--replay", str(file), code=1)
    assert report["error"]["code"] == "J005"
    assert "other.ndjson" in report["error"]["message"]
    assert "corrected in place" in report["error"]["fix"]


def test_a_line_whose_record_is_not_written_yet_says_so(job: Ingesting) -> None:
    file = job.text('{"record": null, "raw": "T-1,n", "reason": "has 2 fields"}\n', "q.ndjson")
    assert job.run("--replay", str(file))["account"] == account(1, 0, quarantined=1)
    [entry] = lines_of(job.project.root / ".reconciler" / "quarantine" / "load-replay.ndjson")
    assert entry["reason"] == "has no record yet: write one in place of null (has 2 fields)"


@pytest.mark.parametrize(
    ("name", "option"), [("load-replay.ndjson.previous", ()), ("load-dry-run.ndjson", ("--dry-run",))]
)
def test_a_file_that_is_replayed_is_not_written_over(job: Ingesting, name: str, option: tuple[str, ...]) -> None:
    """Not even where an earlier run's file would be kept under its name."""
    folder = job.project.root / ".reconciler" / "quarantine"
    line = '{"record": {"id": "T-1", "age": %s}}\n'
    earlier = job.text(line % 1 + line % '"x"', "q.ndjson")
    job.run("--replay", str(earlier), *option)
    wanted = line % 2 + line % '"y"'
    (folder / name).write_text(wanted)
    job.run("--replay", str(folder / name), *option)
    assert (folder / name).read_text() == wanted


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
@pytest.mark.parametrize("quarantine", ["data/t.ndjson", "data/rejects.ndjson"])
def test_rejects_and_source_are_kept_apart(job: Ingesting, quarantine: str, option: tuple[str, ...]) -> None:
    job.declare("data/*.ndjson", "ndjson", quarantine=quarantine)
    job.source([{"id": None}], "ndjson")
    before = {path: path.read_bytes() for path in (job.project.root / "data").iterdir()}
    report = job.run(*option, code=1)
    assert report["error"]["code"] == "J005"
    assert "data/*.ndjson takes" in report["error"]["message"]
    assert {path: path.read_bytes() for path in (job.project.root / "data").iterdir()} == before


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_file_that_no_run_wrote_is_not_moved_for_rejects(job: Ingesting, option: tuple[str, ...]) -> None:
    job.declare(quarantine="notes.ndjson")
    job.source([{"id": None}])
    notes = job.project.root / ("notes-dry-run.ndjson" if option else "notes.ndjson")
    notes.write_text("what somebody wrote\n")
    error = job.run(*option, code=1)["error"]
    assert f"{notes.name}, where rejected records are to go, is there already" in error["message"]
    assert notes.read_text() == "what somebody wrote\n"
    assert not notes.with_name(f"{notes.name}.previous").exists()
    notes.write_text("")
    job.run(*option)
    assert len(lines_of(notes)) == 1


def test_a_dataset_that_goes_away_ends_the_run(job: Ingesting) -> None:
    job.declare(batchSize=10)
    job.source(tickets(100))
    refuse(job.emulator, 404, after=1)
    try:
        report = job.run(code=4)
    finally:
        job.emulator.control("DELETE", "faults")
    assert report["account"]["balanced"]
    assert "the dataset is gone" in report["error"]["message"]
    assert "as long as the dataset is the same one" in report["messages"][0]
    assert job.run("--resume")["account"] == account(100, 100)


def test_all_that_is_stricter_in_the_tenant_is_told_at_once(job: Ingesting) -> None:
    job.source(tickets(1))
    edit = {"columns": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "string"}, "since": None}}
    job.emulator.control("POST", "edit", {"kind": "Dataset", "name": "tickets", "patch": edit, "by": "x"})
    message = job.run(code=1)["error"]["message"]
    for part in (
        "name takes 5 characters, not 20",
        "age is a string, not a number",
        "no column since",
    ):
        assert part in message


def test_a_wider_limit_in_the_tenant_does_no_harm(job: Ingesting) -> None:
    job.source(tickets(1))
    edit = {"columns": {"name": {"type": "string", "maxLength": 500}, "more": {"type": "string"}}}
    job.emulator.control("POST", "edit", {"kind": "Dataset", "name": "tickets", "patch": edit, "by": "x"})
    assert job.run()["account"] == account(1, 1)


def test_columns_that_go_nowhere_are_named_with_the_reason(job: Ingesting) -> None:
    job.text("id,more\na,b\n")
    assert "the dataset has no such columns: more" in job.project.run("run", "Ingestion/load").ok().err
    job.project.put("map.yaml", manifest("FieldMapping", "names", {"mappings": [{"source": "id", "target": "id"}]}))
    job.declare(fieldMappingRef="names")
    assert "FieldMapping/names takes nothing from them: more" in job.project.run("run", "Ingestion/load").ok().err


def test_a_replay_in_place_of_an_unfinished_run_says_what_that_means(job: Ingesting) -> None:
    job.source(tickets(1))
    refuse(job.emulator, 403, after=0)
    try:
        job.run(code=3)
    finally:
        job.emulator.control("DELETE", "faults")
    file = job.text('{"record": {"id": "a"}}\n', "q.ndjson")
    ran = job.project.run("run", "Ingestion/load", "--replay", str(file)).ok()
    assert "this replay takes its place, and --resume cannot go on with it any more" in ran.err
