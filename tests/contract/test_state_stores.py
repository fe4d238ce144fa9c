"""What every store of durable state keeps to, whether it is a folder or a bucket."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from reconciler.core.resource import Entry, Key
from reconciler.engine.state import audit
from reconciler.engine.state.audit import AuditLog, read_audit, verify
from reconciler.engine.state.checkup import check_state
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import entry_record, open_journal
from reconciler.engine.state.journal_lines import NAME, ended
from reconciler.engine.state.journal_writer import Journal
from reconciler.engine.state.ledger import LedgerWriter, load_ledger
from reconciler.engine.state.store import Holder, Lease, StateStore
from reconciler.errors import LeaseLost, LedgerConflict, LedgerLocked
from tests.support.bucket import Bucket
from tests.support.bucket_fixtures import bucket, buckets
from tests.support.journals import NO_CHANGES

__all__ = ["bucket", "buckets"]

Open = Callable[[], StateStore]
_PATIENCE_SECONDS = 60


@pytest.fixture(params=["file", "s3"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store as another process would."""
    if request.param == "file":
        return lambda: FileStore(tmp_path / "state")
    made: Bucket = request.getfixturevalue("bucket")
    return made.store


@pytest.fixture
def store(again: Open) -> StateStore:
    return again()


class TestBlobs:
    """Named bytes that are replaced only by whoever has seen them."""

    def test_one_reads_back_with_a_version_that_follows_its_content(self, store: StateStore, again: Open) -> None:
        assert store.read("ledger.json") is None
        first = store.write("ledger.json", b"one", None)
        blob = again().read("ledger.json")
        assert blob is not None
        assert (blob.data, blob.version) == (b"one", first)
        assert again().write("ledger.json", b"two", first) != first

    @pytest.mark.parametrize("expected", [None, '"an older version"'])
    def test_a_write_on_another_version_is_refused_and_changes_nothing(
        self, store: StateStore, again: Open, expected: str | None
    ) -> None:
        store.write("ledger.json", b"one", None)
        with pytest.raises(LedgerConflict) as caught:
            again().write("ledger.json", b"two", expected)
        assert caught.value.code == "L003"
        assert caught.value.fix
        found = store.read("ledger.json")
        assert found is not None
        assert found.data == b"one"

    def test_of_two_who_have_seen_the_same_only_one_writes(self, store: StateStore, again: Open) -> None:
        version = store.write("ledger.json", b"seen by both", None)
        store.write("ledger.json", b"mine", version)
        with pytest.raises(LedgerConflict):
            again().write("ledger.json", b"yours", version)

    def test_a_write_on_what_was_removed_is_refused(self, store: StateStore) -> None:
        version = store.write("ledger.json", b"one", None)
        store.delete("ledger.json")
        store.delete("ledger.json")
        with pytest.raises(LedgerConflict):
            store.write("ledger.json", b"two", version)
        assert store.read("ledger.json") is None


