"""The audit log: who sent which request when, each record chained to the one before it by its hash.

The head of the chain is kept in the ledger, so that a log which was shortened or rewritten no longer fits it. Records hold no
bodies and no secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from reconciler.engine.state.store import StateStore

NAME = "audit.ndjson"
GENESIS = "0" * 64


def record_hash(record: Mapping[str, Any]) -> str:
    """The hash (SHA-256, hex) of a record without its own ``hash``."""
    data = {key: value for key, value in record.items() if key != "hash"}
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


class AuditLog:
    """Collects the records of a run and writes them in groups.

    ``head`` is the one that the ledger remembers. Where the log lacks it, somebody shortened or replaced the log: the next
    record then follows that head and not the last one that is left, so that the gap can be seen for good.
    """

    def __init__(self, store: StateStore, *, actor: str, head: str) -> None:
        self._store = store
        self._actor = actor
        self._waiting: list[bytes] = []
        data = store.read_log(NAME)
        length, last = _last_record(data)
        if length < len(data):
            store.rewrite_log(NAME, data[:length])
        self._sequence = int(last["seq"]) if last else 0
        known = head in ("", GENESIS) or data.find(head.encode(), 0, length) >= 0
        self.head = head if not known else str(last["hash"]) if last else GENESIS

    def add(self, action: str, **details: Any) -> None:
        """Note something that happened; ``details`` are plain JSON values."""
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

    def flush(self) -> None:
        """Make all records so far durable. Raises `StorageError`."""
        if self._waiting:
            self._store.append(NAME, b"".join(self._waiting))
            self._waiting.clear()


def _last_record(data: bytes) -> tuple[int, dict[str, Any] | None]:
    """Where the last line that reads back ends, and its record: what a crash left behind it is no record."""
    end = data.rfind(b"\n")
    while end >= 0:
        start = data.rfind(b"\n", 0, end) + 1
        record = _record(data[start:end])
        if record is not None:
            return end + 1, record
        end = start - 1
    return 0, None


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not {"prev", "hash"} <= record.keys() or type(record.get("seq")) is not int:
        return None
    return record


def read_audit(store: StateStore) -> tuple[list[dict[str, Any]], list[str]]:
    """All records that read back, and what is wrong with the rest. A torn last line is left out without a word."""
    lines = store.read_log(NAME).split(b"\n")
    lines.pop()
    records: list[dict[str, Any]] = []
    problems = []
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is not None:
            records.append(record)
        else:
            problems.append(f"line {number} does not read back")
    return records, problems


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
        if record["hash"] != record_hash(record):
            problems.append(f"record {number} was changed")
        previous = str(record["hash"])
        hashes.add(previous)
    if head not in hashes:
        problems.append("the head that the ledger remembers is missing: the log was shortened or replaced")
    return problems
