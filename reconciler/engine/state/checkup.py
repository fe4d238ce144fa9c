"""A check-up of durable state: each part reads back, and the parts fit together."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import Ledger
from reconciler.engine.state.audit import read_audit, verify
from reconciler.engine.state.journal import read_journal, require_own
from reconciler.engine.state.journal_lines import NAME
from reconciler.engine.state.ledger import inconsistencies, read_ledger
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerError, StorageError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up; ``bad`` says that something must be done."""

    subject: str
    message: str
    bad: bool = False

    def to_json(self) -> dict[str, object]:
        """The finding as JSON."""
        return {"subject": self.subject, "message": self.message, "ok": not self.bad}


def check_state(store: StateStore, *, stack: str, target: str) -> list[Finding]:
    """Check ledger, journal, audit log and lock; problems are findings, not errors."""
    findings: list[Finding] = []
    ledger: Ledger | None = None
    try:
        ledger = read_ledger(store, stack=stack, target=target)
        if ledger.lost:
            findings.append(Finding("ledger", "there is none yet"))
        else:
            findings.append(Finding("ledger", f"{len(ledger.entries)} resources, serial {ledger.serial}"))
            findings += [Finding("ledger", message, bad=True) for message in inconsistencies(ledger)]
    except (LedgerError, StorageError) as error:
        findings.append(Finding("ledger", error.message, bad=True))
    findings.append(_journal(store, stack, target))
    findings += _audit(store, ledger)
    holder = store.holder()
    findings.append(Finding("lock", str(holder) if holder else "free"))
    return findings


def _journal(store: StateStore, stack: str, target: str) -> Finding:
    try:
        state = read_journal(store)
        if state is not None and not state.ended:
            require_own(state, store.place(NAME), stack=stack, target=target)
    except (LedgerError, StorageError) as error:
        return Finding("journal", error.message, bad=True)
    if state is None:
        return Finding("journal", "there is none")
    if state.ended:
        return Finding("journal", "the last apply came to its end")
    started = state.header.get("started", "an unknown time")
    return Finding("journal", f"an apply of {started} was interrupted; `reconciler apply --resume`", bad=True)


def _audit(store: StateStore, ledger: Ledger | None) -> list[Finding]:
    try:
        records, problems = read_audit(store)
    except (LedgerError, StorageError) as error:
        return [Finding("audit log", error.message, bad=True)]
    problems += verify(records, ledger.audit_head if ledger else "")
    if problems:
        return [Finding("audit log", problem, bad=True) for problem in problems]
    return [Finding("audit log", f"{len(records)} records, chain unbroken")]