class TestLogs:
    """Bytes that are only added to."""

    def test_one_grows_is_rewritten_and_removed(self, store: StateStore, again: Open) -> None:
        assert store.read_log(NAME) == b""
        assert store.size(NAME) == 0
        store.append(NAME, b"a\n")
        store.append(NAME, b"bc\n")
        assert again().read_log(NAME) == b"a\nbc\n"
        assert again().size(NAME) == 5
        store.rewrite_log(NAME, b"a\n")
        assert again().read_log(NAME) == b"a\n"
        store.append(NAME, b"d\n")
        assert again().read_log(NAME) == b"a\nd\n"
        store.delete(NAME)
        store.delete(NAME)
        assert again().read_log(NAME) == b""
        store.append(NAME, b"anew\n")
        assert again().read_log(NAME) == b"anew\n"

    def test_another_goes_on_where_one_stopped(self, store: StateStore, again: Open) -> None:
        for number in range(3):
            again().append(NAME, b"%d\n" % number)
        assert store.read_log(NAME) == b"0\n1\n2\n"

    @pytest.mark.parametrize(
        ("size", "end"), [(0, b""), (1, b"g"), (3, b"efg"), (4, b"defg"), (7, b"abcdefg"), (99, b"abcdefg")]
    )
    def test_the_end_is_read_alone(self, store: StateStore, size: int, end: bytes) -> None:
        assert store.read_end("log.ndjson", 5) == b""
        for piece in (b"abc", b"", b"de", b"fg"):
            store.append("log.ndjson", piece)
        assert store.read_end("log.ndjson", size) == end

    def test_parts_that_were_put_aside_stay_as_they_were(self, store: StateStore, again: Open) -> None:
        store.rotate("audit.ndjson")
        assert store.parts("audit.ndjson") == []
        for number in range(3):
            store.append("audit.ndjson", b"%d" % number)
            store.append("audit.ndjson", b"\n")
            store.rotate("audit.ndjson")
        store.append("audit.ndjson", b"last\n")
        names = ["audit.00001.ndjson", "audit.00002.ndjson", "audit.00003.ndjson"]
        assert again().parts("audit.ndjson") == names
        assert [again().read_log(name) for name in names] == [b"0\n", b"1\n", b"2\n"]
        assert (again().read_log("audit.ndjson"), again().size("audit.ndjson")) == (b"last\n", 5)
        assert store.read_end("audit.00002.ndjson", 2) == b"1\n"
        assert store.parts(NAME) == []

    def test_names_that_begin_alike_are_logs_of_their_own(self, store: StateStore) -> None:
        store.append("audit.ndjson", b"a")
        store.append("audit.ndjson2", b"b")
        assert store.read_log("audit.ndjson") == b"a"


