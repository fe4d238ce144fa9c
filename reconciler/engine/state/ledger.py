"""Reading and writing the ledger: versioned JSON, replaced whole, and only if nobody else replaced it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import orjson

from reconciler.core.codec import entries_from_json, ledger_from_json, ledger_head_to_json
from reconciler.core.resource import Entry, Key, Ledger
from reconciler.engine.state.fingerprint import new_salt
from reconciler.engine.state.ledger_text import EntryTexts
from reconciler.engine.state.store import Blob, StateStore
from reconciler.errors import LedgerDamaged, LedgerError

NAME = "ledger.json"
FORMAT_VERSION = 1
_ENTRIES = b'\n  "entries": {\n'
_ENTRIES_END = b"\n  },"


def load_ledger(store: StateStore, *, stack: str, target: str) -> Ledger:
    """The ledger of a target; a new one, marked as lost, where there is none.

    Raises `LedgerDamaged` where it does not read back or does not fit together, `LedgerError` where it belongs to another stack
    or tenant.
    """
    return load_identified(store, stack=stack, target=target)[0]


def load_identified(store: StateStore, *, stack: str, target: str, known: str = "") -> tuple[Ledger, str]:
    """As `load_ledger`, with what identifies the bytes that were read (hex, empty where there are none).

    Those that are ``known``, since they were loaded before, are taken to be whole, and their entries decoded when somebody asks.
    """
    blob = store.read(NAME)
    digest = blake2b(blob.data, digest_size=32).hexdigest() if blob is not None else ""
    if digest and digest == known:
        return _owned(blob, store.place(NAME), stack, target, _parse_known), digest
    ledger = _owned(blob, store.place(NAME), stack, target, parse_ledger)
    # Of a live resource with two owners, the one whose manifest goes would delete what the other declares.
    problem = next(inconsistencies(ledger), None)
    if problem is not None:
        raise _damaged(store.place(NAME), problem)
    return ledger, digest


def read_ledger(store: StateStore, *, stack: str, target: str) -> Ledger:
    """As `load_ledger`, without asking whether it fits together: for those who look into it."""
    blob = store.read(NAME)
    return _owned(blob, store.place(NAME), stack, target, parse_ledger)


def _owned(blob: Blob | None, place: str, stack: str, target: str, parse: Callable[[bytes, str], Ledger]) -> Ledger:
    """The ledger of this stack and tenant, a new one where there is none."""
    if blob is None:
        return Ledger(stack, target, salt=new_salt(), lost=True)
    ledger = parse(blob.data, place)
    for what, found, wanted in (("stack", ledger.stack, stack), ("tenant", ledger.target, target)):
        if found != wanted:
            raise LedgerError(
                f"the ledger {place} belongs to the {what} {found}, not to {wanted}",
                fix=f"give this target a ledger of its own in reconciler.yaml, or move {place} away",
            )
    return ledger


def parse_ledger(data: bytes, place: str = NAME) -> Ledger:
    """Read a ledger's bytes; ``place`` is where they were found. Raises `LedgerDamaged`."""
    try:
        raw = orjson.loads(data)
        if not isinstance(raw, dict):
            raise TypeError("not an object")  # noqa: TRY301 - one way out for all that is not a ledger
        _check_version(raw, place)
        ledger = ledger_from_json(raw)
        if len(ledger.salt) < len(new_salt()):
            raise ValueError("its salt is cut short")  # noqa: TRY301 - the same
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(place, f"it does not read back: {error}") from error
    return ledger


def _parse_known(data: bytes, place: str) -> Ledger:  # noqa: ARG001 - as `parse_ledger`
    """Read a ledger that was found to be whole before; entries are decoded when somebody asks for them."""
    # As `ledger_bytes` lays it out: nothing in an entry begins a line with fewer than four blanks.
    begin, end = data.find(_ENTRIES), data.rfind(_ENTRIES_END)
    raw = orjson.loads(data[:begin] + data[end + len(_ENTRIES_END) :] if 0 < begin < end else data)
    return replace(ledger_from_json({**raw, "entries": {}}), entries=_LaterEntries(data))


