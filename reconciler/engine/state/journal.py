"""The journal of one apply: what was about to be sent, and what became of it, durable before anything depends on it.

One JSON record a line, each with a checksum. A torn last line (the machine died while writing it) is dropped: what it announced
was not sent yet. Damage anywhere else is an error, since a journal that lies is worse than none.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import orjson

from reconciler.core.codec import entry_from_json, entry_to_json
from reconciler.core.exchange import Outcome
from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerDamaged

NAME = "journal.ndjson"
FORMAT_VERSION = 1


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as its line: checksum (CRC-32, hex), a blank, JSON."""
    data = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    return b"%08x %s\n" % (zlib.crc32(data), data)


_END = line_of({"record": "end"})
"""The last line of a journal that needs no resuming."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the journal knows of one change's newest step: its index, and whether its outcome is known."""

    index: int
    outcome: Outcome | None
    resource_id: str = ""
    pin: Pin = Pin("absent")  # noqa: RUF009 - frozen


@dataclass(slots=True)
class JournalState:
    """What a journal says: its header (with the plan), how far each change came, and the ledger entries since.

    ``ended`` is true where the apply came to its end, so that there is nothing to resume.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    steps: dict[Key, Step] = field(default_factory=dict)
    entries: list[tuple[Key, Entry | None, Key | None]] = field(default_factory=list)
    done: set[Key] = field(default_factory=set)
    ended: bool = False

    @property
    def run_id(self) -> str:
        """The run whose idempotency keys are in use."""
        return str(self.header["run"])


def replay(data: bytes) -> JournalState | None:
    """Read a journal; None where there is nothing durable in it. Raises `LedgerDamaged` for damage before the last line."""
    lines = data.split(b"\n")
    torn = lines.pop()
    state = JournalState()
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is None:
            if number == len(lines) and not torn:
                break
            raise LedgerDamaged(
                f"the journal is damaged in line {number}",
                fix="restore it from a backup; or move it away and plan again: writes stay conditional on what is live",
            )
        try:
            _take(state, record)
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerDamaged(
                f"the journal's line {number} is not one that this tool wrote", fix="use the version that wrote it"
            ) from error
    return state if state.header else None


def _record(line: bytes) -> dict[str, Any] | None:
    check, _, data = line.partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(data):
            return None
        record = orjson.loads(data)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _take(state: JournalState, record: Mapping[str, Any]) -> None:
    what = record["record"]
    if what == "header":
        if record["format_version"] > FORMAT_VERSION:
            raise ValueError(record["format_version"])
        state.header = record
        return
    if what == "end":
        state.ended = True
        return
    key = Key.parse(record["key"])
    if what == "intent":
        state.steps[key] = Step(record["step"], None, record["id"], _pin(record["pin"]))
    elif what == "outcome":
        state.steps[key] = Step(record["step"], record["outcome"], record["id"], _pin(record["pin"]))
    elif what == "entry":
        entry = entry_from_json(key, record["entry"]) if record["entry"] is not None else None
        state.entries.append((key, entry, Key.parse(record["from"]) if record["from"] else None))
    elif what == "done":
        state.done.add(key)
    else:
        raise ValueError(what)


def _pin(data: Mapping[str, Any]) -> Pin:
    return Pin(data["style"], str(data["value"]), str(data["digest"]))


def pin_to_json(pin: Pin) -> dict[str, str]:
    """A pin as JSON."""
    return {"style": pin.style, "value": pin.value, "digest": pin.digest}


def entry_record(key: Key, entry: Entry | None, moved_from: Key | None) -> dict[str, Any]:
    """The record of a ledger entry's change."""
    return {
        "record": "entry",
        "key": str(key),
        "entry": entry_to_json(entry) if entry else None,
        "from": str(moved_from) if moved_from else None,
    }


class Journal:
    """Writes records with group commit: callers that come together share one write and one fsync."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._waiting: list[bytes] = []
        self._lock = anyio.Lock()
        self._written = 0
        self._queued = 0

    def begin(self, header: Mapping[str, Any]) -> None:
        """Start a journal with its header, in place of one that has ended."""
        self._store.delete(NAME)
        self._store.append(NAME, line_of({"record": "header", "format_version": FORMAT_VERSION, **header}))

    def resume(self) -> None:
        """Go on with an open journal: a torn last line is cut off before anything is added behind it."""
        data = self._store.read_log(NAME)
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            self._store.rewrite_log(NAME, whole)

    async def append(self, *records: Mapping[str, Any]) -> None:
        """Make records durable; returns once they are. Raises `StorageError`."""
        self._waiting += [line_of(record) for record in records]
        self._queued += len(records)
        mine = self._queued
        async with self._lock:
            if self._written >= mine:
                return
            batch, self._waiting = b"".join(self._waiting), []
            upto = self._queued
            await anyio.to_thread.run_sync(self._store.append, NAME, batch)
            self._written = upto

    def end(self) -> None:
        """Close the journal: its run needs no resuming."""
        self._store.append(NAME, _END)


def read_journal(store: StateStore) -> JournalState | None:
    """The journal in a store; None where there is none."""
    return replay(store.read_log(NAME))


def open_journal(store: StateStore) -> JournalState | None:
    """The journal of an apply that was interrupted; None where the last one ended.

    Every plan asks this, and one line tells it: a journal that ended is not read, however long it is.
    """
    if store.read_end(NAME, len(_END)) == _END:
        return None
    state = read_journal(store)
    return None if state is None or state.ended else state
