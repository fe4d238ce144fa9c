"""The lease of a bucket: taken over after it ran out and not before, lost at once when it is taken, whatever clocks say."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.engine.state import object_lease
from reconciler.engine.state.object_lease import Lock, Waiting, margin_seconds, read_lock
from reconciler.engine.state.store import Holder, Lease
from reconciler.errors import LeaseLost, LedgerLocked, StorageError
from tests.support.bucket import Bucket

_PATIENCE_SECONDS = 60
_ROOT = Path(__file__).parents[2]


def until(asked: Callable[[], bool]) -> None:
    """Come back once something is so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not asked():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_lost(lease: Lease) -> bool:
    try:
        lease.confirm()
    except LeaseLost:
        return True
    return False


def reason(lease: Lease) -> str:
    with pytest.raises(LeaseLost) as caught:
        lease.confirm()
    return caught.value.message


def dead_holder(bucket: Bucket, seconds: float = 2.0) -> None:
    """Leave the lock as a process that was killed leaves it."""
    note = {"state": "held", "owner": "ada@gone", "purpose": "apply", "since": "2026-01-01T00:00:00Z", "process": 7}
    bucket.put("lock", json.dumps({"format_version": 1, "seconds": seconds, **note}).encode())


def test_what_a_dead_holder_left_is_taken_once_it_ran_out_and_not_before(bucket: Bucket) -> None:
    dead_holder(bucket)
    left = read_lock(bucket.store().objects)
    assert left is not None
    with pytest.raises(LedgerLocked, match="ada@gone") as caught, bucket.store().lease("bob@host", "apply", 0):
        pass
    assert "runs out by itself" in caught.value.fix
    assert "(process 7)" in caught.value.message
    with bucket.store().lease("bob@host", "apply", _PATIENCE_SECONDS):
        taken = read_lock(bucket.store().objects)
        assert taken is not None
        assert taken.holder.owner == "bob@host"
        assert (taken.renewed - left.renewed).total_seconds() >= 2.0


@pytest.mark.parametrize("days", [-400, 400])
def test_a_wall_clock_that_is_wrong_changes_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(object_lease, "now", lambda: datetime.now(UTC) + timedelta(days=days))
    dead_holder(bucket, seconds=600)
    with pytest.raises(LedgerLocked), bucket.store().lease("bob@host", "apply", 0):
        pass
    dead_holder(bucket)
    with bucket.store().lease("bob@host", "apply", _PATIENCE_SECONDS) as lease:
        lease.confirm()


def test_a_holder_that_renews_is_not_taken_over(bucket: Bucket) -> None:
    with bucket.store().lease("ada@host", "apply", 0) as lease:
        seen = set[str]()

        def renewed() -> bool:
            lock = read_lock(bucket.store().objects)
            assert lock is not None
            seen.add(lock.etag)
            return len(seen) > 12  # three times as long as the lease lasts

        until(renewed)
        lease.confirm()
        with pytest.raises(LedgerLocked), bucket.store().lease("bob@host", "apply", 0):
            pass


@pytest.mark.parametrize("left", ["nothing", "another"])
def test_a_stolen_lease_is_lost(bucket: Bucket, left: str) -> None:
    with bucket.store().lease("ada@host", "apply", 0) as lease:
        if left == "nothing":
            bucket.delete("lock")
        else:
            dead_holder(bucket, seconds=600)
        until(lambda: is_lost(lease))
        assert "was taken while this command was running" in reason(lease)
        until(lambda: ("ada@gone" in reason(lease)) == (left == "another"))
    if left == "another":
        assert json.loads(bucket.get("lock"))["owner"] == "ada@gone"


def test_a_lease_that_cannot_be_renewed_is_lost_before_others_may_have_it(bucket: Bucket) -> None:
    with bucket.store().lease("ada@host", "apply", 0) as lease:
        bucket.fault("PUT", "lock", drop="before")
        until(lambda: is_lost(lease))
        assert "could not be renewed" in reason(lease)
        last = read_lock(bucket.store().objects)
        assert last is not None
        assert not Waiting(bucket.store().objects).may_take(last)
        bucket.heal()
        assert is_lost(lease)


def test_a_renewal_whose_answer_was_lost_is_no_theft(bucket: Bucket) -> None:
    with bucket.store().lease("ada@host", "apply", 0) as lease:
        before = bucket.get("lock")
        bucket.fault("PUT", "lock", 2, drop="after")
        until(lambda: sum(line.startswith("PUT lock") for line in bucket.requests()) > 8)
        assert bucket.get("lock") != before
        lease.confirm()
    assert json.loads(bucket.get("lock"))["state"] == "free"


