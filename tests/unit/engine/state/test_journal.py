"""The journal: durable before sent, honest about what is not known, torn ends dropped, damage refused."""

import anyio
import pytest

from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import (
    NAME,
    Journal,
    entry_record,
    line_of,
    open_journal,
    pin_to_json,
    read_journal,
    replay,
)
from reconciler.errors import LedgerDamaged

KEY = Key("Dataset", "tickets")
HEADER = line_of({"record": "header", "format_version": 1, "run": "r1", "plan": {}})
PIN = Pin("etag", "abc", "dd")


def intent(step: int) -> dict[str, object]:
    return {"record": "intent", "key": str(KEY), "step": step, "id": "d1", "pin": pin_to_json(PIN)}


def outcome(step: int, what: str) -> dict[str, object]:
    return {"record": "outcome", "key": str(KEY), "step": step, "outcome": what, "id": "d1", "pin": pin_to_json(PIN)}


def test_an_intent_without_outcome_is_in_flight() -> None:
    state = replay(HEADER + line_of(intent(0)))
    assert state is not None
    assert state.steps[KEY].outcome is None
    assert state.steps[KEY].pin == PIN
    assert state.run_id == "r1"


def test_the_newest_step_counts() -> None:
    data = HEADER + line_of(intent(0)) + line_of(outcome(0, "applied")) + line_of(intent(1))
    state = replay(data)
    assert state is not None
    assert (state.steps[KEY].index, state.steps[KEY].outcome) == (1, None)


def test_entries_done_and_end_are_kept() -> None:
    entry = Entry(KEY, "d1", {"name": "tickets"})
    data = HEADER + line_of(entry_record(KEY, entry, Key("Dataset", "old")))
    data += line_of(entry_record(KEY, None, None)) + line_of({"record": "done", "key": str(KEY)})
    state = replay(data)
    assert state is not None
    assert state.entries == [(KEY, entry, Key("Dataset", "old")), (KEY, None, None)]
    assert state.done == {KEY}
    assert not state.ended
    ended = replay(data + line_of({"record": "end"}))
    assert ended is not None
    assert ended.ended


@pytest.mark.parametrize("cut", range(1, len(line_of(intent(0)))))
def test_a_torn_last_line_is_dropped(cut: int) -> None:
    state = replay(HEADER + line_of(intent(0))[:cut])
    assert state is not None
    assert not state.steps


def test_an_empty_or_torn_header_is_no_journal() -> None:
    assert replay(b"") is None
    assert replay(HEADER[:-5]) is None


@pytest.mark.parametrize(
    "data",
    [
        HEADER + b"00000000 {}\n" + line_of(intent(0)),
        HEADER + line_of(intent(0)).replace(b"d1", b"d2") + line_of(outcome(0, "applied")),
        HEADER + line_of({"record": "intent", "key": "nonsense"}),
        HEADER + line_of({"record": "something new", "key": str(KEY)}),
        line_of({"record": "header", "format_version": 99, "run": "r", "plan": {}}),
    ],
)
def test_damage_before_the_end_is_an_error(data: bytes) -> None:
    with pytest.raises(LedgerDamaged) as caught:
        replay(data + line_of({"record": "end"}))
    assert caught.value.code == "L001"


def test_appenders_share_writes_and_all_records_are_durable(tmp_path) -> None:
    store = FileStore(tmp_path)
    writes = []
    append = store.append

    def counted(name: str, data: bytes) -> None:
        writes.append(data.count(b"\n"))
        append(name, data)

    store.append = counted  # type: ignore[method-assign]

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        async with anyio.create_task_group() as group:
            for step in range(50):
                group.start_soon(journal.append, intent(step))

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.steps[KEY].index == 49
    assert sum(writes) == 51
    assert len(writes) < 20


def test_a_new_run_replaces_an_ended_journal_and_resuming_cuts_a_torn_end(tmp_path) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1", "plan": {}})
    Journal(store).end()
    assert open_journal(store) is None
    Journal(store).begin({"run": "r2", "plan": {}})
    assert open_journal(store) is not None
    store.append(NAME, b"12345678 {torn")
    journal = Journal(store)
    journal.resume()
    anyio.run(journal.append, intent(0))
    state = read_journal(store)
    assert state is not None
    assert state.run_id == "r2"
    assert KEY in state.steps


def test_a_journal_that_ended_is_known_by_its_last_line_alone(tmp_path, monkeypatch) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1", "plan": {}})
    Journal(store).end()
    monkeypatch.setattr(FileStore, "read_log", lambda *_: pytest.fail("the whole journal was read"))
    assert open_journal(store) is None


@pytest.mark.parametrize("left", ["", "torn"])
def test_a_journal_whose_last_line_is_another_is_open(tmp_path, left: str) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1", "plan": {}})
    anyio.run(Journal(store).append, intent(0))
    store.append(NAME, line_of({"record": "end"})[: -1 if left else 0])
    assert open_journal(store) is not None
