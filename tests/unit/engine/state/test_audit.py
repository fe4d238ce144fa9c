"""The audit log: any change, removal or reordering of its records breaks the chain."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.state.audit import GENESIS, NAME, AuditLog, read_audit, verify
from reconciler.engine.state.file_store import FileStore


def filled(tmp_path, count: int = 5) -> tuple[FileStore, str]:
    store = FileStore(tmp_path)
    log = AuditLog(store, actor="ada@host")
    for number in range(count):
        log.add("request", method="PATCH", path=f"/api/{number}", status=200)
    log.flush()
    return store, log.head


def test_records_chain_over_several_runs(tmp_path) -> None:
    store, first = filled(tmp_path)
    log = AuditLog(store, actor="bob@host")
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


def test_a_torn_last_line_is_cut_off_before_more_is_written(tmp_path) -> None:
    store, _ = filled(tmp_path)
    store.append(NAME, b'{"seq": 6, "torn')
    log = AuditLog(store, actor="bob@host")
    log.add("forget", resource="Dataset/x")
    log.flush()
    records, problems = read_audit(store)
    assert problems == []
    assert len(records) == 6
    assert verify(records, log.head) == []


def test_a_line_that_is_no_record_is_reported(tmp_path) -> None:
    store, head = filled(tmp_path)
    lines = store.read_log(NAME).split(b"\n")
    lines[1] = b"not json"
    lines[2] = orjson.dumps({"no": "record"})
    store.rewrite_log(NAME, b"\n".join(lines))
    records, problems = read_audit(store)
    assert problems == ["line 2 does not read back", "line 3 does not read back"]
    assert verify(records, head)