def test_a_store_that_ignores_conditions_gives_no_lease(bucket: Bucket) -> None:
    bucket.fault("PUT", "*", ignore=True)
    with pytest.raises(StorageError, match="ignores the conditions"), bucket.store().lease("ada@host", "apply", 0):
        pass


def test_a_broken_lease_is_free_only_when_its_holder_must_have_noticed(bucket: Bucket) -> None:
    dead_holder(bucket)
    left = read_lock(bucket.store().objects)
    assert left is not None
    broken = bucket.store().break_lease()
    assert broken is not None
    assert broken.owner == "ada@gone"
    assert bucket.store().holder() is None
    with pytest.raises(LedgerLocked) as caught, bucket.store().lease("bob@host", "apply", 0):
        pass
    assert "was broken" in caught.value.fix
    with bucket.store().lease("bob@host", "apply", _PATIENCE_SECONDS):
        taken = read_lock(bucket.store().objects)
        assert taken is not None
        assert (taken.renewed - left.renewed).total_seconds() >= 2.0


def test_one_that_ran_out_is_shown_as_such_and_freed_at_once(bucket: Bucket) -> None:
    dead_holder(bucket)

    def lapsed() -> bool:
        holder = bucket.store().holder()
        return holder is not None and holder.lapsed

    until(lapsed)
    assert "its lease ran out at" in str(bucket.store().holder())
    until(lambda: Waiting(bucket.store().objects).may_take(read_lock(bucket.store().objects) or pytest.fail("gone")))
    assert bucket.store().break_lease() is not None
    with bucket.store().lease("bob@host", "apply", 0):
        pass


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"state": "held"}', b'{"state": "broken", "seconds": 2}'])
def test_a_lock_that_cannot_be_read_is_held_by_somebody(bucket: Bucket, data: bytes) -> None:
    bucket.put("lock", data)
    with pytest.raises(LedgerLocked, match="somebody"), bucket.store().lease("bob@host", "apply", 0):
        pass


def test_the_margin_covers_whole_seconds_and_grows_with_the_lease() -> None:
    assert [margin_seconds(seconds) for seconds in (2, 20, 60, 600)] == [2.0, 2.0, 6.0, 60.0]
    holder = Holder("ada", "apply", "2026-01-01T00:00:00Z")
    renewed = datetime(2026, 1, 1, tzinfo=UTC)
    assert Lock("held", holder, 60.0, renewed, "x").ends == renewed + timedelta(seconds=66)
    assert Lock("free", holder, 60.0, renewed, "x").ends == renewed


_RACER = """
import sys
from tests.support.bucket import Bucket, BucketServer
store = Bucket(sys.argv[1], BucketServer(sys.argv[2], None)).store()
for turn in range(5):
    with store.lease(f"racer {sys.argv[3]}", "race", 60) as lease:
        blob = store.read("count")
        lease.confirm()
        store.objects.overwrite("count", str(int(blob.data if blob else 0) + 1).encode())
        store.append("audit.ndjson", f"{sys.argv[3]} {turn}\\n".encode())
"""

_WRITER = """
import sys
from reconciler.errors import LedgerConflict
from tests.support.bucket import Bucket, BucketServer
store = Bucket(sys.argv[1], BucketServer(sys.argv[2], None)).store()
written = 0
while written < 20:
    blob = store.read("count")
    try:
        store.write("count", str(int(blob.data if blob else 0) + 1).encode(), blob.version if blob else None)
        written += 1
    except LedgerConflict:
        pass
"""


def race(code: str, bucket: Bucket, count: int) -> None:
    """Run a script in several processes at once."""
    command = [sys.executable, "-c", code, bucket.name, bucket.server.url]
    running = [subprocess.Popen([*command, str(number)], cwd=_ROOT) for number in range(count)]
    assert [process.wait(_PATIENCE_SECONDS) for process in running] == [0] * count


def test_processes_that_race_for_the_lease_have_it_one_after_the_other(bucket: Bucket) -> None:
    """The counter is written without any condition: only the lease keeps their turns apart."""
    race(_RACER, bucket, 3)
    assert bucket.get("count") == b"15"
    lines = bucket.store().read_log("audit.ndjson").decode().split("\n")[:-1]
    assert sorted(lines) == [f"{racer} {turn}" for racer in range(3) for turn in range(5)]


def test_processes_that_race_for_a_blob_lose_no_write(bucket: Bucket) -> None:
    race(_WRITER, bucket, 3)
    assert bucket.get("count") == b"60"


def test_processes_that_race_with_lost_answers_lose_no_write_and_count_none_twice(bucket: Bucket) -> None:
    bucket.fault("PUT", "count", 15, drop="after")
    race(_WRITER, bucket, 2)
    assert bucket.get("count") == b"40"
