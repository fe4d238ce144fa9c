"""Giving up an interrupted apply: what its journal knows goes into the ledger, the journal itself aside, nothing is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from reconciler.core.resource import Key
from reconciler.engine.clock import now, stamp
from reconciler.engine.state import journal
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.journal_lines import NAME
from reconciler.engine.state.ledger import LedgerWriter, load_ledger
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerDamaged


@dataclass(frozen=True, slots=True)
class Discarded:
    """What became of a journal: how many of its ledger records were kept, and where the journal lies now.

    ``undecided`` are the keys whose last request may have been carried out; ``damaged`` says that not all of it read back,
    ``foreign`` that it was another stack's or tenant's, of which nothing is taken over.
    """

    started: str
    kept: int
    undecided: tuple[Key, ...]
    damaged: bool
    name: str
    foreign: bool = False


def discard_journal(store: StateStore, *, stack: str, target: str, actor: str) -> Discarded | None:
    """Give up the interrupted apply, None where there is none. The caller holds the store's lease.

    Doing it again after a crash in the middle gives the same result. Raises `LedgerError` or `StorageError`.
    """
    data = store.read_log(NAME)
    damaged = False
    try:
        state = journal.replay(data)
        if state is None or state.ended:
            return None
    except LedgerDamaged:
        damaged, state = True, journal.salvage(data)
    state = state or journal.JournalState()
    foreign = bool(journal.whose(state, stack=stack, target=target))
    if foreign:
        state = journal.JournalState(state.header)
    started = str(state.header.get("started", "an unknown time"))
    writer = LedgerWriter(store, load_ledger(store, stack=stack, target=target))
    for key, entry, moved_from in state.entries:
        writer.put(key, entry, moved_from)
    name = _set_aside(store, data)
    audit = AuditLog(store, actor=actor, head=writer.ledger.audit_head)
    audit.add("journal-discarded", at=stamp(now()), started=started, kept=name)
    audit.flush()
    writer.save(audit_head=audit.head)
    store.delete(NAME)
    return Discarded(started, len(state.entries), state.undecided, damaged, name, foreign)


def _set_aside(store: StateStore, data: bytes) -> str:
    """Keep the journal under a name of its own, for whoever wants to know what it said."""
    name = f"discarded-{hashlib.sha256(data).hexdigest()[:12]}.ndjson"
    if store.read(name) is None:
        store.write(name, data, None)
    return name
