"""Giving up an interrupted apply: nothing that is known is lost, and the way is free again."""

from pathlib import Path

import anyio
import pytest

from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.audit import read_audit, verify
from reconciler.engine.state.discard import Discarded, discard_journal
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import entry_record, open_journal, pin_to_json
from reconciler.engine.state.journal_lines import NAME
from reconciler.engine.state.journal_writer import Journal
from reconciler.engine.state.ledger import LedgerWriter, load_ledger
from tests.support.journals import plan_of

OLD, KEPT, OPEN = Key("Dataset", "old"), Key("Dataset", "kept"), Key("Dataset", "open")


def interrupted(folder: Path) -> FileStore:
    store = FileStore(folder)
    writer = LedgerWriter(store, load_ledger(store, stack="s", target="t"))
    writer.put(OLD, Entry(OLD, "d0", {"name": "old"}))
    writer.save()

    async def work() -> None:
        journal = Journal(store)
        journal.begin({"run": "r1", "started": "2026-01-01T00:00:00Z"}, plan_of("s", "t"))
        await journal.append(entry_record(KEPT, Entry(KEPT, "d1", {"name": "kept"}), OLD))
        pin = pin_to_json(Pin("absent"))
        await journal.append({"record": "intent", "key": str(OPEN), "step": 0, "id": "", "pin": pin})

    anyio.run(work)
    return store


def discard(store: FileStore) -> Discarded | None:
    return discard_journal(store, stack="s", target="t", actor="ada@host")


def test_what_the_journal_knows_goes_into_the_ledger(tmp_path: Path) -> None:
    store = interrupted(tmp_path)
    before = store.read_log(NAME)
    found = discard(store)
    assert found is not None
    assert (found.started, found.kept, found.undecided, found.damaged) == ("2026-01-01T00:00:00Z", 1, (OPEN,), False)
    assert store.read_log(found.name) == before
    assert open_journal(store) is None
    ledger = load_ledger(store, stack="s", target="t")
    assert {key: entry.id for key, entry in ledger.entries.items()} == {KEPT: "d1"}
    records, _ = read_audit(store)
    assert records[-1]["action"] == "journal-discarded"
    assert verify(records, ledger.audit_head) == []
    assert discard(store) is None


def test_damage_gives_up_what_comes_after_it(tmp_path: Path) -> None:
    store = interrupted(tmp_path)
    lines = store.read_log(NAME).splitlines(keepends=True)
    store.rewrite_log(NAME, b"".join([*lines[:2], b"damage\n", lines[2]]))
    found = discard(store)
    assert found is not None
    assert (found.kept, found.undecided, found.damaged) == (1, (), True)
    assert KEPT in load_ledger(store, stack="s", target="t").entries


def test_a_journal_of_which_nothing_reads_back_is_set_aside_too(tmp_path: Path) -> None:
    store = interrupted(tmp_path)
    lines = store.read_log(NAME).splitlines(keepends=True)
    store.rewrite_log(NAME, b"".join([b"damage\n", *lines[1:]]))
    found = discard(store)
    assert found is not None
    assert (found.kept, found.damaged) == (0, True)
    assert OLD in load_ledger(store, stack="s", target="t").entries
    assert open_journal(store) is None


@pytest.mark.parametrize("method", ["write", "append", "delete"])
def test_a_crash_in_the_middle_is_made_good_by_doing_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    store = interrupted(tmp_path)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, method, crash)
        with pytest.raises(KeyboardInterrupt):
            discard(store)
    assert discard(store) is not None
    assert list(load_ledger(store, stack="s", target="t").entries) == [KEPT]
    assert open_journal(store) is None
