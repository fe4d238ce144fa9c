"""A ledger on S3: one machine plans and applies, another goes on where the first was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.bucket import SECRET, Bucket
from tests.support.emulator import RunningEmulator
from tests.support.tenant_project import ACTIONS, CONNECTORS, Setting, dataset

_PATIENCE_SECONDS = 60


@pytest.fixture
def shared(setting: Setting, bucket: Bucket, tmp_path: Path) -> Setting:
    """The chain of resources, its ledger in a bucket."""
    setting.chain()
    return bucket.project(setting, tmp_path / "first")


def entries(bucket: Bucket) -> dict[str, Any]:
    return dict(json.loads(bucket.get("ledger.json"))["entries"])


def arrived(setting: Setting, process: subprocess.Popen[str], mark: int, request: str) -> None:
    """Come back once the tenant has a request, which it does not answer."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not any(line.startswith(request) for line in setting.writes(mark)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_another_folder_finds_what_was_applied(shared: Setting, bucket: Bucket, tmp_path: Path) -> None:
    shared.project.apply()
    assert set(entries(bucket)) == {"Connector/crm", "DataAction/enrich", "Dataset/beside", "EventStream/calls"}
    other = bucket.project(shared, tmp_path / "second").project
    other.converged()
    assert "Dataset/beside" in other.run("ledger", "list").ok().out
    other.run("ledger", "verify").ok()
    assert "chain unbroken" in other.run("audit", "--verify").ok().out
    assert not other.state.exists()


def test_one_object_tells_of_many_requests_that_come_next(setting: Setting, bucket: Bucket, tmp_path: Path) -> None:
    setting.project.put("all.yaml", *(dataset(f"table-{number:02}") for number in range(40)))
    first = bucket.project(setting, tmp_path / "first")
    mark = setting.mark
    first.project.run("apply", "--yes", "--parallelism", "10").ok()
    assert len(setting.writes(mark)) == 40
    journaled = [line for line in bucket.requests() if line.startswith("PUT log/journal.ndjson/")]
    # The plan, the intents of all, what became of ten at a time, the end: not two for each request, and not one.
    assert len(journaled) <= 12


def test_no_credential_gets_into_the_bucket_or_the_output(shared: Setting, bucket: Bucket) -> None:
    said = shared.project.apply().all + shared.project.run("plan", "-vvv").all
    assert SECRET not in said
    for key in bucket.listed():
        data = bucket.get(key)
        assert SECRET.encode() not in data
        assert b"first-secret-value" not in data


@pytest.mark.parametrize("carried_out", [False, True], ids=["never-arrived", "carried-out"])
@pytest.mark.parametrize(("method", "path"), [("POST", ACTIONS), ("PATCH", f"{CONNECTORS}/")])
def test_killed_here_and_resumed_elsewhere(
    shared: Setting,
    bucket: Bucket,
    emulator: RunningEmulator,
    tmp_path: Path,
    method: str,
    path: str,
    carried_out: bool,
) -> None:
    if carried_out:
        shared.fault(method, f"{path}*", 1, drop="after")
    shared.fault(method, f"{path}*", delaySeconds=600)
    mark = shared.mark
    with shared.project.spawn("apply", "--yes", "--parallelism", "1") as process:
        try:
            arrived(shared, process, mark, f"{method} {path}")
        finally:
            process.kill()
            process.communicate(timeout=_PATIENCE_SECONDS)
    shared.heal()
    other = bucket.project(shared, tmp_path / "second")
    other.project.put("all.yaml", dataset("unreviewed"))
    assert "an earlier apply was interrupted" in other.project.run("plan").out
    other.project.run("apply", "--resume", "--lock-timeout", "60").ok()
    assert set(entries(bucket)) == {"Connector/crm", "DataAction/enrich", "Dataset/beside", "EventStream/calls"}
    assert set(other.live("Connector")) == {"crm"}
    assert set(other.live("DataAction")) == {"enrich"}
    assert "unreviewed" not in other.live("Dataset")
    third = bucket.project(shared, tmp_path / "third").project
    third.converged()
    third.run("ledger", "verify").ok()


def test_a_killed_holder_keeps_others_out_until_its_lease_has_run_out(
    shared: Setting, bucket: Bucket, tmp_path: Path
) -> None:
    shared.fault("POST", f"{CONNECTORS}*", delaySeconds=600)
    mark = shared.mark
    with shared.project.spawn("apply", "--yes") as process:
        try:
            arrived(shared, process, mark, f"POST {CONNECTORS}")
            other = bucket.project(shared, tmp_path / "second").project
            refused = other.run("apply", "--yes").ok(1)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=_PATIENCE_SECONDS)
    shared.heal()
    assert "error[L002]" in refused.err
    assert f"(process {process.pid})" in refused.err
    assert "--lock-timeout" in refused.err
    other.run("apply", "--resume", "--lock-timeout", "60").ok()
    other.converged()


def test_lock_and_audit_log_name_the_pipeline_run(shared: Setting, bucket: Bucket) -> None:
    run = "https://ci.example/jobs/7"
    shared.project.apply(CI_JOB_URL=run)
    assert f"pipeline={run}" in shared.project.run("audit").ok().out
    with bucket.store().lease("ada@host", "something long", 0):
        refused = shared.project.run("apply", "--yes").ok(1)
    assert "ada@host" in refused.err
    assert json.loads(bucket.get("lock"))["purpose"] == "something long"
    shared.project.apply(CI_JOB_URL=run)
    assert json.loads(bucket.get("lock"))["run"] == run
