"""The lock goes while an apply runs: nothing further is sent, not even again, and the run can be resumed."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.bucket import Bucket
from tests.support.tenant_project import ACTIONS, CONNECTORS, DATASETS, Setting, dataset

_PATIENCE_SECONDS = 60


def wait_for(process: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    """Come back once something is so, as long as the process runs."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not seen():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def repeating(setting: Setting) -> Iterator[subprocess.Popen[str]]:
    """An apply that asks again and again to create a connector, and is told "not now"."""
    setting.fault("POST", CONNECTORS, status=503, headers={"Retry-After": "0"})
    mark = setting.mark
    with setting.project.spawn("apply", "--yes", "--parallelism", "1") as process:
        wait_for(process, lambda: f"POST {CONNECTORS}" in setting.writes(mark))
        yield process


def noticed(bucket: Bucket) -> bool:
    """Whether the holder knows: its renewal was refused, it looked at the lock, and then again for who has it now.

    The first refusal is its own trial, when it took the lease, of whether the store refuses anything.
    """
    asked = bucket.requests()
    refused = [place for place, line in enumerate(asked) if line == "PUT lock 412"]
    return len(refused) > 1 and asked[refused[1] :].count("GET lock 200") > 1


def ends_without_writing(setting: Setting, process: subprocess.Popen[str], mark: int, words: str) -> None:
    """The process ends by itself, and sends one request at most that it was about to send already."""
    out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode in (1, 4)
    assert words in out + err
    assert "Traceback" not in err
    assert len(setting.writes(mark)) <= 1
    setting.heal()


def test_a_lock_file_that_is_removed_stops_new_requests_and_repeats(setting: Setting) -> None:
    setting.chain()
    with repeating(setting) as process:
        (setting.project.state / "lock").unlink()
        ends_without_writing(setting, process, setting.mark, "was removed while this command was running")
    setting.project.run("apply", "--resume").ok()
    setting.project.converged()


def test_a_lease_that_was_lost_before_the_end_leaves_the_ledger_to_who_resumes(setting: Setting) -> None:
    """The lock goes while the last answer is on its way: everything is applied, and only the journal knows of it."""
    setting.project.put("all.yaml", dataset("people"))
    setting.fault("POST", DATASETS, 1, delaySeconds=3)
    mark = setting.mark
    with setting.project.spawn("apply", "--yes") as process:
        wait_for(process, lambda: f"POST {DATASETS}" in setting.writes(mark))
        (setting.project.state / "lock").unlink()
        _, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 4
    assert "error[L006]: 1 change was applied, and not all of it could be recorded: the lock file" in err
    assert err.count("--resume") == 1
    assert setting.project.entries == {}
    setting.project.run("apply", "--resume").ok()
    assert set(setting.project.entries) == {"Dataset/people"}
    setting.project.run("ledger", "verify").ok()
    setting.project.converged()


def test_a_lease_that_is_stolen_stops_new_requests_and_repeats(
    setting: Setting, bucket: Bucket, tmp_path: Path
) -> None:
    setting.chain()
    shared = bucket.project(setting, tmp_path / "first")
    with repeating(shared) as process:
        bucket.put("lock", b"somebody else's")
        wait_for(process, lambda: noticed(bucket))
        asked = len(bucket.requests())
        ends_without_writing(shared, process, setting.mark, "was taken while this command was running")
    assert bucket.get("lock") == b"somebody else's"
    written = [line for line in bucket.requests()[asked:] if line.startswith("PUT")]
    assert all(line.startswith("PUT log/journal.ndjson/") for line in written), "the ledger is somebody else's"
    bucket.delete("lock")
    other = bucket.project(setting, tmp_path / "second").project
    other.run("apply", "--resume").ok()
    other.converged()


def test_a_lease_that_cannot_be_renewed_stops_new_requests(setting: Setting, bucket: Bucket, tmp_path: Path) -> None:
    """The bucket is out of reach for as long as the lease lasts: the journal can't be written, and nothing is sent."""
    setting.chain()
    shared = bucket.project(setting, tmp_path / "first")
    with repeating(shared) as process:
        bucket.fault("PUT", "*", drop="before")
        out, err = process.communicate(timeout=2 * _PATIENCE_SECONDS)
    assert process.returncode in (1, 4)
    assert "Traceback" not in err
    assert "could not be renewed" in out + err or "cannot be reached" in out + err
    assert not any(line.startswith(f"POST {ACTIONS}") for line in setting.writes())
    bucket.heal()
    setting.heal()
    bucket.project(setting, tmp_path / "second").project.run("apply", "--resume", "--lock-timeout", "60").ok()


def test_unlock_takes_the_lease_from_a_running_apply_after_asking(
    setting: Setting, bucket: Bucket, tmp_path: Path
) -> None:
    setting.chain()
    shared = bucket.project(setting, tmp_path / "first")
    other = bucket.project(setting, tmp_path / "second").project
    with repeating(shared) as process:
        refused = other.run("ledger", "unlock").ok(64)
        assert f"(process {process.pid})" in refused.out
        assert "--yes" in refused.err
        said = other.run("ledger", "unlock", "--yes").ok()
        assert f"(process {process.pid})" in said.out
        wait_for(process, lambda: noticed(bucket))
        ends_without_writing(shared, process, setting.mark, "was taken while this command was running")
    other.run("apply", "--resume", "--lock-timeout", "60").ok()
    other.converged()
