"""The audit log: any change, removal or reordering of its records breaks the chain."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.state import audit
from reconciler.engine.state.audit import GENESIS, NAME, TAIL_BYTES, AuditLog, read_audit, verify
from reconciler.engine.state.file_store import FileStore
from reconciler.errors import StorageError


def filled(tmp_path, count: int = 5) -> tuple[FileStore, str]:
    store = FileStore(tmp_path)
    log = AuditLog(store, actor="ada@host", head="")
    for number in range(count):
        log.add("request", method="PATCH", path=f"/api/{number}", status=200)
    log.flush()
    return store, log.head


def test_records_chain_over_several_runs(tmp_path) -> None:
    store, first = filled(tmp_path)
    log = AuditLog(store, actor="bob@host", head=first)
    log.add("adopt", resource="Dataset/x")
    log.flush()
    records, problems = read_audit(store)
    assert [record["seq"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert problems == []
    assert records[5]["prev"] == first
    assert verify(records, log.head) == []
    assert verify(records, first) == []
    assert verify(records, "") == []


def test_a_shortened_log_lacks_the_head(tmp_path) -> None:
    store, head = filled(tmp_path)
    records, _ = read_audit(store)
    assert verify(records[:-1], head) == [
        "the head that the ledger remembers is missing: the log was shortened or replaced"
    ]
    assert verify([], head)
    assert verify([], GENESIS) == []


@given(data=st.data())
def test_every_tampering_is_found(tmp_path_factory, data) -> None:
    store, head = filled(tmp_path_factory.mktemp("audit"))
    records, _ = read_audit(store)
    what = data.draw(st.sampled_from(["change", "remove", "swap", "repeat"]))
    index = data.draw(st.integers(0, len(records) - 1))
    if what == "change":
        field = data.draw(st.sampled_from(sorted(records[index])))
        records[index] = {**records[index], field: "forged"}
    elif what == "remove":
        del records[index]
    elif what == "repeat":
        records.insert(index, records[index])
    else:
        other = data.draw(st.integers(0, len(records) - 1).filter(lambda n: n != index))
        records[index], records[other] = records[other], records[index]
    assert verify(records, head)


@pytest.mark.parametrize("torn", [b'{"seq": 6, "torn', b'{"seq": 6, "torn\n', b"\0\0\0\n\0\0\n", b"[]\n{}\n"])
def test_a_torn_end_is_cut_off_before_more_is_written(tmp_path, torn: bytes) -> None:
    store, head = filled(tmp_path)
    store.append(NAME, torn)
    log = AuditLog(store, actor="bob@host", head=head)
    log.add("forget", resource="Dataset/x")
    log.flush()
    records, problems = read_audit(store)
    assert problems == []
    assert len(records) == 6
    assert verify(records, log.head) == []


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_shortened_log_shows_its_gap_for_good(tmp_path, left: int) -> None:
    """What is written behind the gap must not heal the chain, though the ledger then remembers a head that is there."""
    store, head = filled(tmp_path)
    lines = store.read_log(NAME).splitlines(keepends=True)
    store.rewrite_log(NAME, b"".join(lines[:left]))
    log = AuditLog(store, actor="bob@host", head=head)
    log.add("apply-began")
    log.flush()
    again = AuditLog(store, actor="bob@host", head=log.head)
    again.add("apply-ended")
    again.flush()
    records, _ = read_audit(store)
    assert len(records) == left + 2
    assert verify(records, again.head) == [f"record {left + 1} does not follow the one before it"]


def test_records_that_could_not_be_written_are_written_later(tmp_path, monkeypatch) -> None:
    store, head = filled(tmp_path)
    log = AuditLog(store, actor="bob@host", head=head)
    log.add("apply-began")
    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "append", _full)
        with pytest.raises(StorageError):
            log.flush()
    log.add("apply-ended")
    log.flush()
    records, _ = read_audit(store)
    assert [record["action"] for record in records[5:]] == ["apply-began", "apply-ended"]
    assert verify(records, log.head) == []


def _full(*_: object) -> None:
    raise StorageError("no space left")


def test_a_line_that_is_no_record_is_reported(tmp_path) -> None:
    store, head = filled(tmp_path)
    lines = store.read_log(NAME).split(b"\n")
    lines[1] = b"not json"
    lines[2] = orjson.dumps({"no": "record"})
    store.rewrite_log(NAME, b"\n".join(lines))
    records, problems = read_audit(store)
    assert problems == ["line 2 does not read back", "line 3 does not read back"]
    assert verify(records, head)


def run(store: FileStore, head: str, count: int) -> str:
    """One run that writes records one by one; gives the new head."""
    log = AuditLog(store, actor="bob@host", head=head)
    for number in range(count):
        log.add("request", method="PATCH", path=f"/api/{number}", status=200)
        log.flush()
    return log.head


@pytest.fixture
def small(monkeypatch) -> None:
    """Logs of a few records only."""
    monkeypatch.setattr(audit, "PART_BYTES", 1000)


def test_a_large_log_is_put_aside_and_the_chain_goes_on(tmp_path, small) -> None:
    store, head = filled(tmp_path)
    for _ in range(3):
        head = run(store, head, 4)
    parts = store.parts(NAME)
    assert parts == [f"audit.{number:05}.ndjson" for number in range(1, len(parts) + 1)]
    assert len(parts) > 2
    assert all(0 < store.size(name) <= 1000 for name in (*parts[1:], NAME))
    records, problems = read_audit(store)
    assert ([record["seq"] for record in records], problems) == (list(range(1, 18)), [])
    assert verify(records, head) == []


@pytest.mark.parametrize("how", ["remove", "change", "empty"])
def test_what_happens_to_a_part_is_found(tmp_path, small, how: str) -> None:
    store, head = filled(tmp_path)
    head = run(store, head, 8)
    name = store.parts(NAME)[1]
    if how == "remove":
        store.delete(name)
    elif how == "change":
        store.rewrite_log(name, store.read_log(name).replace(b"/api/", b"/api2"))
    else:
        store.rewrite_log(name, b"garbage\n")
    records, problems = read_audit(store)
    assert problems + verify(records, head)
    assert problems == ([f"line 1 of {name} does not read back"] if how == "empty" else [])
    run(store, head, 1)
    assert verify(read_audit(store)[0], head), "what is written later does not heal it"


def test_a_crash_between_putting_aside_and_beginning_anew(tmp_path, small) -> None:
    store, head = filled(tmp_path)
    store.rotate(NAME)
    assert store.size(NAME) == 0
    head = run(store, head, 1)
    records, _ = read_audit(store)
    assert [record["seq"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert verify(records, head) == []


def test_the_head_of_a_ledger_that_lags_is_found_in_an_older_part(tmp_path, small) -> None:
    store, old = filled(tmp_path)
    run(store, old, 8)
    head = run(store, old, 1)
    records, _ = read_audit(store)
    assert verify(records, head) == []


def test_only_the_end_is_read(tmp_path, monkeypatch) -> None:
    store, head = filled(tmp_path, 1000)
    assert store.size(NAME) > 2 * TAIL_BYTES
    read = []
    monkeypatch.setattr(FileStore, "read_log", lambda *_: pytest.fail("the whole log was read"))
    real = FileStore.read_end
    monkeypatch.setattr(FileStore, "read_end", lambda self, name, size: read.append(size) or real(self, name, size))
    run(store, head, 1)
    assert read == [TAIL_BYTES]


def test_an_end_without_any_record_is_read_further(tmp_path) -> None:
    store, head = filled(tmp_path, 1000)
    size = store.size(NAME)
    store.append(NAME, b"\0" * (TAIL_BYTES * 2) + b"\n")
    head = run(store, head, 1)
    records, problems = read_audit(store)
    assert problems == []
    assert len(records) == 1001
    assert store.size(NAME) < size + 1000
    assert verify(records, head) == []


def test_what_is_added_while_others_are_written_waits_for_the_next_time(tmp_path: Path) -> None:
    class Slow(FileStore):
        """A store that takes its time."""

        def append(self, name: str, data: bytes) -> None:
            if not read_audit(self)[0]:
                log.add("meanwhile")
            super().append(name, data)

    store = Slow(tmp_path)
    log = AuditLog(store, actor="ada@host", head="")
    log.add("first")
    head = log.flush()
    records, _ = read_audit(store)
    assert [item["action"] for item in records] == ["first"]
    assert verify(records, head) == []
    assert log.flush() == log.head
    records, problems = read_audit(store)
    assert ([item["action"] for item in records], problems) == (["first", "meanwhile"], [])
    assert verify(records, log.head) == []
