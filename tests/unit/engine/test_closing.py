"""Behind the last change: what was answered is compared while listings are waited for, and they have the last word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.resource import Entry, Key, Observed
from reconciler.engine import readback
from reconciler.engine.closing import Closing
from reconciler.engine.readback import WAITS, Gone
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.ledger import LedgerWriter, load_ledger
from tests.support.cxone import KINDS, client, in_loop
from tests.support.emulator import RunningEmulator, running_emulator

NAMES = [f"table-{number:02}" for number in range(30)]


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


def fields_of(name: str) -> dict[str, Any]:
    return {"name": name, "description": "as applied", "primaryKey": "id", "columns": {"id": "string"}}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(seconds: float) -> None:
        assert seconds in WAITS

    monkeypatch.setattr("anyio.sleep", at_once)


def etags(items: Mapping[Key, Entry] | Mapping[Key, Observed]) -> dict[Key, str]:
    return {key: item.etag for key, item in items.items()}


@asynccontextmanager
async def applied(emulator: RunningEmulator, folder: Path) -> AsyncIterator[Closing]:
    """Tables that are live and in the ledger, as an apply leaves them behind its last change."""
    writer = LedgerWriter(FileStore(folder), load_ledger(FileStore(folder), stack="s", target="t"))
    live: dict[Key, Observed] = {}
    async with client(emulator.url) as one:
        for name in NAMES:
            key = Key("Dataset", name)
            live[key] = await one.create(KINDS["Dataset"], fields_of(name), idempotency_key=name)
            columns = {"id": {"type": "string", "nullable": False}}
            writer.put(key, Entry(key, live[key].id, {**fields_of(name), "columns": columns}))
        yield Closing(one, KINDS, writer, live, {})


@in_loop
async def test_what_is_as_it_was_answered_is_not_compared_again(
    emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback, "divergence", lambda *_: pytest.fail("compared once more"))
    async with applied(emulator, tmp_path) as closing:
        seen = await closing.read_back(closing.writer.entries)
    assert seen.diverged == []
    assert etags(closing.writer.entries) == etags(closing.live)
    closing.writer.save()
    assert load_ledger(FileStore(tmp_path), stack="s", target="t").entries == closing.writer.entries


@in_loop
async def test_what_a_listing_says_otherwise_than_the_answer_is_told(emulator: RunningEmulator, tmp_path: Path) -> None:
    changed, restored = Key("Dataset", NAMES[3]), Key("Dataset", NAMES[4])
    async with applied(emulator, tmp_path) as closing:
        for key, text in ((changed, "by hand"), (restored, "by hand"), (restored, "as applied")):
            body = {"kind": "Dataset", "name": key.name, "patch": {"description": text}, "by": "somebody"}
            emulator.control("POST", "edit", body)
        seen = await closing.read_back(closing.writer.entries)
    assert seen.diverged == [(changed, "reads back otherwise at description")]
    assert etags(closing.writer.entries) == {**etags(closing.live), changed: ""}


@in_loop
async def test_what_was_not_written_as_meant_is_told_though_nobody_touched_it(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    key = Key("Dataset", NAMES[0])
    async with applied(emulator, tmp_path) as closing:
        entry = closing.writer.entries[key]
        meant = Entry(key, entry.id, {**entry.fields, "description": "as meant"})
        closing.writer.put(key, meant)
        seen = await closing.read_back({key: meant})
    assert seen.diverged == [(key, "reads back otherwise at description")]
    assert closing.writer.entries[key].etag == ""


@in_loop
async def test_what_was_deleted_and_is_still_there_stays_in_the_ledger(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    key = Key("Dataset", NAMES[0])
    async with applied(emulator, tmp_path) as closing:
        entry = closing.writer.entries[key]
        closing.before = {key: entry}
        closing.writer.put(key, None)
        seen = await closing.read_back({key: Gone(entry.id)})
    assert seen.kept == {key}
    assert closing.writer.entries[key] == entry
