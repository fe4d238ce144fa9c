"""Writing a journal: durable before sent, together with whoever else waits, and nothing after a write that failed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from reconciler.core.plan import Change, Header, Plan, Step
from reconciler.core.resource import Entry, Key
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import FORMAT_VERSION, entry_record, open_journal, read_journal
from reconciler.engine.state.journal_lines import NAME, line_of
from reconciler.engine.state.journal_writer import Journal
from reconciler.errors import PlanFileError, StorageError
from tests.support.journals import KEY, NO_CHANGES, intent, outcome


def begun(store: FileStore) -> Journal:
    journal = Journal(store)
    journal.begin({"run": "r1"}, NO_CHANGES)
    return journal


def test_appenders_share_writes_and_all_records_are_durable(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    keys = [Key("Dataset", f"d{number}") for number in range(50)]

    async def work() -> None:
        journal = begun(store)
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


def test_a_failed_write_fails_for_all_who_share_it_and_for_all_who_come_later(tmp_path: Path) -> None:
    """Nobody may take a record for durable that is not, also once there is room again."""
    store = Failing(tmp_path)
    failures = []

    async def attempt(journal: Journal, step: int) -> None:
        try:
            await journal.append(intent(step))
        except StorageError as error:
            failures.append((step, error.message, error.fix))

    async def work() -> None:
        journal = begun(store)
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


def test_what_is_noted_becomes_durable_with_the_next_record_and_before_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    async def work() -> None:
        journal = begun(store)
        so_far = store.read_log(NAME)
        journal.note(outcome(0, "applied"), {"record": "done", "key": str(KEY)})
        assert store.read_log(NAME) == so_far
        await journal.append(intent(1))

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.done == {KEY}
    assert (state.steps[KEY].index, state.steps[KEY].outcome) == (1, None)


def test_settling_makes_durable_what_was_noted_and_writes_nothing_else(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    async def work() -> None:
        journal = begun(store)
        journal.note(outcome(0, "applied"))
        await journal.settle()
        settled = store.read_log(NAME)
        await journal.settle()
        assert store.read_log(NAME) == settled

    anyio.run(work)
    state = read_journal(store)
    assert state is not None
    assert state.steps[KEY].outcome == "applied"


def test_what_was_noted_before_a_write_that_failed_is_never_taken_for_durable(tmp_path: Path) -> None:
    store = Failing(tmp_path)

    async def work() -> None:
        journal = begun(store)
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
def test_a_new_run_replaces_an_ended_journal_and_resuming_cuts_a_torn_end(tmp_path: Path, torn: bytes) -> None:
    store = FileStore(tmp_path)
    Journal(store).begin({"run": "r1"}, NO_CHANGES)
    Journal(store).end()
    assert open_journal(store) is None
    Journal(store).begin({"run": "r2"}, NO_CHANGES)
    assert open_journal(store) is not None
    store.append(NAME, torn)
    journal = Journal(store)
    journal.resume()
    anyio.run(journal.append, intent(0))
    state = read_journal(store)
    assert state is not None
    assert state.run_id == "r2"
    assert KEY in state.steps


def test_what_was_noted_is_written_though_whoever_settles_is_cancelled(tmp_path: Path) -> None:
    async def work(steps: int) -> None:
        store = FileStore(tmp_path / str(steps))
        journal = begun(store)
        journal.note(outcome(0, "applied"))
        async with anyio.create_task_group() as group:
            group.start_soon(journal.settle)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        await journal.settle()
        state = read_journal(store)
        assert state is not None
        assert state.steps[KEY].outcome == "applied"

    for steps in range(6):
        anyio.run(work, steps)


def test_what_was_noted_behind_a_write_that_broke_off_is_not_lost_with_it(tmp_path: Path) -> None:
    """Two wait for one write, which ends in what is no failure of the disk; meanwhile something is noted, and the other writes anew."""
    held, noted = threading.Event(), Key("Dataset", "noted")

    class BrokenOff(FileStore):
        broken = False

        def append(self, name: str, data: bytes) -> None:
            if self.broken:
                self.broken = False
                held.wait()
                raise MemoryError
            super().append(name, data)

    async def work() -> None:
        store = BrokenOff(tmp_path)
        journal = begun(store)
        store.broken = True

        async def first() -> None:
            with pytest.raises(MemoryError):
                await journal.append(intent(0))

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(journal.append, {"record": "done", "key": str(KEY)})
            await anyio.wait_all_tasks_blocked()
            journal.note({"record": "done", "key": str(noted)})
            held.set()
        await journal.settle()
        state = read_journal(store)
        assert state is not None
        assert state.done == {KEY, noted}
        assert KEY in state.steps

    anyio.run(work)


def test_a_journal_of_an_older_version_is_gone_on_with_in_this_ones_format(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.append(NAME, line_of({"record": "header", "format_version": 1, "run": "r1", "plan": {}}) + line_of(intent(0)))
    Journal(store).resume()
    state = read_journal(store)
    assert state is not None
    assert (state.header["format_version"], state.run_id, state.undecided) == (FORMAT_VERSION, "r1", (KEY,))
    before = store.read_log(NAME)
    Journal(store).resume()
    assert store.read_log(NAME) == before


@pytest.mark.parametrize("depth", range(245, 256))
def test_a_plan_is_refused_whose_entries_could_not_be_recorded(tmp_path: Path, depth: int) -> None:
    fields: dict[str, Any] = {}
    for _ in range(depth):
        fields = {"a": fields}
    entry = Entry(KEY, "d1", fields)
    plan = Plan(Header(), (Change(KEY, "create", "x", steps=(Step("create", {}),), entry=entry),))
    journal = Journal(FileStore(tmp_path))
    try:
        journal.begin({"run": "r1"}, plan)
    except PlanFileError:
        return
    journal.note(entry_record(KEY, entry, None), outcome(0, "applied"))
    anyio.run(journal.settle)
