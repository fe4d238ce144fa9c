"""The parts that all jobs share: finding them, their folder and lock, stopping, audit entries that wait, metrics."""

from __future__ import annotations

import stat
import urllib.request
from pathlib import Path

import anyio
import pytest

from reconciler.core.resource import Key
from reconciler.engine.session import Session
from reconciler.engine.state.audit import NAME as AUDIT
from reconciler.engine.state.audit import read_audit, verify
from reconciler.errors import ExtraMissing, JobBusy, ReconcilerError, ResumeImpossible, StorageError, UsageError
from reconciler.jobs.audit import WAITING, JobAudit
from reconciler.jobs.folder import JobFolder
from reconciler.jobs.ingestion.batches import WINDOW
from reconciler.jobs.ingestion.flow import Flow
from reconciler.jobs.job import find_job, module_name, need_extra
from reconciler.jobs.metrics import JobMetrics, serve_metrics
from reconciler.jobs.records.quarantine import Quarantine, place_of
from reconciler.jobs.records.readers.chunk import BadRecord
from reconciler.jobs.stop import JobStop
from tests.support.ingestion import lines_of
from tests.support.project import Project
from tests.support.tenant_project import dataset

KEY = Key("Ingestion", "load")


def test_a_kind_names_its_module() -> None:
    assert module_name("StreamSink") == "reconciler.jobs.stream_sink"
    assert find_job("ConnectorSync").kind == "ConnectorSync"
    for kind in ("Nothing", "Runner", "Job", "../x", "Audit"):
        with pytest.raises(UsageError):
            find_job(kind)


def test_a_missing_extra_is_named() -> None:
    need_extra("ingest", "json")
    with pytest.raises(ExtraMissing, match="no_such_library") as caught:
        need_extra("ingest", "no_such_library")
    assert "reconciler[ingest]" in caught.value.fix


def test_one_run_at_a_time(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "local", KEY)
    with folder.held():
        assert folder.path.stat().st_mode & 0o777 == 0o700
        with pytest.raises(JobBusy), JobFolder(tmp_path, "local", KEY).held():
            pass
    with folder.held():
        pass


def test_what_a_job_remembers(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "local", KEY)
    assert folder.read_json("x.json") is None
    folder.write_json("x.json", {"a": 1})
    assert folder.read_json("x.json") == {"a": 1}
    (folder.path / "x.json").write_text("{")
    with pytest.raises(StorageError):
        folder.read_json("x.json")
    folder.remove("x.json")
    folder.remove("x.json")
    assert folder.read_json("x.json") is None


def test_a_stop_cuts_a_sleep_short() -> None:
    async def work() -> tuple[bool, bool, int]:
        stop = JobStop()
        slept = await stop.sleep(0)
        async with anyio.create_task_group() as group:
            group.start_soon(stop.wait)
            stop.ask("interrupted", signal=2)
            stop.ask("again", signal=15)
            with anyio.fail_after(60):
                return slept, await stop.sleep(3600), stop.signal

    assert anyio.run(work) == (True, False, 2)


def _session(project: Project) -> Session:
    with Session.open(project.root, "local", debug=lambda _: None, environ=project.environ) as session:
        return session


