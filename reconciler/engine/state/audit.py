"""The audit log: who sent which request when, each record chained to the one before it by its hash.

The head of the chain is kept in the ledger, so that a log which was shortened or rewritten no longer fits it. Records hold no
bodies and no secrets. A log that has grown large is put aside, and the chain goes on in the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final

import orjson

from reconciler.engine.state.store import StateStore

NAME = "audit.ndjson"
GENESIS = "0" * 64

PART_BYTES: Final = 16 * 1024 * 1024
"""Bytes that a log may have before it is put aside."""

TAIL_BYTES: Final = 64 * 1024
"""Bytes at the end of a log in which its last records are looked for first: some 200 of them."""


def record_hash(record: Mapping[str, Any]) -> str:
    """The hash (SHA-256, hex) of a record without its own ``hash``."""
    data = {key: value for key, value in record.items() if key != "hash"}
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


class AuditLog:
    """Collects the records of a run and writes them in groups.

    ``head`` is the one that the ledger remembers. Where the log lacks it, somebody shortened or replaced the log: the next
    record then follows that head and not the last one that is left, so that the gap can be seen for good. Only the log's end
    is read, unless it holds no record or not that head.
    """

    def __init__(self, store: StateStore, *, actor: str, head: str) -> None:
        self._store = store
        self._actor = actor
        self._waiting: list[bytes] = []
        self._guard = Lock()
        tail, torn, last = _last_record(store, NAME)
        self._size = store.size(NAME) - torn
        if torn:
            store.rewrite_log(NAME, store.read_log(NAME)[: self._size])
        parts = store.parts(NAME)
        if last is None and parts:  # a crash came between putting a log aside and beginning the next
            tail, _, last = _last_record(store, parts[-1])
        self._sequence = int(last["seq"]) if last else 0
        known = head in ("", GENESIS) or head.encode() in tail or self._somewhere(head, parts)
        self.head = head if not known else str(last["hash"]) if last else GENESIS

    def _somewhere(self, head: str, parts: Sequence[str]) -> bool:
        """Whether any record has this hash."""
        wanted = head.encode()
        return any(wanted in self._store.read_log(name) for name in (NAME, *reversed(parts)))

    def add(self, action: str, **details: Any) -> None:
        """Note something that happened; ``details`` are plain JSON values."""
        with self._guard:
            self._sequence += 1
            record = {
                "seq": self._sequence,
                "actor": self._actor,
                "action": action,
                **details,
                "prev": self.head,
            }
            record["hash"] = self.head = record_hash(record)
            self._waiting.append(orjson.dumps(record) + b"\n")

    def flush(self) -> str:
        """Make all records so far durable, in the next log where this one has grown too large; returns their head.

        Records may be added by another thread meanwhile; they wait for the next time. Raises `StorageError`.
        """
        with self._guard:
            count, head = len(self._waiting), self.head
            data = b"".join(self._waiting)
        if not data:
            return head
        if self._size and self._size + len(data) > PART_BYTES:
            self._store.rotate(NAME)
            self._size = 0
        self._store.append(NAME, data)
        self._size += len(data)
        with self._guard:
            del self._waiting[:count]
        return head


def _last_record(store: StateStore, name: str) -> tuple[bytes, int, dict[str, Any] | None]:
    """The end of a log up to its last record, how many bytes a crash left behind that, and the record.

    The end is read in ever larger pieces until it holds a record.
    """
    size, wanted = store.size(name), TAIL_BYTES
    while True:
        data = store.read_end(name, wanted) if size else b""
        length, record = _last_in(data, whole=wanted >= size)
        if record is not None or wanted >= size:
            return data[:length], len(data) - length, record
        wanted *= 8


def _last_in(data: bytes, *, whole: bool) -> tuple[int, dict[str, Any] | None]:
    """Where the last line that reads back ends, and its record: what a crash left behind it is no record.

    Unless the data are the ``whole`` log, their first line may be the end of a longer one.
    """
    end = data.rfind(b"\n")
    while end >= 0:
        before = data.rfind(b"\n", 0, end)
        if before < 0 and not whole:
            break
        record = _record(data[before + 1 : end])
        if record is not None:
            return end + 1, record
        end = before
    return 0, None


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not {"prev", "hash", "actor", "action"} <= record.keys():
        return None
    return record if type(record.get("seq")) is int else None


def read_audit(store: StateStore) -> tuple[list[dict[str, Any]], list[str]]:
    """All records that read back, of all parts in their order, and what is wrong with the rest.

    A torn last line is left out without a word.
    """
    records: list[dict[str, Any]] = []
    problems = []
    for name in (*store.parts(NAME), NAME):
        lines = store.read_log(name).split(b"\n")
        lines.pop()
        where = "" if name == NAME else f" of {name}"
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is not None:
                records.append(record)
            else:
                problems.append(f"line {number}{where} does not read back")
    return records, problems


def _hash_again(record: Mapping[str, Any]) -> str:
    """The hash that a record should have; none for one that this tool cannot have written, such as one that is far too deep."""
    try:
        return record_hash(record)
    except TypeError:
        return ""


def verify(records: Sequence[Mapping[str, Any]], head: str) -> list[str]:
    """Check the chain: every record follows the one before it, and the ledger's head is among them."""
    problems = []
    previous = GENESIS
    hashes = {GENESIS, ""}
    for number, record in enumerate(records, 1):
        if record["seq"] != number:
            problems.append(f"record {number} says it is number {record['seq']}")
        if record["prev"] != previous:
            problems.append(f"record {number} does not follow the one before it")
        if record["hash"] != _hash_again(record):
            problems.append(f"record {number} was changed")
        previous = str(record["hash"])
        hashes.add(previous)
    if head not in hashes:
        problems.append("the head that the ledger remembers is missing: the log was shortened or replaced")
    return problems
