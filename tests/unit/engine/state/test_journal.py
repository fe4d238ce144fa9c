"""The journal: durable before sent, honest about what is not known, torn ends dropped, damage refused."""

import anyio
import pytest

from reconciler.core.resource import Entry, Key
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import entry_record, open_journal, replay, salvage
from reconciler.engine.state.journal_lines import NAME, line_of, line_of_group
from reconciler.engine.state.journal_writer import Journal
from reconciler.errors import LedgerDamaged
from tests.support.journals import KEY, NO_CHANGES, PIN, intent, outcome

HEADER = line_of({"record": "header", "format_version": 1, "run": "r1", "plan": {}})


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


def test_a_journal_that_ended_is_known_by_its_last_line_alone(tmp_path, monkeypatch) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1"}, NO_CHANGES)
    Journal(store).end()
    monkeypatch.setattr(FileStore, "read_log", lambda *_: pytest.fail("the whole journal was read"))
    assert open_journal(store) is None


@pytest.mark.parametrize("left", ["", "torn"])
def test_a_journal_whose_last_line_is_another_is_open(tmp_path, left: str) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1"}, NO_CHANGES)
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