def test_audit_entries_wait_while_the_ledger_is_locked(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.put("a.yaml", dataset("people"))
    project.apply()
    session = _session(project)
    folder = JobFolder(project.root, "local", KEY)
    folder.make()
    said: list[str] = []
    audit = JobAudit(session, folder, said.append)
    audit.add("first", count=1)
    with session.store.lease("me", "testing", 0):
        assert audit._try_handing_over(0) == "the ledger is locked"
    with (folder.path / WAITING).open("ab") as file:
        file.write(b'{"torn')
    again = JobAudit(session, folder, said.append)
    again.add("second", count=2)
    again.close()
    audit.close()
    records, problems = read_audit(session.store)
    assert problems == []
    assert [item["action"] for item in records if "job" in item] == ["first", "second"]
    assert verify(records, project.ledger["audit_head"]) == []
    assert said == []
    assert not (folder.path / WAITING).exists()


def test_audit_without_a_ledger_makes_none(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.put("a.yaml", dataset("people"))
    session = _session(project)
    folder = JobFolder(project.root, "local", KEY)
    folder.make()
    audit = JobAudit(session, folder, lambda _: None)
    audit.add("first")
    audit.close()
    assert (project.state / AUDIT).exists()
    assert not (project.state / "ledger.json").exists()


def test_metrics_are_served_until_the_end() -> None:
    import socket

    metrics = JobMetrics("Ingestion/load")
    metrics.count("records_accepted", 3, about="Records that were taken")
    metrics.gauge("lag_seconds", 1.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    end = serve_metrics(metrics, ("127.0.0.1", port))
    try:
        metrics.count("records_accepted", 4)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        with pytest.raises(UsageError, match="cannot be served"):
            serve_metrics(metrics, ("127.0.0.1", port))
    finally:
        end()
    assert 'reconciler_job_records_accepted_total{job="Ingestion/load"} 7.0' in text
    assert 'reconciler_job_lag_seconds{job="Ingestion/load"} 1.5' in text


def test_a_quarantine_file_is_cut_back_to_what_is_on_record(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "q.ndjson"
    first = Quarantine(path)
    assert not path.exists()
    assert first.add([BadRecord(1, "wrong", "a", {"a": 1}, file="f")], by="check") == 1
    first.sync()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    kept = first.size
    first.add([BadRecord(2, "wrong")], by="check")
    first.close()
    second = Quarantine(path, keep=kept)
    second.add([BadRecord(3, "no", raw="x\ud800".encode("utf-8", "replace").decode())], by="tenant")
    second.close()
    assert [(item["row"], item["by"]) for item in lines_of(path)] == [(1, "check"), (3, "tenant")]
    with pytest.raises(ResumeImpossible):
        Quarantine(path, keep=10_000)
    Quarantine(path).close()
    assert not path.exists()
    with pytest.raises(ResumeImpossible):
        Quarantine(path, keep=1)
    assert len(lines_of(path.with_name("q.ndjson.previous"))) == 2


def test_a_replay_never_writes_into_its_own_source(tmp_path: Path) -> None:
    place = tmp_path / ".reconciler" / "quarantine" / "load.ndjson"
    assert place_of(tmp_path, None, "load", None, dry_run=False) == place
    assert place_of(tmp_path, None, "load", place, dry_run=False).name == "load-replay.ndjson"
    replayed = place.with_name("load-replay.ndjson")
    assert place_of(tmp_path, None, "load", replayed, dry_run=False).name == "load-replay-replay.ndjson"
    assert place_of(tmp_path, "q/x.ndjson", "load", None, dry_run=True) == tmp_path / "q" / "x-dry-run.ndjson"
    rehearsed = place.with_name("load-dry-run.ndjson")
    assert place_of(tmp_path, None, "load", rehearsed, dry_run=True).name == "load-dry-run-dry-run.ndjson"
    kept = place.with_name("load-replay.ndjson.previous")
    assert place_of(tmp_path, None, "load", kept, dry_run=False).name == "load-replay-replay.ndjson"


def test_waiting_for_batches() -> None:
    async def work() -> list[str]:
        flow, log = Flow(JobStop(), first=5), []
        await flow.decided(4)
        await flow.decided(5 - WINDOW)

        async def wait(number: int) -> None:
            await flow.decided(number)
            log.append(f"after {number}")

        async with anyio.create_task_group() as group:
            for number in (6, 5, 7):
                group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
            flow.mark(6)
            await anyio.wait_all_tasks_blocked()
            log.append("-")
            flow.mark(5)
            flow.release(7)
        assert not flow.ending()
        flow.fail(ReconcilerError("first"))
        flow.fail(ReconcilerError("second"))
        assert flow.ending()
        assert str(flow.failure) == "first"
        return log

    assert anyio.run(work) == ["after 6", "-", "after 5", "after 7"]
