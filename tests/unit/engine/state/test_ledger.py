"""The ledger: it reads back as written, the oldest format too, and refuses what is not its own."""

import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from reconciler.core.resource import Entry, Key, Ledger
from reconciler.core.values import Bundle, Secret
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.fingerprint import Fingerprinter, new_salt
from reconciler.engine.state.ledger import NAME, LedgerWriter, ledger_bytes, load_identified, load_ledger, parse_ledger
from reconciler.engine.state.ledger_text import EntryTexts
from reconciler.errors import LedgerConflict, LedgerDamaged, LedgerError

KEY = Key("Connector", "crm")
ENTRY = Entry(
    KEY,
    "c1",
    {
        "name": "CRM",
        "authentication": {"credentials": {"username": "svc", "password": Secret("env:P", "hunter2", "ab12")}},
        "code": Bundle("ff" * 32, {"index.js": "aa"}, "actions/x", ("*.md",), 12),
        "odd": {"@reconciler": {"secret": "looks like ours"}},
    },
    (Key("DataAction", "enrich"),),
    protect=True,
)
OLDEST = b"""{
  "audit_head": "",
  "entries": {
    "Dataset/tickets": {
      "dependencies": [],
      "fields": {"name": "tickets", "primaryKey": "id"},
      "id": "d1",
      "protect": false,
      "retain": true
    }
  },
  "format_version": 1,
  "salt": "00112233445566778899aabbccddeeff",
  "serial": 3,
  "stack": "desk",
  "target": "https://tenant.example"
}
"""


def writer(folder: Path) -> LedgerWriter:
    store = FileStore(folder)
    return LedgerWriter(store, load_ledger(store, stack="desk", target="https://tenant.example"))


def test_without_a_file_the_ledger_is_lost_and_has_a_salt_of_its_own(tmp_path: Path) -> None:
    first = load_ledger(FileStore(tmp_path), stack="desk", target="t")
    second = load_ledger(FileStore(tmp_path), stack="desk", target="t")
    assert first.lost
    assert len(first.salt) == 32
    assert first.salt != second.salt


def test_entries_read_back_without_the_value_of_any_secret(tmp_path: Path) -> None:
    ours = writer(tmp_path)
    ours.put(KEY, ENTRY)
    ours.save()
    assert b"hunter2" not in (tmp_path / NAME).read_bytes()
    found = load_ledger(FileStore(tmp_path), stack="desk", target="https://tenant.example")
    assert not found.lost
    entry = found.entries[KEY]
    password = entry.fields["authentication"]["credentials"]["password"]
    assert (password.reference, password.fingerprint, password.resolved) == ("env:P", "ab12", False)
    assert entry.fields["code"].files == {"index.js": "aa"}
    assert entry.fields["odd"] == ENTRY.fields["odd"]
    assert (entry.dependencies, entry.protect, entry.retain) == (ENTRY.dependencies, True, False)


def test_saving_nothing_new_writes_nothing_and_a_change_raises_the_serial(tmp_path: Path) -> None:
    ours = writer(tmp_path)
    ours.put(KEY, ENTRY)
    ours.save()
    before = (tmp_path / NAME).read_bytes()
    ours.save()
    assert (tmp_path / NAME).read_bytes() == before
    ours.put(Key("Connector", "renamed"), ENTRY, KEY)
    ours.save()
    found = parse_ledger((tmp_path / NAME).read_bytes())
    assert list(found.entries) == [Key("Connector", "renamed")]
    assert found.serial == 2
    ours.put(Key("Connector", "renamed"), None)
    ours.save()
    assert not parse_ledger((tmp_path / NAME).read_bytes()).entries


def test_two_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, two = writer(tmp_path), writer(tmp_path)
    one.put(KEY, ENTRY)
    one.save()
    two.put(KEY, None)
    with pytest.raises(LedgerConflict):
        two.save()


def test_the_oldest_format_reads() -> None:
    ledger = parse_ledger(OLDEST)
    entry = ledger.entries[Key("Dataset", "tickets")]
    assert (entry.id, entry.retain, ledger.serial) == ("d1", True, 3)
    assert parse_ledger(ledger_bytes(ledger)) == ledger


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format_version": "1"}',
        b'{"format_version": 1}',
        OLDEST.replace(b'"format_version": 1', b'"format_version": 99'),
        OLDEST.replace(b'"Dataset/tickets"', b'"tickets"'),
        OLDEST.replace(b'"dependencies": []', b'"dependencies": 3'),
        OLDEST[:-20],
        OLDEST.replace(b"00112233445566778899aabbccddeeff", b"001122"),
    ],
)
def test_what_is_no_ledger_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(LedgerDamaged) as caught:
        parse_ledger(data)
    assert caught.value.code == "L001"
    assert caught.value.fix


