"""The journal of one apply: what was about to be sent, and what became of it, durable before anything depends on it.

One line for what was made durable together, each with a checksum: whatever a crash leaves of a write, it spoils that line alone,
the last. It is dropped: what it announced was not sent yet, and what it reports is found out again. Damage before a line that
reads back is an error, since a journal that lies is worse than none.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from reconciler.core.codec import entry_from_json, entry_to_json
from reconciler.core.exchange import Outcome
from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.journal_lines import NAME, ended, line_of
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerDamaged, LedgerError

FORMAT_VERSION = 2
WAY_OUT = "`reconciler ledger unlock --discard-journal` keeps what reads back and gives up the rest"
"""What to do about a journal that cannot be gone on with."""


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

    ``ahead`` are creates that were on record before their turn, and whose turn had not come as far as the journal knows.
    ``ended`` is true where the apply came to its end, so that there is nothing to resume.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    steps: dict[Key, Step] = field(default_factory=dict)
    ahead: dict[Key, Step] = field(default_factory=dict)
    entries: list[tuple[Key, Entry | None, Key | None]] = field(default_factory=list)
    done: set[Key] = field(default_factory=set)
    ended: bool = False

    @property
    def run_id(self) -> str:
        """The run whose idempotency keys are in use."""
        return str(self.header["run"])

    @property
    def undecided(self) -> tuple[Key, ...]:
        """The keys whose newest request may or may not have been carried out, in the order of their turns."""
        return (*(key for key, step in self.steps.items() if step.outcome in (None, "unknown")), *self.ahead)


def replay(data: bytes, place: str = NAME) -> JournalState | None:
    """Read a journal, found at ``place``; None where there is nothing durable in it.

    Raises `LedgerDamaged` for damage before its end, and where it has several lines of which not even the first reads back.
    """
    records, length = _whole(data)
    behind = data[length:].split(b"\n")[1:-1]
    if any(_record(line) is not None for line in behind) or (behind and not records):
        raise LedgerDamaged(f"the journal {place} is damaged at byte {length}", fix=WAY_OUT)
    return _state(records, place)


def salvage(data: bytes) -> JournalState | None:
    """Read what stands before the first damage of a journal, for those who give the rest of it up."""
    records, _ = _whole(data)
    return _state(records)


def whose(state: JournalState, *, stack: str, target: str) -> str:
    """Empty for a journal of this stack and tenant; else in words which other one it belongs to."""
    plan = state.header.get("plan")
    header = plan.get("header") if isinstance(plan, Mapping) else None
    if isinstance(header, Mapping):
        for what, name, wanted in (("stack", "stack", stack), ("tenant", "url", target)):
            if header.get(name, wanted) != wanted:
                return f"the {what} {header[name]}, not to {wanted}"
    return ""


def require_own(state: JournalState, place: str, *, stack: str, target: str) -> None:
    """Raise `LedgerError` for a journal of another stack or tenant: what is in it must not be sent here, nor believed."""
    if other := whose(state, stack=stack, target=target):
        raise LedgerError(
            f"the journal {place} belongs to {other}",
            fix="put it back where it came from; or `reconciler ledger unlock --discard-journal` sets it aside",
        )


def whole_length(data: bytes) -> int:
    """The bytes of a journal that read back: what comes behind them is a torn end."""
    return _whole(data)[1]


def in_own_format(data: bytes) -> bytes:
    """A journal that reads back, as this version goes on with it: one that knows less must not take it for its own."""
    first, end, rest = data.partition(b"\n")
    header = _record(first)
    if header is None or header["format_version"] >= FORMAT_VERSION:
        return data
    return line_of({**header, "format_version": FORMAT_VERSION}) + rest if end else data


def _whole(data: bytes) -> tuple[list[Mapping[str, Any]], int]:
    """All lines up to the first that does not read back, as records, and their length in bytes."""
    records: list[Mapping[str, Any]] = []
    length = 0
    while (end := data.find(b"\n", length)) >= 0 and (record := _record(data[length:end])) is not None:
        records.append(record)
        length = end + 1
    return records, length


def _state(records: Sequence[Mapping[str, Any]], place: str = "") -> JournalState | None:
    """What records say; without a ``place`` up to the first that makes no sense, else that is an error."""
    state = JournalState()
    for number, record in enumerate(records, 1):
        try:
            _take(state, record, place)
        except LedgerDamaged:
            if place:
                raise
            break
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            if not place:
                break
            raise LedgerDamaged(
                f"line {number} of the journal {place} is not one that this tool wrote, or is of a newer version",
                fix=f"use the version that wrote it; or {WAY_OUT}",
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


def _take(state: JournalState, record: Mapping[str, Any], place: str) -> None:
    what = record["record"]
    if what == "header":
        version = record["format_version"]
        if version > FORMAT_VERSION:
            raise LedgerDamaged(
                f"the journal {place} has format {version}, and this version of the tool reads up to {FORMAT_VERSION}",
                fix=f"resume with the newer version that wrote it; or {WAY_OUT}",
            )
        state.header = record
        return
    if what == "end":
        state.ended = True
        return
    if what == "group":
        for item in record["records"]:
            _take(state, item, place)
        return
    key = Key.parse(record["key"])
    if what == "intent":
        state.ahead.pop(key, None)
        known = state.ahead if record.get("ahead") else state.steps
        known[key] = Step(record["step"], None, record["id"], _pin(record["pin"]))
    elif what == "begun":
        state.steps[key] = state.ahead.pop(key)
    elif what == "outcome":
        state.steps[key] = Step(record["step"], record["outcome"], record["id"], _pin(record["pin"]))
    elif what == "entry":
        entry = entry_from_json(key, record["entry"]) if record["entry"] is not None else None
        state.entries.append((key, entry, Key.parse(record["from"]) if record["from"] else None))
    elif what == "done":
        state.done.add(key)
    elif what == "withdrawn":
        state.steps.pop(key, None)
        state.ahead.pop(key, None)
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


def read_journal(store: StateStore) -> JournalState | None:
    """The journal in a store; None where there is none."""
    return replay(store.read_log(NAME), store.place(NAME))


def open_journal(store: StateStore) -> JournalState | None:
    """The journal of an apply that was interrupted; None where the last one ended."""
    if ended(store):
        return None
    state = read_journal(store)
    return None if state is None or state.ended else state
