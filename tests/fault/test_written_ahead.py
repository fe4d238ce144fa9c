"""Intents that are on record before their turn: what a process left of them is gone on with, and nobody else's work is taken for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from reconciler.engine.planner import Request
from reconciler.engine.resuming import progress_of
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import open_journal
from tests.support.crashing import Crash, CrashingStore, Fate
from tests.support.project import manifest
from tests.support.tenant_project import connector
from tests.support.worlds import (
    Bound,
    Shelf,
    TenantServer,
    Wire,
    apply_fresh,
    applying,
    entries,
    plan,
    resume,
    session,
    unsynced,
)

NAMES = ["aa", "bb", "cc", "dd", "ee"]


def table(name: str, **more: Any) -> dict[str, Any]:
    """A table of which little is declared."""
    return manifest("Dataset", name, {"primaryKey": "id", "columns": {"id": "string"}, **more})


TABLES = [table(name) for name in NAMES]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with unsynced():
        yield Shelf(tmp_path)


def died(
    shelf: Shelf, bound: Bound, server: TenantServer, at: str, *, parallelism: int, start: Path | None = None
) -> FileStore:
    """What is left of an apply that died before it sent a request, named by its method and its ordinal among those."""
    method, _, ordinal = at.partition(" ")
    kept: list[Path] = []
    folder = shelf.folder(start)
    fate = Fate(at_death=lambda: kept.append(shelf.folder(folder)))
    seen = 0

    def around(words: str, done: bool) -> None:
        nonlocal seen
        seen += not done and words.startswith(f"{method} /api")
        if seen == int(ordinal) and not done:
            fate.die()
        fate.around(words, done)

    store = CrashingStore(FileStore(folder), fate)
    with pytest.raises(Crash):
        apply_fresh(session(bound.workspace, store, Wire(server, around), bound.environ), parallelism=parallelism)
    return FileStore(kept[0])


def intents(store: FileStore) -> list[tuple[str, int]]:
    """Key and step of all intents in a journal, in their order."""
    lines = [orjson.loads(line.partition(b" ")[2]) for line in store.read_log("journal.ndjson").splitlines()]
    records = [item for line in lines for item in (line["records"] if line["record"] == "group" else [line])]
    return [(item["key"], item["step"]) for item in records if item["record"] == "intent"]


@pytest.mark.parametrize("parallelism", [1, 2])
def test_what_somebody_made_before_it_was_sent_is_theirs(shelf: Shelf, parallelism: int) -> None:
    """It holds all that we declare, and more; the next plan would delete it if it were taken for ours."""
    bound, server = shelf.bound(TABLES), TenantServer()
    store = died(shelf, bound, server, "POST 1", parallelism=parallelism)
    state = open_journal(store)
    assert state is not None
    assert "cc" in {key.name for key in state.ahead}
    assert "cc" in {key.name for key in state.undecided}
    theirs = shelf.bound([table("cc", description="made by hand")], stack="other")
    apply_fresh(session(theirs.workspace, FileStore(shelf.folder()), Wire(server), theirs.environ))
    report = resume(session(bound.workspace, store, Wire(server), bound.environ), parallelism=parallelism)
    outcomes = {item.key.name: (item.outcome, item.message) for item in report.results}
    assert outcomes.pop("cc") == ("stale", "a resource of that name exists now")
    assert {outcome for outcome, _ in outcomes.values()} == {"applied"}
    assert sorted(entries(store, server)) == [f"Dataset/{name}" for name in NAMES if name != "cc"]
    without = shelf.bound([table for table in TABLES if table["metadata"]["name"] != "cc"])
    assert plan(session(without.workspace, store, Wire(server), without.environ)).changes == ()


def test_who_is_asked_to_stop_leaves_nothing_open_that_was_not_sent(shelf: Shelf) -> None:
    bound, server, store = shelf.bound(TABLES), TenantServer(), FileStore(shelf.folder())

    def around(words: str, done: bool) -> None:
        if done and words.startswith("POST /api"):
            running.stop.ask("interrupted", signal=signal.SIGINT)

    running = applying(session(bound.workspace, store, Wire(server, around), bound.environ))
    report = running.fresh(Request(), "", lambda _: True)
    assert report is not None
    assert [item.outcome for item in report.results] == ["applied", *["skipped"] * 4]
    state = open_journal(store)
    assert state is not None
    assert (state.undecided, len(intents(store))) == ((), 3)


def test_a_change_that_had_begun_does_not_begin_again(shelf: Shelf) -> None:
    """Three changes of two steps die in their second; who goes on with one writes nothing down of the other's first."""
    before = [connector(name, lifecycleStatus="DRAFT") for name in NAMES[:3]]
    after = [connector(name, description="second") for name in NAMES[:3]]
    first, server, start = shelf.bound(before), TenantServer(), shelf.folder()
    apply_fresh(session(first.workspace, FileStore(start), Wire(server), first.environ))
    bound = shelf.bound(after)
    store = died(shelf, bound, server, "PATCH 6", parallelism=3, start=start)
    state = open_journal(store)
    assert state is not None
    begun = {str(key): progress_of(state, key).step for key in state.steps}
    assert sorted(begun.values()) == [1, 1, 1]
    known = len(intents(store))
    resume(session(bound.workspace, store, Wire(server), bound.environ))
    assert all(step >= begun[key] for key, step in intents(store)[known:])