@pytest.mark.parametrize("ids", [("d1", "d1"), ("", "d2")])
def test_what_does_not_fit_together_is_refused(tmp_path: Path, ids: tuple[str, str]) -> None:
    one, two = Key("Dataset", "one"), Key("Dataset", "two")
    ledger = Ledger(
        "s", "t", {key: Entry(key, id_, {}) for key, id_ in zip((one, two), ids, strict=True)}, 1, "00" * 16
    )
    (tmp_path / NAME).write_bytes(ledger_bytes(ledger))
    with pytest.raises(LedgerDamaged, match=r"ledger\.json is damaged: Dataset/one "):
        load_ledger(FileStore(tmp_path), stack="s", target="t")


@pytest.mark.parametrize(("stack", "target"), [("other", "https://tenant.example"), ("desk", "https://other.example")])
def test_a_ledger_of_another_stack_or_tenant_is_refused(tmp_path: Path, stack: str, target: str) -> None:
    (tmp_path / NAME).write_bytes(OLDEST)
    with pytest.raises(LedgerError, match="belongs to"):
        load_ledger(FileStore(tmp_path), stack=stack, target=target)


def test_the_same_content_is_the_same_bytes() -> None:
    other = Entry(Key("Dataset", "a"), "d1", {"name": "a"})
    one = Ledger("s", "t", {KEY: ENTRY, other.key: other}, 1, "00")
    two = Ledger("s", "t", {other.key: other, KEY: ENTRY}, 1, "00")
    assert ledger_bytes(one) == ledger_bytes(two)
    assert json.loads(ledger_bytes(one))["format_version"] == 1


def test_fingerprints_depend_on_value_and_salt_and_are_made_once() -> None:
    salt = new_salt()
    one, two = Fingerprinter(salt), Fingerprinter(salt)
    assert one("hunter2") == one("hunter2") == two("hunter2")
    assert one("hunter3") != one("hunter2")
    assert Fingerprinter(new_salt())("hunter2") != one("hunter2")
    assert "hunter2" not in repr(one.__dict__)


def test_what_is_known_to_be_whole_is_read_later(tmp_path: Path) -> None:
    """Only its head is read at once, however it is laid out; the rest is what it always was."""
    store = FileStore(tmp_path)
    tricky = {"name": "x", "note": '\n  "entries": {\n\n  },\n', "deep": {"entries": {"a": {}}, "b": [{}]}}
    for entries in (
        {},
        {KEY: Entry(KEY, "d1", tricky), Key("Dataset", "z"): Entry(Key("Dataset", "z"), "d2", {"name": "z"})},
    ):
        whole = Ledger("desk", "t", entries, 7, "ab" * 16, audit_head="cd")
        for data in (ledger_bytes(whole), orjson.dumps(orjson.loads(ledger_bytes(whole)))):
            (tmp_path / NAME).write_bytes(data)
            found, digest = load_identified(store, stack="desk", target="t")
            again, same = load_identified(store, stack="desk", target="t", known=digest)
            assert same == digest
            assert replace(again, entries={}) == replace(found, entries={}) == replace(whole, entries={})
            assert dict(again.entries) == dict(found.entries) == entries
            assert len(again.entries) == len(entries)
            with pytest.raises(LedgerError, match="belongs to the stack desk"):
                load_identified(store, stack="other", target="t", known=digest)


def test_the_text_of_an_entry_is_that_of_this_very_entry() -> None:
    """Python takes true for 1: entries that are equal to it may have to be spelled otherwise."""
    texts, key = EntryTexts(), Key("Dataset", "a")
    one, true = Entry(key, "d1", {"value": 1}), Entry(key, "d1", {"value": True})
    assert one == true
    assert b'"value": 1' in texts.of(key, one)
    assert b'"value": true' in texts.of(key, true)


def test_texts_of_entries_that_are_gone_are_forgotten() -> None:
    texts = EntryTexts()
    entries = {key: Entry(key, "d1", {}) for key in (Key("Dataset", "a"), Key("Dataset", "b"))}
    texts.all(entries)
    key = Key("Dataset", "b")
    gone = entries.pop(key)
    kept = texts.of(key, gone)
    assert texts.of(key, gone) is kept
    texts.all(entries)
    assert texts.of(key, gone) is not kept
