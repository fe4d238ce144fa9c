"""Intents: on record before anything is sent, and few waits for many of them."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from reconciler.core.plan import Change, Step
from reconciler.core.resource import NOTHING_THERE, Entry, Key, Pin
from reconciler.core.values import Secret, Tree
from reconciler.engine.intents import ROUNDS, Intents, idempotency_key
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import JournalState, read_journal
from reconciler.engine.state.journal_writer import Journal
from reconciler.errors import StorageError
from tests.support.journals import NO_CHANGES

SEEN = Pin("etag", "e1", "d1")
TABLE: Tree = {"name": "table"}


class Counting(FileStore):
    """A store that counts what is added to its journal, fails when told to, and can be held up."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.appended = 0
        self.broken = False
        self.held = threading.Event()
        self.held.set()

    def append(self, name: str, data: bytes) -> None:
        self.held.wait()
        if self.broken:
            raise StorageError("the disk is full", fix="make room")
        self.appended += 1
        super().append(name, data)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


def begun(
    store: Counting, changes: list[Change], *, parallelism: int = 1, entries: dict[Key, Entry] | None = None
) -> Intents:
    """A run that is about to send the first of these changes."""
    journal = Journal(store)
    journal.begin({"run": "r1"}, NO_CHANGES)
    store.appended = 0
    intents = Intents(journal, "r1", parallelism, (entries or {}).get)
    for change in changes:
        intents.ready(change)
    return intents


def created(name: str, body: Tree = TABLE) -> Change:
    return Change(Key("Dataset", name), "create", name, steps=(Step("create", body),))


def updated(name: str, body: Tree, pin: Pin = SEEN) -> Change:
    return Change(Key("Dataset", name), "update", name, "d1", pin, (Step("update", body),))


async def send(intents: Intents, change: Change, pin: Pin | None = None, step: int = 0) -> None:
    """Say that a change's request is about to be sent."""
    key, operation = change.key, change.steps[step].operation
    pinned = pin or (NOTHING_THERE if operation == "create" else change.pin)
    await intents.intend(key, step, operation, pinned, idempotency_key("r1", key, step))


def state_of(store: Counting) -> JournalState:
    state = read_journal(store)
    assert state is not None
    return state


def on_record(store: Counting) -> list[str]:
    """The names of all whose intents are durable, sent or not."""
    state = state_of(store)
    return [key.name for key in (*state.steps, *state.ahead)]


def test_what_comes_next_is_written_with_the_first_and_waits_for_nothing(store: Counting) -> None:
    entry = Entry(Key("Dataset", "e"), "d5", {})
    changes = [*map(created, "abcd"), updated("e", {"description": "x"}), Change(entry.key, "delete", "e")]

    async def work() -> None:
        intents = begun(store, changes[:5], parallelism=2, entries={entry.key: entry})
        await send(intents, changes[0])
        state = state_of(store)
        first, *created_ahead, updated_ahead = (change.key for change in changes[:5])
        assert (list(state.steps), list(state.ahead)) == ([first, updated_ahead], created_ahead)
        assert state.undecided == (first, updated_ahead, *created_ahead)
        assert (state.steps[entry.key].pin, state.steps[entry.key].resource_id) == (SEEN, "d5")
        assert state.ahead[changes[1].key].pin == NOTHING_THERE
        for change in changes[1:5]:
            await send(intents, change)

    anyio.run(work)
    assert store.appended == 1


def test_only_so_much_is_written_ahead_and_one_alone_waits_for_more(store: Counting) -> None:
    changes = [created(f"table-{number:03}") for number in range(200)]
    most = []

    async def work() -> None:
        intents = begun(store, changes, parallelism=10)
        for number, change in enumerate(changes, 1):
            await send(intents, change)
            assert change.key.name in on_record(store)
            most.append(len(on_record(store)) - number)

    anyio.run(work)
    assert max(most) == ROUNDS * 10
    assert store.appended <= 200 // 10


@pytest.mark.parametrize(
    "other",
    [
        updated("x", {"description": "x"}, Pin("compare", "", "d1")),
        updated("x", {"credentials": {"password": Secret("env:A", "a", "f")}}),
        created("x", {"name": "x", "list": [{"deep": Secret("env:A", "a", "f")}]}),
        Change(Key("Dataset", "x"), "adopt", "x"),
    ],
    ids=["compared", "secret", "deep secret", "nothing to send"],
)
def test_what_live_state_cannot_settle_is_not_written_before_its_turn(store: Counting, other: Change) -> None:
    async def work() -> None:
        intents = begun(store, [created("a"), other, created("b")])
        await send(intents, created("a"))
        assert on_record(store) == ["a", "b"]
        if other.steps:
            await send(intents, other)
            assert sorted(on_record(store)) == ["a", "b", "x"]

    anyio.run(work)