def lost(lease: Lease) -> LeaseLost:
    """Come back with what the lease says once it knows that it is lost."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            lease.confirm()
        except LeaseLost as error:
            return error
        time.sleep(0.02)
    raise AssertionError("it is still held")


class TestLease:
    """The right to write."""

    def test_it_keeps_others_out_and_says_who_has_it(self, store: StateStore, again: Open) -> None:
        assert store.holder() is None
        with store.lease("ada@host", "apply run 7", 0) as lease:
            lease.confirm()
            assert str(again().holder()).startswith("held by ada@host (process ")
            with pytest.raises(LedgerLocked) as caught, again().lease("bob@host", "apply", 0):
                pass
            assert "ada@host" in caught.value.message
            assert "apply run 7" in caught.value.message
            assert "--lock-timeout" in caught.value.fix
            lease.confirm()
        assert again().holder() is None
        with again().lease("bob@host", "apply", 0):
            assert str(store.holder()).startswith("held by bob@host")

    def test_it_is_given_back_when_what_it_was_for_fails(self, store: StateStore, again: Open) -> None:
        with pytest.raises(ZeroDivisionError), store.lease("ada@host", "apply", 0):
            raise ZeroDivisionError
        with again().lease("bob@host", "apply", 0):
            pass

    def test_it_names_the_pipeline_run(self, store: StateStore, again: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI_JOB_URL", "https://ci.example/jobs/7")
        monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
        with store.lease("ada@host", "apply", 0):
            found = again().holder()
        assert found is not None
        assert found.run == "https://ci.example/jobs/7"
        assert "in https://ci.example/jobs/7 since" in str(found)

    def test_who_broke_it_is_told_whose_it_was_and_its_holder_that_it_is_gone(
        self, store: StateStore, again: Open
    ) -> None:
        assert again().break_lease() is None
        with store.lease("ada@host", "apply", 0) as lease:
            broken = again().break_lease()
            assert broken is not None
            assert (broken.owner, broken.purpose) == ("ada@host", "apply")
            assert lost(lease).code == "L004"
            with again().lease("bob@host", "apply", _PATIENCE_SECONDS) as other:
                other.confirm()
                with pytest.raises(LeaseLost):
                    lease.confirm()
        with again().lease("cem@host", "apply", _PATIENCE_SECONDS):
            pass

    def test_who_has_it_again_goes_on_behind_what_others_added_meanwhile(self, store: StateStore, again: Open) -> None:
        other = again()
        for turn in (b"1\n", b"2\n"):
            for holder in (store, other):
                with holder.lease("ada@host", "apply", 0):
                    holder.append(NAME, turn)
        assert store.read_log(NAME) == b"1\n1\n2\n2\n"

    def test_a_freeze_keeps_everybody_out_until_it_is_thawed(self, store: StateStore, again: Open) -> None:
        assert store.thaw() is None
        store.freeze(Holder("ada@host", "migration tonight", "2026-01-01T00:00:00Z", frozen=True))
        with pytest.raises(LedgerLocked, match="migration tonight"), again().lease("bob@host", "apply", 0):
            pass
        with pytest.raises(LedgerLocked):
            again().freeze(Holder("bob@host", "again", "2026-01-01T00:00:00Z", frozen=True))
        frozen = again().holder()
        assert frozen is not None
        assert frozen.frozen
        thawed = again().thaw()
        assert thawed is not None
        assert thawed.owner == "ada@host"
        assert store.thaw() is None
        with store.lease("bob@host", "apply", 0):
            pass

    def test_no_freeze_while_somebody_works(self, store: StateStore, again: Open) -> None:
        with store.lease("ada@host", "apply", 0), pytest.raises(LedgerLocked):
            again().freeze(Holder("bob@host", "now", "2026-01-01T00:00:00Z", frozen=True))
        assert store.thaw() is None

    def test_an_unreadable_freeze_still_freezes(self, store: StateStore, again: Open) -> None:
        store.write("freeze.json", b"{", None)
        with pytest.raises(LedgerLocked, match="unreadable"), again().lease("bob@host", "apply", 0):
            pass


class TestState:
    """Ledger, journal and audit log on a store."""

    def test_the_ledger_is_written_by_whoever_read_it_last(self, store: StateStore, again: Open) -> None:
        key = Key("Dataset", "people")
        writer = LedgerWriter(store, load_ledger(store, stack="desk", target="t"))
        other = LedgerWriter(again(), load_ledger(again(), stack="desk", target="t"))
        writer.put(key, Entry(key, "d1", {"name": "people"}))
        writer.save()
        other.put(key, Entry(key, "d2", {"name": "people"}))
        with pytest.raises(LedgerConflict):
            other.save()
        assert load_ledger(again(), stack="desk", target="t").entries[key].id == "d1"

    def test_a_journal_is_gone_on_with_by_another(self, store: StateStore, again: Open) -> None:
        key = Key("Dataset", "people")

        async def begin() -> None:
            journal = Journal(store)
            journal.begin({"run": "r1", "started": "2026-01-01T00:00:00Z"}, NO_CHANGES)
            async with anyio.create_task_group() as group:
                for number in range(20):
                    record = entry_record(key, Entry(key, f"d{number}", {}), None)
                    group.start_soon(journal.append, record)

        anyio.run(begin)
        assert not ended(again())
        state = open_journal(again())
        assert state is not None
        assert {entry.id for _, entry, _ in state.entries if entry} == {f"d{number}" for number in range(20)}

        async def go_on() -> None:
            journal = Journal(again())
            journal.resume()
            await journal.append({"record": "done", "key": str(key)})
            journal.end()

        anyio.run(go_on)
        assert ended(store)
        assert open_journal(store) is None
        findings = {item.subject: item for item in check_state(again(), stack="desk", target="t")}
        assert findings["journal"].message == "the last apply came to its end"

    def test_an_audit_log_goes_on_over_parts_and_runs(
        self, store: StateStore, again: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "PART_BYTES", 2000)
        head = ""
        for run in range(4):
            log = AuditLog(again(), actor="ada@host", head=head)
            for number in range(6):
                log.add("change", at="2026-01-01T00:00:00Z", resource=f"Dataset/d{number}", run=run)
                if number % 2:
                    head = log.flush()
        records, problems = read_audit(again())
        assert (len(records), problems) == (24, [])
        assert len(store.parts("audit.ndjson")) > 1
        assert verify(records, head) == []
        store.rewrite_log("audit.ndjson", b"")
        assert verify(read_audit(again())[0], head) != []