class _LaterEntries(Mapping[Key, Entry]):
    """The entries of a ledger, decoded at the first look."""

    __slots__ = ("_decoded", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw: bytes | None = raw
        self._decoded: dict[Key, Entry] = {}

    def _all(self) -> dict[Key, Entry]:
        if self._raw is not None:
            self._decoded, self._raw = entries_from_json(orjson.loads(self._raw)["entries"]), None
        return self._decoded

    def __getitem__(self, key: Key) -> Entry:
        return self._all()[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def inconsistencies(ledger: Ledger) -> Iterator[str]:
    """What no ledger says that this tool wrote: keys without an id, and keys that share one."""
    entries = ledger.entries
    owners = {(key.kind, entry.id): key for key, entry in entries.items()}
    if len(owners) == len(entries) and all(id_ for _, id_ in owners):
        return
    first: dict[tuple[str, str], Key] = {}
    for key in sorted(entries):
        place = (key.kind, entries[key].id)
        if not place[1]:
            yield f"{key} has no id"
        elif place in first:
            yield f"{first[place]} and {key} claim the same live resource {place[1]}"
        first.setdefault(place, key)


def _damaged(place: str, problem: str) -> LedgerDamaged:
    return LedgerDamaged(
        f"the ledger {place} is damaged: {problem}",
        fix=f"restore {place} from a backup; or move it away: resources are then adopted by name, and nothing is deleted",
    )


def _check_version(raw: Mapping[str, Any], place: str) -> None:
    version = raw.get("format_version")
    if type(version) is not int or version < 1:
        raise TypeError("it has no format_version")
    if version > FORMAT_VERSION:
        raise LedgerDamaged(
            f"the ledger {place} has format {version}, and this version of the tool reads up to {FORMAT_VERSION}",
            fix="use the newer version of the tool that wrote it",
        )


def ledger_bytes(ledger: Ledger, texts: EntryTexts | None = None) -> bytes:
    """The ledger as it is stored: the same bytes for the same content. ``texts`` are those of entries that were stored before."""
    entries = (texts or EntryTexts()).all(ledger.entries)
    data = {"format_version": FORMAT_VERSION, **ledger_head_to_json(ledger), "entries": entries}
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@dataclass(slots=True)
class LedgerWriter:
    """The ledger during a run that writes: entries change in memory, `save` makes them durable.

    Only the holder of the store's lease may have one.
    """

    store: StateStore
    ledger: Ledger
    entries: dict[Key, Entry] = field(init=False)
    version: str | None = field(init=False)
    dirty: bool = False
    texts: EntryTexts = field(default_factory=EntryTexts)

    def __post_init__(self) -> None:
        self.entries = dict(self.ledger.entries)
        blob = self.store.read(NAME)
        self.version = blob.version if blob else None

    def put(self, key: Key, entry: Entry | None, moved_from: Key | None = None) -> None:
        """Take an entry over (None: remove it); a moved one leaves its old key."""
        if moved_from is not None:
            self.entries.pop(moved_from, None)
        if entry is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = entry
        self.dirty = True

    def save(self, *, audit_head: str | None = None) -> None:
        """Write the ledger if anything changed; raises `LedgerConflict` where somebody else wrote it."""
        head = self.ledger.audit_head if audit_head is None else audit_head
        if not self.dirty and head == self.ledger.audit_head and self.version is not None:
            return
        # In this order, as entries may be put by another thread while this one writes.
        self.dirty = False
        ledger = replace(
            self.ledger, entries=dict(self.entries), serial=self.ledger.serial + 1, lost=False, audit_head=head
        )
        try:
            self.version = self.store.write(NAME, ledger_bytes(ledger, self.texts), self.version)
        except BaseException:
            self.dirty = True
            raise
        self.ledger = ledger