def test_a_request_other_than_foreseen_is_written_anew(store: Counting) -> None:
    moved, change = Pin("etag", "e2", "d2"), updated("b", {"description": "x"})

    async def work() -> None:
        intents = begun(store, [created("a"), change])
        await send(intents, created("a"))
        await send(intents, change, moved)
        assert state_of(store).steps[change.key].pin == moved
        await send(intents, change, moved)

    anyio.run(work)
    assert store.appended == 3


def test_the_journal_knows_whose_turn_came_among_the_creates_that_were_written_ahead(store: Counting) -> None:
    changes = [*map(created, "abc")]
    seen = []

    async def work() -> None:
        intents = begun(store, changes)
        for change in changes[:2]:
            await send(intents, change)
            state = state_of(store)
            seen.append(([key.name for key in state.steps], [key.name for key in state.ahead]))
        await intents.journal.settle()

    anyio.run(work)
    # Not durable before its request is sent, which then begins anew with the same key.
    assert seen == [(["a"], ["b", "c"])] * 2
    assert [key.name for key in state_of(store).steps] == ["a", "b"]
    assert [key.name for key in state_of(store).ahead] == ["c"]


def test_what_will_not_be_sent_any_more_is_withdrawn(store: Counting) -> None:
    changes = [*map(created, "abc")]

    async def work() -> None:
        intents = begun(store, changes)
        await send(intents, changes[0])
        await send(intents, changes[1])
        intents.withdraw()
        await intents.journal.settle()

    anyio.run(work)
    assert state_of(store).undecided == (changes[0].key, changes[1].key)


def test_nothing_more_is_sent_once_the_journal_failed_not_even_what_is_on_record(store: Counting) -> None:
    changes = [*map(created, "ab")]

    async def work() -> None:
        intents = begun(store, changes)
        await send(intents, changes[0])
        store.broken = True
        with pytest.raises(StorageError):
            await send(intents, created("late"))
        with pytest.raises(StorageError, match="the disk is full"):
            await send(intents, changes[1])

    anyio.run(work)


@pytest.mark.parametrize("broken", [False, True])
def test_who_is_being_written_down_waits_for_that_and_for_nothing_else(store: Counting, broken: bool) -> None:
    changes = [*map(created, "abc")]
    sent: list[str] = []

    async def work() -> None:
        intents = begun(store, changes)

        async def turn(change: Change) -> None:
            try:
                await send(intents, change)
            except StorageError:
                sent.append(f"not {change.key.name}")
            else:
                sent.append(change.key.name)

        store.held.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(turn, changes[0])
            await anyio.wait_all_tasks_blocked()
            group.start_soon(turn, changes[1])
            group.start_soon(turn, changes[2])
            await anyio.wait_all_tasks_blocked()
            assert sent == []
            store.broken = broken
            store.held.set()

    anyio.run(work)
    assert sorted(sent) == (["not a", "not b", "not c"] if broken else ["a", "b", "c"])
    assert store.appended == (0 if broken else 1)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_no_more_answers_wait_to_be_durable_than_requests_are_sent_at_once(store: Counting, parallelism: int) -> None:
    changes = [created(f"table-{number:02}") for number in range(20)]

    async def work() -> None:
        intents = begun(store, changes, parallelism=parallelism)
        for number, change in enumerate(changes):
            await send(intents, change)
            assert number - len(state_of(store).done) < parallelism
            intents.journal.note({"record": "done", "key": str(change.key)})

    anyio.run(work)


def test_while_much_is_being_written_no_more_answers_wait_than_twice_that(store: Counting) -> None:
    changes = [created(f"table-{number:02}") for number in range(60)]
    most = []

    async def work() -> None:
        intents = begun(store, changes, parallelism=5)
        turns = iter(changes)

        async def worker() -> None:
            for change in turns:
                await send(intents, change)
                intents.journal.note({"record": "done", "key": str(change.key)})
                most.append(intents.journal.noted)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(worker)
            for _ in range(60):
                store.held.clear()
                await anyio.wait_all_tasks_blocked()
                store.held.set()
                await anyio.wait_all_tasks_blocked()

    anyio.run(work)
    assert len(on_record(store)) == 60
    assert max(most) <= 2 * 5


def test_whose_turn_came_while_it_was_being_written_has_begun(store: Counting) -> None:
    moved, change = Pin("etag", "e2", "d2"), updated("b", {"description": "x"})

    async def work() -> None:
        intents = begun(store, [created("a"), change])
        store.held.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(send, intents, created("a"))
            await anyio.wait_all_tasks_blocked()
            group.start_soon(send, intents, change, moved)
            await anyio.wait_all_tasks_blocked()
            store.held.set()
        intents.withdraw()
        await intents.journal.settle()

    anyio.run(work)
    assert state_of(store).steps[change.key].pin == moved
