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
    line_of_group,
    open_journal,
    pin_to_json,
    read_journal,
    replay,
    salvage,
)
from reconciler.errors import LedgerDamaged, StorageError

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


def test_lines_of_which_not_even_the_first_reads_back_are_damage() -> None:
    """Whatever a crash leaves of the header, it leaves no two lines of it."""
    with pytest.raises(LedgerDamaged):
        replay(b"garbage\ngarbage\n")


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
    keys = [Key("Dataset", f"d{number}") for number in range(50)]

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(journal.append, {**intent(0), "key": str(key)}, {"record": "done", "key": str(key)})

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.done == state.steps.keys() == set(keys)
    assert len(store.read_log(NAME).splitlines()) < 20


class Failing(FileStore):
    """A store whose disk is full for a while."""

    full = False

    def append(self, name: str, data: bytes) -> None:
        if self.full:
            raise StorageError("no space left", fix="make room on the disk")
        super().append(name, data)


def test_a_failed_write_fails_for_all_who_share_it_and_for_all_who_come_later(tmp_path) -> None:
    """Nobody may take a record for durable that is not, also once there is room again."""
    store = Failing(tmp_path)
    failures = []

    async def attempt(journal: Journal, step: int) -> None:
        try:
            await journal.append(intent(step))
        except StorageError as error:
            failures.append((step, error.message, error.fix))

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        store.full = True
        async with anyio.create_task_group() as group:
            for step in range(5):
                group.start_soon(attempt, journal, step)
        store.full = False
        await attempt(journal, 5)
        with pytest.raises(StorageError):
            journal.end()

    anyio.run(work)
    fix = "make room on the disk; then `reconciler apply --resume`"
    assert sorted(failures) == [(step, "no space left", fix) for step in range(6)]
    state = open_journal(store)
    assert state is not None
    assert not state.steps


def test_what_is_noted_becomes_durable_with_the_next_record_and_before_it(tmp_path) -> None:
    store = FileStore(tmp_path)

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        begun = store.read_log(NAME)
        journal.note(outcome(0, "applied"), {"record": "done", "key": str(KEY)})
        assert store.read_log(NAME) == begun
        await journal.append(intent(1))

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.done == {KEY}
    assert (state.steps[KEY].index, state.steps[KEY].outcome) == (1, None)


def test_settling_makes_durable_what_was_noted_and_writes_nothing_else(tmp_path) -> None:
    store = FileStore(tmp_path)

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        journal.note(outcome(0, "applied"))
        await journal.settle()
        settled = store.read_log(NAME)
        await journal.settle()
        assert store.read_log(NAME) == settled

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.steps[KEY].outcome == "applied"


def test_what_was_noted_before_a_write_that_failed_is_never_taken_for_durable(tmp_path) -> None:
    store = Failing(tmp_path)

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "plan": {}})
        journal.note(outcome(0, "applied"))
        store.full = True
        with pytest.raises(StorageError):
            await journal.append(intent(1))
        store.full = False
        with pytest.raises(StorageError, match="no space left"):
            await journal.settle()

    anyio.run(work)
    state = open_journal(store)
    assert state is not None
    assert not state.steps


@pytest.mark.parametrize("torn", [b"12345678 {torn", b"12345678 {torn}\n", b"\0\0\n\0\0\n\0"])
def test_a_new_run_replaces_an_ended_journal_and_resuming_cuts_a_torn_end(tmp_path, torn: bytes) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1", "plan": {}})
    Journal(store).end()
    assert open_journal(store) is None
    Journal(store).begin({"run": "r2", "plan": {}})
    assert open_journal(store) is not None
    store.append(NAME, torn)
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


def test_what_stands_before_damage_can_be_salvaged() -> None:
    entry = Entry(KEY, "d1", {"name": "tickets"})
    good = HEADER + line_of(entry_record(KEY, entry, None))
    state = salvage(good + b"damage\n" + line_of({"record": "done", "key": str(KEY)}))
    assert state is not None
    assert state.entries == [(KEY, entry, None)]
    assert not state.done
    newer = salvage(good + line_of({"record": "something new"}))
    assert newer is not None
    assert newer.entries == state.entries
    assert salvage(b"damage\n" + good) is None


@pytest.mark.parametrize(("what", "undecided"), [(None, True), ("unknown", True), ("applied", False), ("stale", False)])
def test_what_is_undecided(what: str | None, undecided: bool) -> None:
    state = replay(HEADER + line_of_group([intent(0), *([outcome(0, what)] if what else [])]))
    assert state is not None
    assert state.undecided == ((KEY,) if undecided else ())
